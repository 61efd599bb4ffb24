import { writeTenDigits } from '../ndop/ten-digits.ts';
import { boundaryBetween, wholeNumberLine, type NumberRange } from '../ndop/number-range.ts';

/** A number that is asked about for another person's sake: that person has opted out if either number has. */
export interface LinkedNumber {
  readonly nhsNumber: number;
  readonly survivor: number;
}

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
const greaterThan = 0x3e;
const longestLineBytes = 76;
const linkLineBytes = 22;

/**
 * Cuts people, who come by rising number, into parts of at most `partRows` numbers. A boundary is no valid NHS number and
 * shares its first nine digits, which determine the tenth, with nobody of the cohort: so ledger and manifests name ranges
 * without naming anybody. A part without such a place in its whole length goes on to the next one. Numbers asked about for
 * a person's sake count in that person's part. Holds one part, and the beginning of the next.
 *
 * A part file has a line for each person, `nhsNumber,patientId`, and for each linked number, `nhsNumber>survivor`: sorted
 * by first number, a person before links, links by survivor.
 */
export class PartCutter {
  readonly #partRows: number;
  /** By survivor. */
  readonly #links: readonly LinkedNumber[];
  readonly #linkedStems: ReadonlySet<number>;
  #nextLink = 0;
  #firstLink = 0;
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

  constructor(partRows: number, links: readonly LinkedNumber[]) {
    this.#partRows = partRows;
    this.#links = links;
    this.#linkedStems = new Set(links.map(({ nhsNumber }) => stemOf(nhsNumber)));
  }

  add(nhsNumber: number, bytes: Uint8Array, idStart: number, idEnd: number): void {
    const place = this.#count;
    if (place === this.#numbers.length) this.#makeRoom();
    let asked = (this.#asked[place - 1] ?? 0) + 1;
    while (this.#links[this.#nextLink]?.survivor === nhsNumber) {
      this.#nextLink += 1;
      asked += 1;
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
    return boundary !== undefined && !this.#linkedStems.has(stemOf(boundary));
  }

  #boundaryAt(end: number): number | undefined {
    return boundaryBetween(this.#numbers[end - 1] ?? 0, this.#numbers[end] ?? 0);
  }

  #give(end: number, to: number): CutPart {
    const range = { from: this.#from, to };
    this.#from = to;
    this.#given = end;
    this.#isOverlong = false;
    let linkEnd = this.#firstLink;
    while (linkEnd < this.#links.length && (this.#links[linkEnd]?.survivor ?? 0) < to) linkEnd += 1;
    const links = this.#links.slice(this.#firstLink, linkEnd);
    this.#firstLink = linkEnd;
    const people = this.#lines.subarray(0, this.#lineEnds[end - 1]);
    return links.length === 0 ? { range, rows: end, body: people } : { range, ...this.#withLinks(people, end, links) };
  }

  /** The lines of people with those of links between them. */
  #withLinks(people: Buffer, end: number, links: LinkedNumber[]): Pick<CutPart, 'rows' | 'body'> {
    links.sort((a, b) => a.nhsNumber - b.nhsNumber || a.survivor - b.survivor);
    const body = Buffer.allocUnsafe(people.length + links.length * linkLineBytes);
    let rows = end;
    let at = 0;
    let place = 0;
    let copied = 0;
    let before = -1;
    for (const { nhsNumber, survivor } of links) {
      while (place < end && (this.#numbers[place] ?? 0) <= nhsNumber) place += 1;
      const copyEnd = this.#lineEnds[place - 1] ?? 0;
      at += people.copy(body, at, copied, copyEnd);
      copied = copyEnd;
      if (nhsNumber !== before && this.#numbers[place - 1] !== nhsNumber) rows += 1;
      before = nhsNumber;
      writeTenDigits(body, at, nhsNumber);
      body[at + 10] = greaterThan;
      writeTenDigits(body, at + 11, survivor);
      body[at + 21] = lineFeed;
      at += linkLineBytes;
    }
    people.copy(body, at, copied);
    return { rows, body };
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

/** The first nine digits, which determine the tenth. */
function stemOf(nhsNumber: number): number {
  return Math.floor(nhsNumber / 10);
}
