import { CsvScanner, type CsvRecord } from './csv-scanner.ts';

/** The beginning of a file. */
export interface Sample {
  bytes: Uint8Array;
  /** Whether these are all the bytes of the file. */
  complete: boolean;
}

export interface CsvDialect {
  mediaType: 'text/csv' | 'text/tab-separated-values';
  delimiter: string;
  /** Records before the header that are no data: 1 for Excel's line `sep=;`, otherwise 0. */
  preamble: number;
}

interface Candidate {
  delimiter: string;
  /** Share of records that have as many fields as most have, 0 to 1. */
  agreement: number;
  fields: number;
}

const DELIMITERS = [',', ';', '\t', '|'];
const EXCEL_SEPARATOR = /^(?:\uFEFF)?sep=([,;\t|])\r?\n/i;
/** JSON and XML have commas and quotes, and lines, and are no CSV. */
const OTHER_NOTATION = /^(?:\uFEFF)?\s*[[{<]/;
const SENTENCE_END = /[.!?]\s*(?:\n|\r|$)/;

/**
 * Finds out whether text is delimited data, and how. By its content alone: names say little.
 *
 * A delimiter is believed when it stands on (nearly) every line as often as on the others. A few short lines of
 * prose can look like that, so the fewer records there are, the more is asked of them. The more harmful mistake
 * is to take prose for CSV and then to reject it for its quotes: where more than half of the records have broken
 * quotes, the text is something else.
 *
 * @param sample at least the first some thousand bytes of valid text
 * @returns undefined for any other text
 */
export function sniffCsv(sample: Sample): CsvDialect | undefined {
  const text = Buffer.from(sample.bytes).toString('utf8');
  const declared = EXCEL_SEPARATOR.exec(text)?.[1];
  if (declared !== undefined) return dialect(declared, 1);
  if (OTHER_NOTATION.test(text)) return undefined;
  const best = bestCandidate(sample, text, true) ?? bestCandidate(sample, text, false);
  return best && dialect(best.delimiter, 0);
}

function dialect(delimiter: string, preamble: number): CsvDialect {
  const mediaType = delimiter === '\t' ? 'text/tab-separated-values' : 'text/csv';
  return { mediaType, delimiter, preamble };
}

/** @param quotes false reads a file whose very first quote is never closed as if there were no quotes. */
function bestCandidate(sample: Sample, text: string, quotes: boolean): Candidate | undefined {
  return DELIMITERS.map((delimiter) => evaluate(sample, text, delimiter, quotes))
    .filter((candidate) => candidate !== undefined)
    .sort((a, b) => b.agreement - a.agreement || b.fields - a.fields)[0];
}

function evaluate(sample: Sample, text: string, delimiter: string, quotes: boolean): Candidate | undefined {
  const records = recordsOf(sample, delimiter, quotes);
  if (records.length === 0) return undefined;
  // `a;` and `b;` are statements of some language, not two columns of which one is empty.
  const terminated = records.every((record) => record.lastFieldEmpty) ? 1 : 0;
  const counts = records.map((record) => record.fields - terminated);
  const { fields, agreement } = mostCommon(counts);
  if (records.filter((record) => record.brokenQuotes).length > records.length / 2) return undefined;

  const everyLineDelimited = counts.every((count) => count >= 2);
  const delimiters = records.reduce((sum, record) => sum + record.fields - 1, 0);
  const spaced = records.reduce((sum, record) => sum + record.spacedDelimiters, 0) / Math.max(1, delimiters);
  const likeProse = spaced >= 0.5 && SENTENCE_END.test(text);
  const believed =
    records.length >= 3
      ? (fields >= 2 && agreement >= 0.8) || (everyLineDelimited && spaced <= 0.5)
      : everyLineDelimited &&
        !likeProse &&
        (records.length === 2 || (spaced === 0 && !SENTENCE_END.test(text)));
  return believed ? { delimiter, agreement, fields } : undefined;
}

/** The records that are whole: of a sample that was cut off, the last one is not. */
function recordsOf(sample: Sample, delimiter: string, quotes: boolean): CsvRecord[] {
  const records: CsvRecord[] = [];
  const scanner = new CsvScanner(delimiter, (record) => records.push(record), { quotes });
  scanner.push(sample.bytes);
  if (sample.complete) scanner.end();
  return records;
}

function mostCommon(counts: number[]): { fields: number; agreement: number } {
  const times = new Map<number, number>();
  for (const count of counts) times.set(count, (times.get(count) ?? 0) + 1);
  const [fields, most] = [...times].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0]!;
  return { fields, agreement: most / counts.length };
}
