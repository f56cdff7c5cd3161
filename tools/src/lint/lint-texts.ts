import { text } from 'node:stream/consumers';
import { ESLint } from 'eslint';

/**
 * Lints texts as if they stood in files of the workspace. Reads `[{ file, text }, …]` from standard input and writes, for
 * each, the complaints as `rule: message`.
 */
const probes = JSON.parse(await text(process.stdin)) as { file: string; text: string }[];
const eslint = new ESLint();
const complaints: string[][] = [];
for (const probe of probes) {
  const [result] = await eslint.lintText(probe.text, { filePath: probe.file });
  complaints.push((result?.messages ?? []).map(({ ruleId, message }) => `${ruleId}: ${message}`));
}
process.stdout.write(JSON.stringify(complaints));
