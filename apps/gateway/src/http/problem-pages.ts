import type { ProblemType } from './problem-types.ts';

type Listed = ProblemType & { type: string };

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

const page = (title: string, body: string): string => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} · Warren</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 45rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: 0.4rem 0.8rem 0.4rem 0; border-bottom: 1px solid #ddd; }
code { background: #f2f2f2; padding: 0 0.2rem; }
</style>
</head>
<body>
${body}
</body>
</html>
`;

/** The error catalogue for people. */
export function problemsPage(types: readonly Listed[]): string {
  const rows = types.map(
    ({ type, status, title }) =>
      `<tr><td>${status}</td><td><a href="${escape(type)}"><code>${escape(type)}</code></a></td><td>${escape(title)}</td></tr>`,
  );
  return page(
    'Errors',
    `<h1>Errors</h1>
<p>Every error of this API is a problem document (RFC 9457) whose <code>type</code> leads to one of these pages.</p>
<table>
<thead><tr><th>Status</th><th>Type</th><th>Meaning</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`,
  );
}

/** The page of one type of problem for people. */
export function problemPage({ type, status, title, meaning, mend }: Listed): string {
  return page(
    title,
    `<h1>${escape(title)}</h1>
<p><code>${escape(type)}</code>, status ${status}</p>
<h2>What happened</h2>
<p>${escape(meaning)}</p>
<h2>What to do</h2>
<p>${escape(mend)}</p>
<p><a href="/problems">All errors</a></p>`,
  );
}
