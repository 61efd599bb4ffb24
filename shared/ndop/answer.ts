import { PermanentError } from '../errors.ts';
import { PlaceFinder } from './place-finder.ts';
import { readTenDigits, viewOf } from './ten-digits.ts';

/** Who of a part came back in its answer. */
export interface MatchedAnswer {
  /** In step with the part's people: 1 = came back, so has not opted out; 0 = stayed away, so has opted out. */
  readonly returned: Uint8Array;
  readonly rows: number;
  /** Rows that repeat a person. Harmless in a set, but a sign of a wrong file, so a person looks at it. */
  readonly duplicates: number;
}

/**
 * Matches an answer with the people who were asked about. Accepts any order, CR LF, LF and CR in any mixture, spaces,
 * blank lines, a byte-order mark, a missing comma and further fields.
 *
 * @param nhsNumbers everybody who was asked about, sorted, as integers
 * @throws PermanentError ReplyTruncated where the last row lacks its line end: a cut-off answer would look like a mass
 *   opt-out; ReplyMalformed for any other row that is not ten digits; ReplyHasStrangers for people who were not asked
 *   about, the sign of a wrong or mixed file
 */
export async function matchAnswer(nhsNumbers: Float64Array, body: AsyncIterable<Uint8Array>): Promise<MatchedAnswer> {
  const scan = new AnswerScan(nhsNumbers);
  for await (const chunk of body) scan.read(chunk);
  return scan.end();
}

const byteOrderMark = /^\u00ef\u00bb\u00bf/;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** Bytes of the usual row: ten digits, a comma, CR LF. A row that ends in LF alone has one less. */
const usualRowBytes = 13;

/** What stands behind the digits, as an integer whose lowest byte comes first. */
const commaCrLf = 0x0a0d2c;
const commaLf = 0x0a2c;

/** No row of an answer is longer: a line without end is not gathered up. */
const longestRowBytes = 65_536;

/**
 * Reads an answer as it streams in. The usual row is read in place, as an integer; only a row of another form becomes
 * text. Line ends count one by one, which makes CR LF a row and a blank line, and blank lines say nothing.
 */
class AnswerScan {
  readonly #nhsNumbers: Float64Array;
  readonly #finder: PlaceFinder;
  readonly #returned: Uint8Array;
  /** The place of whoever is likely to come next: an answer mostly keeps the order of its request. */
  #next = 0;
  #rows = 0;
  #duplicates = 0;
  #strangers = 0;
  /** What has come of a row that has no line end yet. */
  #rest: Uint8Array = new Uint8Array();
  #isStart = true;

  constructor(nhsNumbers: Float64Array) {
    this.#nhsNumbers = nhsNumbers;
    this.#finder = new PlaceFinder(nhsNumbers);
    this.#returned = new Uint8Array(nhsNumbers.length);
  }

  read(chunk: Uint8Array): void {
    let at = 0;
    if (this.#rest.length > 0 || this.#isStart) {
      const end = lineEnd(chunk, 0);
      this.#rest = Buffer.concat([this.#rest, end < 0 ? chunk : chunk.subarray(0, end)]);
      if (this.#rest.length > longestRowBytes) throw malformed(this.#rows + 1);
      if (end < 0) return;
      this.#readRow(textOf(this.#rest));
      at = end + 1;
    }
    // A copy, for whoever gave the chunk may fill it anew.
    this.#rest = Buffer.from(chunk.subarray(this.#readRows(chunk, at)));
  }

  end(): MatchedAnswer {
    const rest = this.#isStart ? textOf(this.#rest).replace(byteOrderMark, '') : textOf(this.#rest);
    if (rest.trim() !== '') {
      throw new PermanentError('ReplyTruncated', `The answer ends after ${this.#rows} rows in the middle of a line`);
    }
    if (this.#strangers > 0) {
      throw new PermanentError(
        'ReplyHasStrangers',
        `${this.#strangers} of ${this.#rows} rows of the answer were never asked about`,
      );
    }
    return { returned: this.#returned, rows: this.#rows, duplicates: this.#duplicates };
  }

  /** Reads all whole rows; gives where the first one without its line end begins. */
  #readRows(bytes: Uint8Array, start: number): number {
    let at = start;
    for (;;) {
      at = this.#readUsualRows(bytes, at);
      const end = lineEnd(bytes, at);
      if (end < 0) return at;
      if (end - at > longestRowBytes) throw malformed(this.#rows + 1);
      this.#readRow(textOf(bytes.subarray(at, end)));
      at = end + 1;
    }
  }

  /** Reads rows for as long as they have the usual form; gives where the first other one begins. */
  #readUsualRows(bytes: Uint8Array, start: number): number {
    const view = viewOf(bytes);
    const nhsNumbers = this.#nhsNumbers;
    const returned = this.#returned;
    const lastStart = bytes.length - usualRowBytes;
    // Sixty million rows pass here, and a local variable is quicker than a field.
    let next = this.#next;
    let rows = 0;
    let at = start;
    while (at <= lastStart) {
      const nhsNumber = readTenDigits(view, at);
      const end = view.getInt32(at + 9, true) >>> 8;
      if (nhsNumber < 0 || (end !== commaCrLf && (end & 0xffff) !== commaLf)) break;
      at += end === commaCrLf ? usualRowBytes : usualRowBytes - 1;
      rows += 1;
      // Whoever is next in the request comes next here, but for the few who stayed away. A read beyond the end of the
      // array would make all of these reads slow.
      const beyond = Math.min(next + 8, nhsNumbers.length);
      let place = next;
      while (place < beyond && (nhsNumbers[place] ?? 0) < nhsNumber) place += 1;
      if (place === beyond || nhsNumbers[place] !== nhsNumber) place = this.#finder.placeOf(nhsNumber);
      if (place < 0) {
        this.#strangers += 1;
        continue;
      }
      next = place + 1;
      if (returned[place] === 1) this.#duplicates += 1;
      returned[place] = 1;
    }
    this.#next = next;
    this.#rows += rows;
    return at;
  }

  /** A row of any form, without its line end. */
  #readRow(line: string): void {
    const row = this.#isStart ? line.replace(byteOrderMark, '') : line;
    this.#isStart = false;
    if (row.trim() === '') return;
    const match = /^\s*([0-9]{10})\s*(?:,.*)?$/.exec(row);
    if (!match) throw malformed(this.#rows + 1);
    this.#rows += 1;
    const place = this.#finder.placeOf(Number(match[1]));
    if (place < 0) {
      this.#strangers += 1;
      return;
    }
    this.#next = place + 1;
    if (this.#returned[place] === 1) this.#duplicates += 1;
    this.#returned[place] = 1;
  }
}

/** Where the line that begins at a place ends: at LF or CR; -1 where it does not. */
function lineEnd(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at += 1) {
    if (bytes[at] === lineFeed || bytes[at] === carriageReturn) return at;
  }
  return -1;
}

/** Bytes as text of one character each. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function malformed(row: number): PermanentError {
  return new PermanentError('ReplyMalformed', `Row ${row} of the answer is not an NHS number and a comma`);
}
