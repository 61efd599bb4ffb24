import { crc32 } from 'node:zlib';
import { PermanentError } from '../errors.ts';
import { collect } from '../collect.ts';
import { formatNhsNumber } from './nhs-number.ts';
import { PlaceFinder } from './place-finder.ts';
import { readTenDigits, viewOf } from './ten-digits.ts';

/** A number that is asked about for another person's sake, and that person, by their places. */
export interface LinkedPlace {
  readonly place: number;
  readonly person: number;
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
  /** Places of people one of whose numbers can't be asked about: they may turn out opted out, and never not opted out. */
  readonly unclearable: readonly number[];
  readonly #file: Buffer;
  /** Where the patient id of each place begins in the file; 0 where the number is nobody's own. */
  readonly #idStarts: Uint32Array;

  constructor(
    file: Buffer,
    nhsNumbers: Float64Array,
    idStarts: Uint32Array,
    severalNumbers: Pick<CohortPart, 'links' | 'unclearable'>,
  ) {
    this.#file = file;
    this.nhsNumbers = nhsNumbers;
    this.#idStarts = idStarts;
    this.links = severalNumbers.links;
    this.unclearable = severalNumbers.unclearable;
  }

  /** Whether the number at a place is asked about for its own sake. */
  isPerson(place: number): boolean {
    return this.#idStarts[place] !== 0;
  }

  /** Empty where the cohort gave none. */
  patientIdAt(place: number): string {
    return this.#idAt(place).toString('latin1');
  }

  patientHashAt(place: number): number {
    return crc32(this.#idAt(place));
  }

  #idAt(place: number): Buffer {
    const start = this.#idStarts[place] ?? 0;
    return this.#file.subarray(start, start === 0 ? 0 : this.#file.indexOf(lineFeed, start));
  }
}

const lineFeed = 0x0a;
const comma = 0x2c;
const greaterThan = 0x3e;
const exclamationMark = 0x21;
/** A comma and LF, as an integer whose lowest byte comes first. */
const commaLf = 0x0a2c;
/** Bytes of a number and what stands behind it, of two numbers, and of a line without a patient id. */
const numberBytes = 11;
const linkBytes = 21;
const shortestLine = 12;

/**
 * Reads a part file: ASCII lines sorted by NHS number, each ended by LF.
 * - `nhsNumber,patientId` is a person of the part; the patient id is empty where the cohort gave none
 * - `nhsNumber!` behind it says that a number of that person can't be asked about
 * - `nhsNumber>person` is a number that is asked about for the sake of another person of the part
 *
 * @param size how many numbers the part asks about, and the length of its file, as the ledger says
 * @throws PermanentError FileAltered
 */
export async function readCohortPart(
  body: AsyncIterable<Uint8Array>,
  { rows, bytes }: { readonly rows: number; readonly bytes: number },
): Promise<CohortPart> {
  const file = await collect(body, bytes);
  if (file.length !== bytes) throw altered(`${file.length} bytes where the ledger says ${bytes}`);
  return partOf(file, rows);
}

/** Apart from the waiting for the file: V8 makes poorer code of long loops in asynchronous functions. */
function partOf(file: Buffer, rows: number): CohortPart {
  const bytes = file.length;
  const view = viewOf(file);
  const nhsNumbers = new Float64Array(rows);
  const idStarts = new Uint32Array(rows);
  const linked: { readonly place: number; readonly person: number }[] = [];
  const unclearable: number[] = [];
  const lastStart = bytes - shortestLine;
  let count = 0;
  let last = -1;
  let at = 0;
  while (at < bytes) {
    // People without a patient id, in as few steps as can be; of all lines these are most where a cohort has no ids.
    while (at <= lastStart && count < rows && view.getUint16(at + 10, true) === commaLf) {
      const person = readTenDigits(view, at);
      if (person <= last) break;
      nhsNumbers[count] = person;
      idStarts[count] = at + numberBytes;
      count += 1;
      last = person;
      at += shortestLine;
    }
    if (at === bytes) break;
    const nhsNumber = at <= lastStart ? readTenDigits(view, at) : -1;
    const behind = file[at + 10];
    const end = file.indexOf(lineFeed, at);
    if (end < at) throw altered('a line that is cut off');
    if (nhsNumber > last && behind === comma && count < rows) {
      nhsNumbers[count] = nhsNumber;
      idStarts[count] = at + numberBytes;
      count += 1;
    } else if (nhsNumber >= Math.max(last, 0) && behind === greaterThan && end === at + linkBytes) {
      if (nhsNumber > last) {
        nhsNumbers[count] = nhsNumber;
        count += 1;
      }
      linked.push({ place: count - 1, person: readTenDigits(view, at + numberBytes) });
    } else if (nhsNumber === last && behind === exclamationMark && end === at + numberBytes) {
      unclearable.push(count - 1);
    } else {
      throw altered('a line of no known form or order, or more lines than the ledger says');
    }
    last = nhsNumber;
    at = end + 1;
  }
  if (count !== rows) throw altered(`${count} numbers or more where the ledger says ${rows}`);
  const finder = new PlaceFinder(nhsNumbers);
  const links = linked.map(({ place, person }) => ({ place, person: finder.placeOf(person) }));
  if ([...links.map(({ person }) => person), ...unclearable].some((person) => person < 0 || idStarts[person] === 0)) {
    throw altered('a number that is asked about for the sake of nobody in it');
  }
  return new CohortPart(file, nhsNumbers, idStarts, { links, unclearable });
}

function altered(what: string): PermanentError {
  return new PermanentError('FileAltered', `A part of the cohort holds ${what}`);
}

/** A person's line of a part file. */
export function personLine(nhsNumber: number, patientId: string): string {
  return `${formatNhsNumber(nhsNumber)},${patientId}\n`;
}
