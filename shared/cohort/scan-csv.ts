import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import { PermanentError } from '../errors.ts';

/** The columns of a cohort file; all but the first may be missing. */
const columns = ['nhsNumber', 'patientId', 'otherNhsNumbers', 'replacedBy', 'replaces'] as const;
type Column = (typeof columns)[number];

const separators = [',', ';', '\t'] as const;
type Separator = (typeof separators)[number];

/** Longer than any row about one person. What is longer is no such row, and is refused before it is held. */
const maxLineBytes = 65_536;
/** How much is scanned at a time beside a line that is not complete yet. */
const windowBytes = 262_144;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const quote = 0x22;

/** What a byte is to the scanner. All that is not `plain` ends its inner loop. */
const kind = { plain: 0, fieldEnd: 1, quote: 2, nul: 3 } as const;

/** One row as it stands in the scanned bytes. The same object serves every row: read it before the next one. */
export class ScannedRow {
  /** Number of the data row over all files of the cohort, from 1; headers and blank lines are not counted. */
  row = 0;
  bytes: Buffer = Buffer.alloc(0);
  view = new DataView(new ArrayBuffer(0));
  readonly #starts = new Int32Array(columns.length);
  readonly #ends = new Int32Array(columns.length);

  start(column: number): number {
    return this.#starts[column] ?? 0;
  }

  end(column: number): number {
    return this.#ends[column] ?? 0;
  }

  /** The field as text, neither trimmed nor validated; empty where the row has no such column. */
  text(column: number): string {
    return this.bytes.toString('utf8', this.start(column), this.end(column));
  }

  place(column: number, start: number, end: number): void {
    this.#starts[column] = start;
    this.#ends[column] = end;
  }

  clear(): void {
    for (let column = 0; column < columns.length; column += 1) this.place(column, 0, 0);
  }
}

/** Indexes of the columns in a scanned row. */
export const columnIndex = {
  nhsNumber: 0,
  patientId: 1,
  otherNhsNumbers: 2,
  replacedBy: 3,
  replaces: 4,
} as const satisfies Record<Column, number>;

/**
 * Scans a cohort file: CSV with a header row that names `nhsNumber` and perhaps further columns (any case; spaces,
 * underscores and hyphens ignored), separated by comma, semicolon or tab, with or without a byte-order mark, quotes, and
 * any mixture of CR LF, LF and CR. A line is a row, so a row can neither be lost nor glued to the next one: fields may
 * not run over a line end. Plain and wholly quoted fields are found in the bytes; any other line is left to csv-parse.
 *
 * @param read is given each row; after every window of bytes the rows so far are yielded, as a number, so that what they
 *   led to can be dealt with
 * @throws PermanentError CohortColumnMissing, CohortUnreadable
 */
export async function* scanCsv(
  source: AsyncIterable<Uint8Array>,
  read: (row: ScannedRow) => void,
  rowsBefore = 0,
): AsyncGenerator<number, void> {
  const scanner = new Scanner(read, rowsBefore);
  for await (const chunk of source) {
    for (let taken = 0; taken < chunk.length;) {
      taken += scanner.fill(chunk, taken);
      yield scanner.rows;
    }
  }
  scanner.finish();
  yield scanner.rows;
}

class Scanner {
  readonly #read: (row: ScannedRow) => void;
  readonly #row = new ScannedRow();
  // The bytes beyond the filled ones take a line feed that stops every loop, and reads of several bytes at once.
  readonly #window = Buffer.alloc(maxLineBytes + windowBytes + 64);
  readonly #view = new DataView(this.#window.buffer, this.#window.byteOffset, this.#window.length);
  readonly #kinds = new Uint8Array(256);
  #filled = 0;
  #isAtStart = true;
  #separator: Separator | undefined;
  /** For each column of the file, which of ours it is, or -1. */
  #slots = new Int8Array(0);

  constructor(read: (row: ScannedRow) => void, rowsBefore: number) {
    this.#read = read;
    this.#row.row = rowsBefore;
    this.#kinds[0] = kind.nul;
    this.#kinds[quote] = kind.quote;
    this.#kinds[lineFeed] = kind.fieldEnd;
    this.#kinds[carriageReturn] = kind.fieldEnd;
  }

  get rows(): number {
    return this.#row.row;
  }

  /** Takes as much of a chunk as has room and scans all complete lines. */
  fill(chunk: Uint8Array, from: number): number {
    const taken = Math.min(chunk.length - from, maxLineBytes + windowBytes - this.#filled);
    this.#window.set(chunk.subarray(from, from + taken), this.#filled);
    this.#filled += taken;
    this.#scanFilled();
    return taken;
  }

  finish(): void {
    this.#window[this.#filled] = lineFeed;
    this.#filled += 1;
    this.#scanFilled();
    if (this.#separator === undefined) throw columnMissing();
  }

  #scanFilled(): void {
    let from = 0;
    if (this.#isAtStart) {
      if (this.#filled < 4 && this.#window[this.#filled - 1] !== lineFeed) return;
      refuseOtherFormats(this.#window);
      if (startsWith(this.#window, [0xef, 0xbb, 0xbf])) from = 3;
      this.#isAtStart = false;
    }
    this.#window[this.#filled] = lineFeed;
    if (this.#separator === undefined) from = this.#scanHeader(from);
    if (this.#separator !== undefined) from = this.#scanRows(from);
    if (this.#filled - from > maxLineBytes) throw this.#tooLong();
    this.#window.copyWithin(0, from, this.#filled);
    this.#filled -= from;
  }

  /** @returns where the next line begins, or the header itself as long as it is not complete */
  #scanHeader(from: number): number {
    let start = from;
    while (start < this.#filled && isLineEnd(this.#window[start])) start += 1;
    const end = this.#lineEnd(start);
    if (end - start > maxLineBytes) throw this.#tooLong();
    if (end === this.#filled) return start;
    const line = this.#window.subarray(start, end);
    this.#separator = separatorOf(line.toString('latin1'));
    this.#kinds[this.#separator.charCodeAt(0)] = kind.fieldEnd;
    this.#slots = slotsOf(this.#parse(line));
    return end;
  }

  /** @returns where the line begins that is not complete yet */
  #scanRows(from: number): number {
    const bytes = this.#window;
    const filled = this.#filled;
    let at = from;
    while (at < filled) {
      if (isLineEnd(bytes[at])) {
        at += 1;
        continue;
      }
      const start = at;
      this.#row.bytes = bytes;
      this.#row.view = this.#view;
      at = this.#scanFields(start);
      if (at < 0) at = this.#scanOddLine(start);
      if (at - start > maxLineBytes) throw this.#tooLong();
      if (at === filled) return start;
      this.#row.row += 1;
      this.#read(this.#row);
    }
    return at;
  }

  /** @returns the line's end, or -1 where its quotes are more than a wholly quoted field has */
  #scanFields(start: number): number {
    const bytes = this.#window;
    const kinds = this.#kinds;
    const slots = this.#slots;
    const row = this.#row;
    row.clear();
    let at = start;
    for (let column = 0; ; column += 1) {
      const slot = column < slots.length ? (slots[column] ?? -1) : -1;
      let fieldStart = at;
      let fieldEnd: number;
      if (bytes[at] === quote) {
        fieldStart += 1;
        fieldEnd = this.#quotedEnd(fieldStart, slot < 0);
        if (fieldEnd < 0) return -1;
        at = fieldEnd + 1;
        if (kinds[bytes[at] ?? 0] !== kind.fieldEnd) return -1;
      } else {
        while (kinds[bytes[at] ?? 0] === kind.plain) at += 1;
        if (kinds[bytes[at] ?? 0] !== kind.fieldEnd) return -1;
        fieldEnd = at;
      }
      if (slot >= 0) row.place(slot, fieldStart, fieldEnd);
      if (isLineEnd(bytes[at])) return at;
      at += 1;
    }
  }

  /** The closing quote of a field; -1 where there is none in the line, or where a doubled one would have to be undone. */
  #quotedEnd(start: number, mayBeDoubled: boolean): number {
    const bytes = this.#window;
    for (let at = start; ; at += 1) {
      const byte = bytes[at];
      if (byte === quote) {
        if (bytes[at + 1] !== quote) return at;
        if (!mayBeDoubled) return -1;
        at += 1;
      } else if (byte === lineFeed || byte === carriageReturn || byte === 0) {
        return -1;
      }
    }
  }

  /** Leaves a line to csv-parse. */
  #scanOddLine(start: number): number {
    const end = this.#lineEnd(start);
    if (end === this.#filled) return end;
    const record = this.#parse(this.#window.subarray(start, end));
    const texts = columns.map((_, slot) => record[this.#slots.indexOf(slot)] ?? '');
    const fields = texts.map((text) => Buffer.from(text));
    // Room beyond the last field, as in the window.
    const bytes = Buffer.concat([...fields, Buffer.alloc(16)]);
    this.#row.bytes = bytes;
    this.#row.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    for (const [slot, field] of fields.entries()) {
      this.#row.place(slot, at, at + field.length);
      at += field.length;
    }
    return end;
  }

  #lineEnd(start: number): number {
    let at = start;
    for (; !isLineEnd(this.#window[at]); at += 1) if (this.#window[at] === 0) throw notText();
    return at;
  }

  #parse(line: Buffer): string[] {
    try {
      const records: string[][] = parse(line, {
        delimiter: this.#separator ?? ',',
        record_delimiter: ['\n'],
        relax_column_count: true,
        relax_quotes: true,
      });
      if (records.length === 1) return records[0] ?? [];
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
    }
    // csv-parse quotes the offending text in its messages, so they stay here.
    throw new PermanentError(
      'CohortUnreadable',
      `Row ${this.#row.row + 1} of the cohort file runs over a line end inside quotes. A quote is missing or too many, or a column holds several lines: leave that column out`,
    );
  }

  #tooLong(): PermanentError {
    return new PermanentError(
      'CohortUnreadable',
      `Row ${this.#row.row + 1} of the cohort file is longer than ${maxLineBytes} bytes: check its line ends, or leave the long column out`,
    );
  }
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === lineFeed || byte === carriageReturn;
}

function separatorOf(header: string): Separator {
  const unquoted = header.replace(/"[^"]*"/g, '');
  const counted = separators.map((separator) => ({ separator, count: unquoted.split(separator).length }));
  counted.sort((a, b) => b.count - a.count);
  return counted[0]?.separator ?? ',';
}

function slotsOf(header: readonly string[]): Int8Array<ArrayBuffer> {
  const names = header.map((name) => name.toLowerCase().replace(/[\s_-]/g, ''));
  const slots = new Int8Array(names.length).fill(-1);
  for (const [slot, column] of columns.entries()) {
    const at = names.indexOf(column.toLowerCase());
    if (at >= 0) slots[at] = slot;
  }
  if (!slots.includes(columnIndex.nhsNumber)) throw columnMissing();
  return slots;
}

/** Files that are given for CSV now and then, by their first bytes. */
const otherFormats = [
  { start: [0x1f, 0x8b], advice: 'is compressed by gzip: give it uncompressed' },
  { start: [0x50, 0x4b, 0x03, 0x04], advice: 'is a spreadsheet or a ZIP archive: save it as CSV UTF-8' },
  { start: [0xd0, 0xcf, 0x11, 0xe0], advice: 'is an old spreadsheet: save it as CSV UTF-8' },
  { start: [0xff, 0xfe], advice: 'is not UTF-8 text: save it as CSV UTF-8' },
  { start: [0xfe, 0xff], advice: 'is not UTF-8 text: save it as CSV UTF-8' },
] as const;

function refuseOtherFormats(head: Uint8Array): void {
  const format = otherFormats.find(({ start }) => startsWith(head, start));
  if (format) throw new PermanentError('CohortUnreadable', `The cohort file ${format.advice}`);
}

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}

function notText(): PermanentError {
  return new PermanentError('CohortUnreadable', 'The cohort file is not UTF-8 text: save it as CSV UTF-8');
}

function columnMissing(): PermanentError {
  return new PermanentError(
    'CohortColumnMissing',
    'The cohort file has no column nhsNumber: its first line must name the columns, for example nhsNumber,patientId',
  );
}
