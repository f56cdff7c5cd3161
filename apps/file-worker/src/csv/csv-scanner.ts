const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** One record, which is a line unless a quoted field has line breaks in it. */
export interface CsvRecord {
  /** Line on which it begins, from 1. */
  line: number;
  fields: number;
  /** Delimiters that a space follows, as a comma in prose has it. */
  spacedDelimiters: number;
  lastFieldEmpty: boolean;
  /** Something follows a closing quote that is no delimiter: `"a"b,c`. */
  brokenQuotes: boolean;
}

const enum State {
  /** Before a field, or in the spaces before it. */
  Start,
  Unquoted,
  Quoted,
  /** After a quote in a quoted field: its end, or the first half of an escaped quote. */
  QuoteInQuoted,
  AfterQuoted,
}

/**
 * Finds the records of a CSV file in a stream of bytes, with memory that does not grow, however long a line or a
 * quoted field is. (Parsers that give the values keep whole records: one line of 10 GB would be kept whole.)
 *
 * RFC 4180, and what spreadsheets make of it: records end with CRLF, LF or CR; a byte order mark is skipped; blank
 * lines are no records; spaces around a quoted field don't matter; a quote inside an unquoted field is a character.
 * Works for every encoding in which the ASCII characters are single bytes.
 */
export class CsvScanner {
  readonly #delimiter: number;
  readonly #onRecord: (record: CsvRecord) => void;
  readonly #quote: number;
  #state = State.Start;
  #skipped = 0;
  #line = 1;
  #quoteLine = 0;
  #afterCarriageReturn = false;
  // The record at hand.
  #recordLine = 1;
  #fields = 1;
  #spaced = 0;
  #fieldEmpty = true;
  #afterDelimiter = false;
  #blank = true;
  #broken = false;

  /**
   * @param delimiter one ASCII character
   * @param options.quotes false takes quotes for characters like others
   */
  constructor(delimiter: string, onRecord: (record: CsvRecord) => void, options: { quotes?: boolean } = {}) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#quote = options.quotes === false ? -1 : QUOTE;
    this.#onRecord = onRecord;
  }

  push(chunk: Uint8Array): void {
    for (const byte of this.#skipByteOrderMark(chunk)) {
      if (byte === LINE_FEED && this.#afterCarriageReturn) {
        this.#afterCarriageReturn = false;
        continue;
      }
      this.#afterCarriageReturn = false;

      if (this.#state === State.Quoted) {
        if (byte === QUOTE) this.#state = State.QuoteInQuoted;
        else if (byte === LINE_FEED) this.#line += 1;
      } else if (byte === this.#quote && this.#state === State.QuoteInQuoted) {
        this.#state = State.Quoted;
      } else if (byte === this.#delimiter) {
        this.#fields += 1;
        this.#fieldEmpty = true;
        this.#afterDelimiter = true;
        this.#blank = false;
        this.#state = State.Start;
      } else if (byte === LINE_FEED || byte === CARRIAGE_RETURN) {
        this.#afterCarriageReturn = byte === CARRIAGE_RETURN;
        this.#endRecord();
        this.#line += 1;
        this.#recordLine = this.#line;
      } else if (this.#state === State.Start) {
        this.#startField(byte);
      } else if (this.#state !== State.Unquoted) {
        if (byte === SPACE || byte === TAB) {
          this.#state = State.AfterQuoted;
        } else {
          this.#broken = true;
          this.#state = State.Unquoted;
        }
      }
    }
  }

  /**
   * Ends the last record, which needs no line break after it.
   *
   * @returns the line on which a quoted field begins that never ends, if there is one.
   */
  end(): { unclosedQuoteLine?: number } {
    if (this.#state === State.Quoted) return { unclosedQuoteLine: this.#quoteLine };
    this.#endRecord();
    return {};
  }

  #startField(byte: number): void {
    if (byte === SPACE || byte === TAB) {
      if (this.#afterDelimiter) this.#spaced += 1;
      this.#afterDelimiter = false;
      return;
    }
    this.#blank = false;
    this.#fieldEmpty = false;
    this.#afterDelimiter = false;
    if (byte === this.#quote) {
      this.#state = State.Quoted;
      this.#quoteLine = this.#line;
    } else {
      this.#state = State.Unquoted;
    }
  }

  #endRecord(): void {
    if (!this.#blank) {
      this.#onRecord({
        line: this.#recordLine,
        fields: this.#fields,
        spacedDelimiters: this.#spaced,
        lastFieldEmpty: this.#fieldEmpty,
        brokenQuotes: this.#broken,
      });
    }
    this.#state = State.Start;
    this.#fields = 1;
    this.#spaced = 0;
    this.#fieldEmpty = true;
    this.#afterDelimiter = false;
    this.#blank = true;
    this.#broken = false;
  }

  #skipByteOrderMark(chunk: Uint8Array): Uint8Array {
    let from = 0;
    while (this.#skipped < BYTE_ORDER_MARK.length && from < chunk.length) {
      if (chunk[from] !== BYTE_ORDER_MARK[this.#skipped]) {
        this.#skipped = BYTE_ORDER_MARK.length;
        break;
      }
      this.#skipped += 1;
      from += 1;
    }
    return from === 0 ? chunk : chunk.subarray(from);
  }
}
