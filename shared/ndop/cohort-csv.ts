import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parse, CsvError } from 'csv-parse';
import { PermanentError } from '../errors.ts';

export interface CohortRow {
  /** Number of the data row, from 1; the header is not counted. */
  readonly row: number;
  /** As it stands in the file, not yet validated. */
  readonly nhsNumber: string;
  readonly patientId?: string;
}

const separators = [',', ';', '\t'] as const;
type Separator = (typeof separators)[number];

/**
 * Streams the rows of a cohort file: CSV with a header row that names `nhsNumber` and perhaps `patientId` (any case,
 * spaces and underscores ignored), separated by comma, semicolon or tab, with or without a byte-order mark, quotes, and
 * any mixture of CR LF, LF and CR. Rows are counted twice, by csv-parse and from the bytes, because a parser that takes
 * its line end from the first line glues rows together where line ends are mixed.
 *
 * @throws PermanentError CohortColumnMissing, CohortUnreadable, CohortRowsLost
 */
export async function* readCohortCsv(source: Readable): AsyncGenerator<CohortRow> {
  try {
    yield* readRows(source);
  } finally {
    source.destroy();
  }
}

async function* readRows(source: Readable): AsyncGenerator<CohortRow> {
  const { separator, rest } = await detectSeparator(source);
  const counter = new RowCounter(separator);
  const parser = parse({
    bom: true,
    delimiter: separator,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: 1_000_000,
  });
  // The parser's own error reaches the loop below; the pipeline's copy of it is the same failure twice.
  const flow = pipeline(rest, counter, parser).catch(() => undefined);

  let columns: { nhsNumber: number; patientId: number } | undefined;
  let row = 0;
  const records: AsyncIterable<string[]> = parser;
  try {
    for await (const record of records) {
      if (!columns) {
        columns = findColumns(record);
        continue;
      }
      row += 1;
      const nhsNumber = record[columns.nhsNumber] ?? '';
      const patientId = columns.patientId < 0 ? undefined : record[columns.patientId]?.trim();
      if (record.some((field) => /[\r\n]/.test(field))) {
        throw new PermanentError(
          'CohortUnreadable',
          `Row ${row} of the cohort file runs over a line end inside quotes. A quote is missing or too many, or a column holds several lines: leave that column out`,
        );
      }
      yield { row, nhsNumber, ...(patientId ? { patientId } : {}) };
    }
  } catch (error) {
    // What befell the source is not the file's fault, and may pass.
    if (!(error instanceof CsvError)) throw error;
    // csv-parse quotes the offending text in its messages; its codes say as much without the data.
    throw new PermanentError('CohortUnreadable', `The cohort file cannot be read after row ${row}: ${error.code}`);
  }
  await flow;
  if (!columns) throw missingColumn();
  if (counter.rows !== row + 1) {
    throw new PermanentError(
      'CohortRowsLost',
      `The cohort file has ${counter.rows - 1} data rows by its line ends but ${row} were parsed: check its line ends and quotes`,
    );
  }
}

function findColumns(header: readonly string[]): { nhsNumber: number; patientId: number } {
  const names = header.map((name) => name.toLowerCase().replace(/[\s_-]/g, ''));
  const nhsNumber = names.indexOf('nhsnumber');
  if (nhsNumber < 0) throw missingColumn();
  return { nhsNumber, patientId: names.indexOf('patientid') };
}

function missingColumn(): PermanentError {
  return new PermanentError(
    'CohortColumnMissing',
    'The cohort file has no column nhsNumber: its first line must name the columns, for example nhsNumber,patientId',
  );
}

async function detectSeparator(source: Readable): Promise<{ separator: Separator; rest: AsyncIterable<Buffer> }> {
  const chunks: AsyncIterator<Buffer | string> = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  let ended = false;
  while (!ended && head.length < 65_536 && !/[^\r\n][\r\n]/.test(textOf(head))) {
    const next = await chunks.next();
    if (next.done) ended = true;
    else head = Buffer.concat([head, Buffer.from(next.value)]);
  }
  const header = /[^\r\n]+/.exec(textOf(head))?.[0] ?? '';
  if (header.includes('\0')) {
    throw new PermanentError('CohortUnreadable', 'The cohort file is not UTF-8 text: save it as CSV UTF-8');
  }
  const unquoted = header.replace(/"[^"]*"/g, '');
  const counted = separators.map((separator) => ({ separator, count: unquoted.split(separator).length }));
  counted.sort((a, b) => b.count - a.count);
  async function* rest(): AsyncGenerator<Buffer> {
    yield head;
    for (;;) {
      const next = await chunks.next();
      if (next.done) return;
      yield Buffer.from(next.value);
    }
  }
  return { separator: counted[0]?.separator ?? ',', rest: rest() };
}

/** Bytes as text of one character each, without a byte-order mark. */
function textOf(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/^\u00ef\u00bb\u00bf/, '');
}

const quote = 0x22;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** Counts rows from the bytes alone as they pass: line ends outside quotes, lines without any content left out. */
class RowCounter extends Transform {
  rows = 0;
  readonly #separator: number;
  #fieldStart = true;
  #quoted = false;
  #content = false;
  #atStart = true;

  constructor(separator: Separator) {
    super();
    this.#separator = separator.charCodeAt(0);
  }

  override _transform(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error: Error | null, data: Buffer) => void,
  ): void {
    const skip = this.#atStart && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? 3 : 0;
    this.#atStart = false;
    for (let index = skip; index < chunk.length; index += 1) this.#read(chunk[index] ?? 0);
    done(null, chunk);
  }

  override _flush(done: () => void): void {
    if (this.#content) this.rows += 1;
    done();
  }

  #read(byte: number): void {
    if (byte === quote && (this.#quoted || this.#fieldStart)) {
      // A doubled quote closes and opens again, which leaves the state as it was.
      this.#quoted = !this.#quoted;
      this.#fieldStart = !this.#quoted;
      this.#content = true;
    } else if (this.#quoted) {
      this.#content = true;
    } else if (byte === lineFeed || byte === carriageReturn) {
      if (this.#content) this.rows += 1;
      this.#content = false;
      this.#fieldStart = true;
    } else {
      this.#fieldStart = byte === this.#separator;
      this.#content = true;
    }
  }
}
