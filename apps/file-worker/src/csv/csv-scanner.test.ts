import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from 'csv-parse/sync';
import { CsvScanner, type CsvRecord } from './csv-scanner.ts';

function scan(text: string | Buffer, delimiter = ',', chunkBytes = Infinity) {
  const records: CsvRecord[] = [];
  const scanner = new CsvScanner(delimiter, (record) => records.push(record));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) scanner.push(bytes.subarray(at, at + chunkBytes));
  const end = scanner.end();
  return { ...end, records, fields: records.map((record) => record.fields) };
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** In bytes, without what is garbage already: how much of that there is at a moment says nothing. */
function memoryInUse(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe('the scanner of CSV', () => {
  it.each([
    ['records that end with LF', 'a,b\n1,2\n', [2, 2]],
    ['records that end with CRLF', 'a,b\r\n1,2\r\n', [2, 2]],
    ['records that end with CR, as old Macs wrote them', 'a,b\r1,2\r', [2, 2]],
    ['a last record without a line break', 'a,b\n1,2', [2, 2]],
    ['records of uneven length', 'a,b,c\n1\n1,2,3,4\n', [3, 1, 4]],
    ['empty fields, which are fields', ',\n,,\n', [2, 3]],
    ['one column', 'a\n1\n2\n', [1, 1, 1]],
    ['no bytes', '', []],
    ['blank lines, which are no records', '\n\r\na,b\n  \n\t\n1,2\n\n\n', [2, 2]],
    ['an empty quoted field alone, which is a record', 'a\n""\n', [1, 1]],
    ['a byte order mark', '\uFEFFa,b\n1,2\n', [2, 2]],
    ['a byte order mark before a quote', '\uFEFF"a,b",c\n1,2\n', [2, 2]],
    ['nothing but a byte order mark', '\uFEFF', []],
    ['delimiters in quotes', '"a,b",c\n', [2]],
    ['line breaks in quotes', '"a\nb\r\nc",d\n1,2\n', [2, 2]],
    ['quotes in quotes', '"say ""hi"", twice",b\n"""",2\n', [2, 2]],
    ['spaces around a quoted field', '1 , "a, b" , 2\n', [3]],
    ['a quote inside an unquoted field', '5" disk,1\nO"Neil,2\n', [2, 2]],
    ['letters beyond ASCII', 'größe,名前\n"ü,ü",é\n', [2, 2]],
  ])('reads %s', (_what, text, expected) => {
    for (const chunkBytes of [Infinity, 1, 3]) {
      const { fields, records, unclosedQuoteLine } = scan(text, ',', chunkBytes);
      expect(fields).toEqual(expected);
      expect(records.some((record) => record.brokenQuotes)).toBe(false);
      expect(unclosedQuoteLine).toBeUndefined();
    }
  });

  it.each([';', '\t', '|'])('takes %j for a delimiter, and the others then for characters', (delimiter) => {
    expect(scan(`a${delimiter}b,c\n"x${delimiter}y"${delimiter}2\n`, delimiter).fields).toEqual([2, 2]);
  });

  it('tells in which record text follows a closing quote', () => {
    const { records } = scan('a,b\n"multi\nline",1\n"x"y,2\n"z",3\n');
    expect(records.filter((record) => record.brokenQuotes)).toEqual([expect.objectContaining({ line: 4 })]);
  });

  it('tells on which line a quote opens that is never closed', () => {
    expect(scan('a,b\n1,"x\ny').unclosedQuoteLine).toBe(2);
    expect(scan('a,b\n"multi\nline",1\n1,"x\n').unclosedQuoteLine).toBe(4);
    expect(scan('a,b\r\n"never\r\n', ',', 1).unclosedQuoteLine).toBe(2);
  });

  it('needs no more memory for a field of many megabytes than for a short one', () => {
    let records = 0;
    const scanner = new CsvScanner(',', () => (records += 1));
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    scanner.push(Buffer.from('a,b\n"'));
    const before = memoryInUse();
    for (let megabytes = 0; megabytes < 64; megabytes += 1) scanner.push(chunk);
    const after = memoryInUse();
    scanner.push(Buffer.from('",2\n'));
    scanner.end();
    expect(records).toBe(2);
    expect(after - before).toBeLessThan(32e6);
  });

  it('finds the records and fields that csv-parse finds, in files made at random and cut at random', () => {
    const random = seededRandom(20260115);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
    const field = (): string => {
      const value = Array.from({ length: Math.floor(random() * 5) }, () =>
        pick(['a', 'ü', ' ', ',', '"', '\n', '\r\n', ';']),
      );
      const text = value.join('');
      const mustQuote = /[",\r\n]/.test(text) || random() < 0.2;
      return mustQuote ? `"${text.replaceAll('"', '""')}"` : text;
    };
    for (let round = 0; round < 500; round += 1) {
      const lineBreak = pick(['\n', '\r\n']);
      const lines = Array.from({ length: 1 + Math.floor(random() * 6) }, () =>
        // The leading letter keeps a line from being blank, which the two read differently on purpose.
        ['x', ...Array.from({ length: Math.floor(random() * 4) }, field)].join(','),
      );
      const text = pick(['', '\uFEFF']) + lines.join(lineBreak) + pick(['', lineBreak]);
      const expected: string[][] = parse(text, {
        bom: true,
        relax_column_count: true,
        record_delimiter: lineBreak,
      });
      const { fields } = scan(text, ',', 1 + Math.floor(random() * 7));
      expect({ text, fields }).toEqual({ text, fields: expected.map((record) => record.length) });
    }
  });
});

/** mulberry32: the same numbers in every run. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
