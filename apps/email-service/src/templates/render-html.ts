import { oneLine, type Block, type MailDocument } from './document.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(value: string): string {
  return oneLine(value).replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}

// Mail programs ignore style sheets to a different degree, so every style stands where it is used.
const FONT = 'font-family:system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif'.replaceAll('"', "'");
const CELL = 'padding:6px 0;border-bottom:1px solid #e4e7eb;vertical-align:top';
const LABEL = `${CELL};color:#52606d;padding-right:16px;white-space:nowrap`;
// Ids and checksums are longer than a phone is wide.
const VALUE = `${CELL};word-break:break-word;overflow-wrap:anywhere`;
const AMOUNT = `${CELL};text-align:right;white-space:nowrap;padding-left:16px`;

function table(rows: readonly string[]): string {
  return `<table role="presentation" width="100%" cellspacing="0" cellpadding="0" style="margin:0 0 20px;font-size:15px;border-collapse:collapse">${rows.join('')}</table>`;
}

function renderBlock(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return `<p style="margin:0 0 16px">${escape(block.text)}</p>`;
    case 'facts':
      return table(
        block.rows.map(
          ([label, value]) =>
            `<tr><td style="${LABEL}">${escape(label)}</td><td style="${VALUE}">${escape(value)}</td></tr>`,
        ),
      );
    case 'items': {
      const rows = block.rows.map(
        ({ name, detail, amount }) =>
          `<tr><td style="${VALUE}">${escape(name)}<br><span style="color:#52606d">${escape(detail)}</span></td>` +
          `<td style="${AMOUNT}">${escape(amount)}</td></tr>`,
      );
      const total = block.total
        ? [
            `<tr><td style="${VALUE};font-weight:600">Total</td>` +
              `<td style="${AMOUNT};font-weight:600">${escape(block.total)}</td></tr>`,
          ]
        : [];
      return table([...rows, ...total]);
    }
  }
}

/** The HTML part of a mail. */
export function renderHtml({ subject, heading, blocks }: MailDocument): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(subject)}</title>
</head>
<body style="margin:0;padding:24px 12px;background:#f5f7fa">
<div style="max-width:560px;margin:0 auto;padding:28px 28px 12px;background:#ffffff;border-radius:8px;color:#1f2933;font-size:16px;line-height:1.5;${FONT}">
<h1 style="margin:0 0 16px;font-size:22px;line-height:1.3">${escape(heading)}</h1>
${blocks.map(renderBlock).join('\n')}
</div>
<p style="max-width:560px;margin:16px auto 0;text-align:center;color:#52606d;font-size:13px;${FONT}">Warren</p>
</body>
</html>
`;
}
