import { crc32 } from 'node:zlib';
import { PermanentError } from '../errors.ts';
import { readWholeLines } from '../lines.ts';
import { formatNhsNumber } from './nhs-number.ts';
import { PlaceFinder } from './place-finder.ts';
import { readTenDigits, viewOf } from './ten-digits.ts';

/** A number that is asked about for another person's sake, and that person, by their places. */
export interface LinkedPlace {
  readonly place: number;
  readonly survivor: number;
}

/**
 * Whom a part of the cohort asks about. A place is the index of a number in `nhsNumbers`. Patient ids stay bytes until
 * one is asked for: sixty million of them need not become text.
 */
export class CohortPart {
  /** Every number that is asked about: sorted, each once. */
  readonly nhsNumbers: Float64Array;
  /**
   * Numbers that are asked about for the sake of a person of this part, who has opted out if either number has. Such a
   * number may be a person's own as well.
   */
  readonly links: readonly LinkedPlace[];
  readonly #bytes: Buffer;
  /** Where each place's patient id begins and ends in the bytes; 0 where the number is nobody's own. */
  readonly #idStarts: Uint32Array;
  readonly #idEnds: Uint32Array;

  constructor(
    nhsNumbers: Float64Array,
    links: readonly LinkedPlace[],
    patientIds: { readonly bytes: Buffer; readonly starts: Uint32Array; readonly ends: Uint32Array },
  ) {
    this.nhsNumbers = nhsNumbers;
    this.links = links;
    this.#bytes = patientIds.bytes;
    this.#idStarts = patientIds.starts;
    this.#idEnds = patientIds.ends;
  }

  /** Whether the number at a place is asked about for its own sake. */
  isPerson(place: number): boolean {
    return this.#idStarts[place] !== 0;
  }

  /** Empty where the cohort gave none. */
  patientIdAt(place: number): string {
    return this.#bytes.toString('latin1', this.#idStarts[place], this.#idEnds[place]);
  }

  patientHashAt(place: number): number {
    return crc32(this.#bytes.subarray(this.#idStarts[place], this.#idEnds[place]));
  }
}

const lineFeed = 0x0a;
const comma = 0x2c;
const greaterThan = 0x3e;

/**
 * Reads a part file: ASCII lines sorted by NHS number, each ended by LF.
 * - `nhsNumber,patientId` is a person of the part; the patient id is empty where the cohort gave none
 * - `nhsNumber>survivor` is a number that is asked about for the sake of another person of the part
 *
 * @param rows how many numbers the part asks about, as the ledger says
 * @throws PermanentError FileAltered
 */
export async function readCohortPart(body: AsyncIterable<Uint8Array>, rows: number): Promise<CohortPart> {
  const reader = new CohortPartReader(rows);
  for await (const lines of readWholeLines(body)) reader.read(lines);
  return reader.end();
}

class CohortPartReader {
  readonly #rows: number;
  readonly #nhsNumbers: Float64Array;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #linked: { readonly place: number; readonly survivor: number }[] = [];
  readonly #pieces: Uint8Array[] = [];
  /** Bytes of the pieces before the present one. */
  #offset = 0;
  #count = 0;

  constructor(rows: number) {
    this.#rows = rows;
    this.#nhsNumbers = new Float64Array(rows);
    this.#starts = new Uint32Array(rows);
    this.#ends = new Uint32Array(rows);
  }

  read(lines: Uint8Array): void {
    const view = viewOf(lines);
    let at = 0;
    let last = this.#count > 0 ? (this.#nhsNumbers[this.#count - 1] ?? 0) : -1;
    while (at < lines.length) {
      // Most often the line ends here, for a cohort has patient ids or has none.
      const end = lines[at + 11] === lineFeed ? at + 11 : lines.indexOf(lineFeed, at);
      const nhsNumber = end - at < 11 ? -1 : readTenDigits(view, at);
      const isLink = lines[at + 10] === greaterThan;
      if (nhsNumber < last || (nhsNumber === last && !isLink) || nhsNumber < 0) throw altered('a line out of place');
      if (nhsNumber > last) {
        this.#nhsNumbers[this.#count] = nhsNumber;
        this.#count += 1;
        last = nhsNumber;
      }
      if (isLink) {
        const survivor = end - at === 21 ? readTenDigits(view, at + 11) : -1;
        this.#linked.push({ place: this.#count - 1, survivor });
      } else {
        if (lines[at + 10] !== comma) throw altered('a line of no known form');
        this.#starts[this.#count - 1] = this.#offset + at + 11;
        this.#ends[this.#count - 1] = this.#offset + end;
      }
      at = end + 1;
    }
    this.#pieces.push(lines);
    this.#offset += lines.length;
  }

  end(): CohortPart {
    if (this.#count !== this.#rows) throw altered(`${this.#count} numbers where the ledger says ${this.#rows}`);
    const finder = new PlaceFinder(this.#nhsNumbers);
    const links = this.#linked.map(({ place, survivor }) => ({ place, survivor: finder.placeOf(survivor) }));
    const part = new CohortPart(this.#nhsNumbers, links, {
      bytes: Buffer.concat(this.#pieces, this.#offset),
      starts: this.#starts,
      ends: this.#ends,
    });
    if (links.some(({ survivor }) => survivor < 0 || !part.isPerson(survivor))) {
      throw altered('a number that is asked about for the sake of nobody in it');
    }
    return part;
  }
}

function altered(what: string): PermanentError {
  return new PermanentError('FileAltered', `A part of the cohort holds ${what}`);
}

/** A person's line of a part file. */
export function personLine(nhsNumber: number, patientId: string): string {
  return `${formatNhsNumber(nhsNumber)},${patientId}\n`;
}
