import { CsvScanner } from '../csv/csv-scanner.ts';
import { sniffCsv } from '../csv/sniff-csv.ts';
import { FileRejected, type FileProcessor, type FileToProcess, type Findings } from './file-processor.ts';

/**
 * Counts the data rows of delimited text. The first record is the header. Rows of uneven length are rows all the
 * same; broken quotes are not forgiven, because after them nobody knows where a row ends.
 */
export class CsvProcessor implements FileProcessor {
  readonly mediaTypes = ['text/csv', 'text/tab-separated-values'];

  async process(file: FileToProcess): Promise<Findings> {
    const { delimiter, preamble } = sniffCsv(file.sample) ?? { delimiter: ',', preamble: 0 };
    let records = 0;
    const scanner = new CsvScanner(delimiter, (record) => {
      records += 1;
      if (record.brokenQuotes) {
        throw new FileRejected(
          'malformed-csv',
          `in the record that begins on line ${record.line}, a closing quote is followed by text`,
        );
      }
    });
    for await (const chunk of await file.read()) scanner.push(chunk as Buffer);
    const { unclosedQuoteLine } = scanner.end();
    if (unclosedQuoteLine !== undefined) {
      throw new FileRejected(
        'malformed-csv',
        `the quote that opens on line ${unclosedQuoteLine} is never closed`,
      );
    }
    return { result: { rows: Math.max(0, records - preamble - 1) }, derivatives: [] };
  }
}
