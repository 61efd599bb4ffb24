import { boundaryBetween, wholeNumberLine, type NumberRange } from '../ndop/number-range.ts';
import { writeTenDigits } from '../ndop/ten-digits.ts';
import type { NumberGroups } from './number-groups.ts';

/** A line beside those of people. */
interface FurtherLine {
  readonly nhsNumber: number;
  /** The person of the part for whose sake the number is asked about, or `mark`. */
  readonly person: number;
}

/** In place of a person: one of the number's own others cannot be asked about. Below all numbers, so that it comes first. */
const mark = -1;

/** One part of the cohort, to be written as it is. */
export interface CutPart {
  readonly range: NumberRange;
  /** Distinct numbers that the part asks about. */
  readonly rows: number;
  /** The part file. Valid until the next part is asked for. */
  readonly body: Buffer;
}

const comma = 0x2c;
const lineFeed = 0x0a;
const exclamationMark = 0x21;
const greaterThan = 0x3e;
const longestLineBytes = 76;
const linkLineBytes = 22;
const markLineBytes = 12;

/**
 * Cuts people, who come by rising number, into parts of at most `partRows` numbers. A boundary is no valid NHS number and
 * shares its first nine digits, which determine the tenth, with nobody of the cohort: so ledger and manifests name ranges
 * without naming anybody. A part without such a place in its whole length goes on to the next one. Numbers asked about for
 * a person's sake count in that person's part. Holds one part, and the beginning of the next.
 *
 * A part file has these lines, sorted by their first number, then in this order:
 * - `nhsNumber,patientId` for each person
 * - `nhsNumber!` for a person who has another number that the service refused, so that it cannot be asked about
 * - `nhsNumber>person` for each number whose answer counts for another person too, by that person
 */
export class PartCutter {
  readonly #partRows: number;
  readonly #groups: NumberGroups;
  /** Of all numbers in groups. */
  readonly #stems: ReadonlySet<number>;
  /** Of people whose part was not given out yet, by person. */
  #further: { readonly person: number; readonly lines: readonly FurtherLine[] }[] = [];
  #from = wholeNumberLine.from;
  #count = 0;
  #numbers = new Float64Array(1024);
  /** For each person where the line ends, and how many numbers are asked about up to here. */
  #lineEnds = new Uint32Array(1024);
  #asked = new Uint32Array(1024);
  #lines = Buffer.allocUnsafeSlow(1024 * longestLineBytes);
  /** No place to end was found in the whole length of a part. */
  #isOverlong = false;
  /** Of these people a part was given out. */
  #given = 0;

  constructor(partRows: number, groups: NumberGroups) {
    this.#partRows = partRows;
    this.#groups = groups;
    this.#stems = stemsOf(groups.nhsNumbers);
  }

  add(nhsNumber: number, bytes: Uint8Array, idStart: number, idEnd: number): void {
    const place = this.#count;
    if (place === this.#numbers.length) this.#makeRoom();
    let asked = (this.#asked[place - 1] ?? 0) + 1;
    const others = this.#groups.take(nhsNumber);
    if (others) {
      asked += others.nhsNumbers.length;
      const lines = others.nhsNumbers.map((other) => ({ nhsNumber: other, person: nhsNumber }));
      if (others.hasRefused) lines.push({ nhsNumber, person: mark });
      this.#further.push({ person: nhsNumber, lines });
    }
    const lines = this.#lines;
    let at = this.#lineEnds[place - 1] ?? 0;
    writeTenDigits(lines, at, nhsNumber);
    lines[at + 10] = comma;
    at += 11;
    for (let from = idStart; from < idEnd; from += 1, at += 1) lines[at] = bytes[from] ?? 0;
    lines[at] = lineFeed;
    this.#numbers[place] = nhsNumber;
    this.#lineEnds[place] = at + 1;
    this.#asked[place] = asked;
    this.#count += 1;
  }

  /** A part, as soon as there is one that must end; undefined where more people may follow. */
  next(): CutPart | undefined {
    this.#drop();
    const end = this.#findCut();
    if (end === 0) return undefined;
    return this.#give(end, this.#boundaryAt(end) ?? wholeNumberLine.to);
  }

  /** The last part; undefined where the cohort is empty. */
  last(): CutPart | undefined {
    this.#drop();
    return this.#count === 0 ? undefined : this.#give(this.#count, wholeNumberLine.to);
  }

  /** The last place at which a part may end, or else the first one beyond its length; 0 where there is none yet. */
  #findCut(): number {
    const last = this.#count - 1;
    if ((this.#asked[last] ?? 0) <= this.#partRows) return 0;
    for (let end = this.#isOverlong ? 0 : last; end > 0; end -= 1) {
      if ((this.#asked[end - 1] ?? 0) <= this.#partRows && this.#isPlace(end)) return end;
    }
    this.#isOverlong = true;
    return last > 0 && (this.#asked[last - 1] ?? 0) > this.#partRows && this.#isPlace(last) ? last : 0;
  }

  #isPlace(end: number): boolean {
    const boundary = this.#boundaryAt(end);
    return boundary !== undefined && !this.#stems.has(stemOf(boundary));
  }

  #boundaryAt(end: number): number | undefined {
    return boundaryBetween(this.#numbers[end - 1] ?? 0, this.#numbers[end] ?? 0);
  }

  #give(end: number, to: number): CutPart {
    const range = { from: this.#from, to };
    this.#from = to;
    this.#given = end;
    this.#isOverlong = false;
    const people = this.#lines.subarray(0, this.#lineEnds[end - 1]);
    const isBelow = this.#further.map(({ person }) => person < to);
    const further = this.#further.filter((_, index) => isBelow[index]).flatMap(({ lines }) => lines);
    this.#further = this.#further.filter((_, index) => !isBelow[index]);
    return further.length === 0
      ? { range, rows: end, body: people }
      : { range, ...this.#withFurther(people, end, further) };
  }

  /** The lines of people with the further ones between them. */
  #withFurther(people: Buffer, end: number, further: FurtherLine[]): Pick<CutPart, 'rows' | 'body'> {
    further.sort((a, b) => a.nhsNumber - b.nhsNumber || a.person - b.person);
    const body = Buffer.allocUnsafe(people.length + further.length * linkLineBytes);
    let rows = end;
    let at = 0;
    let place = 0;
    let copied = 0;
    let before = -1;
    for (const { nhsNumber, person } of further) {
      while (place < end && (this.#numbers[place] ?? 0) <= nhsNumber) place += 1;
      const copyEnd = this.#lineEnds[place - 1] ?? 0;
      at += people.copy(body, at, copied, copyEnd);
      copied = copyEnd;
      if (nhsNumber !== before && this.#numbers[place - 1] !== nhsNumber) rows += 1;
      before = nhsNumber;
      at += writeFurther(body, at, { nhsNumber, person });
    }
    at += people.copy(body, at, copied);
    return { rows, body: body.subarray(0, at) };
  }

  /** Lets go of the people whose part was given out. */
  #drop(): void {
    const given = this.#given;
    if (given === 0) return;
    const bytes = this.#lineEnds[given - 1] ?? 0;
    const asked = this.#asked[given - 1] ?? 0;
    this.#lines.copyWithin(0, bytes, this.#lineEnds[this.#count - 1]);
    this.#numbers.copyWithin(0, given, this.#count);
    for (let place = given; place < this.#count; place += 1) {
      this.#lineEnds[place - given] = (this.#lineEnds[place] ?? 0) - bytes;
      this.#asked[place - given] = (this.#asked[place] ?? 0) - asked;
    }
    this.#count -= given;
    this.#given = 0;
  }

  #makeRoom(): void {
    const length = this.#numbers.length * 2;
    const numbers = new Float64Array(length);
    numbers.set(this.#numbers);
    const lineEnds = new Uint32Array(length);
    lineEnds.set(this.#lineEnds);
    const asked = new Uint32Array(length);
    asked.set(this.#asked);
    const lines = Buffer.allocUnsafeSlow(length * longestLineBytes);
    this.#lines.copy(lines);
    [this.#numbers, this.#lineEnds, this.#asked, this.#lines] = [numbers, lineEnds, asked, lines];
  }
}

/** @returns the length of the line */
function writeFurther(body: Buffer, at: number, { nhsNumber, person }: FurtherLine): number {
  writeTenDigits(body, at, nhsNumber);
  const isMark = person === mark;
  body[at + 10] = isMark ? exclamationMark : greaterThan;
  if (!isMark) writeTenDigits(body, at + 11, person);
  const length = isMark ? markLineBytes : linkLineBytes;
  body[at + length - 1] = lineFeed;
  return length;
}

function stemsOf(nhsNumbers: Float64Array): ReadonlySet<number> {
  const stems = new Set<number>();
  for (const nhsNumber of nhsNumbers) stems.add(stemOf(nhsNumber));
  return stems;
}

/** The first nine digits, which determine the tenth. */
function stemOf(nhsNumber: number): number {
  return Math.floor(nhsNumber / 10);
}
