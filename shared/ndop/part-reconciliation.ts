import { PermanentError } from '../errors.ts';
import type { ChangeCounts } from '../ledger/parts.ts';
import type { CohortPart } from './cohort-part.ts';
import type { NumberRange } from './number-range.ts';
import {
  reconcileAnswered,
  reconcileUnasked,
  type Change,
  type Reconciled,
  type ReconcileContext,
} from './reconcile.ts';
import { readRecord, writeRecord, type PersonRecord } from './snapshot.ts';
import { readTenDigits, viewOf } from './ten-digits.ts';

/** What is known of each number that was asked about. */
export const answers = { optedOut: 0, notOptedOut: 1, none: 2 } as const;

/** A run of people, and how many of them are opted out. */
interface People {
  rows: number;
  optedOut: number;
}

const lineFeed = 0x0a;
const comma = 0x2c;
const activeInitial = 0x61;
/** Bytes of a number and its comma. */
const numberBytes = 11;
/** A line has at least a number, a status and four more fields. */
const shortestLine = numberBytes + 'active,,,,'.length;

/**
 * Reconciles a part: goes through its people and the lines of the earlier snapshot together, both sorted. Of most people
 * there is nothing new, and their lines go over into the new snapshot as they are, in one stretch, without becoming text;
 * the others are judged one by one.
 */
export class PartReconciliation {
  readonly changes: ChangeCounts = { activate: 0, deactivate: 0, create: 0, update: 0, retire: 0 };
  /** Who was answered for. */
  readonly answered: People = { rows: 0, optedOut: 0 };
  /** Who stands in the earlier snapshot, and who in the new one. */
  readonly before: People = { rows: 0, optedOut: 0 };
  readonly after: People = { rows: 0, optedOut: 0 };
  readonly #cohort: CohortPart;
  readonly #answers: Uint8Array;
  readonly #context: ReconcileContext;
  /** The first place that is yet to be judged. */
  #next = 0;
  /** The last person of the earlier snapshot. */
  #lastNumber = -1;
  #lines: Uint8Array[] = [];
  #newLines = '';
  #changes: Change[] = [];

  /** @param answered for each place of the part, one of `answers` */
  constructor(cohort: CohortPart, answered: Uint8Array, context: ReconcileContext) {
    this.#cohort = cohort;
    this.#answers = answered;
    this.#context = context;
    this.#skipOthers();
  }

  /**
   * Judges everybody up to the last of these lines, or fewer where many are new.
   *
   * @param lines whole lines of the earlier snapshot, in the order of the file
   * @param range the stretch of the number line for which they count
   * @param limit how many newcomers are judged at most: their changes wait in memory until they are taken
   * @returns how many bytes are done with; the rest is to be given again
   * @throws PermanentError FileAltered
   */
  compare(lines: Uint8Array, range: NumberRange, limit = Infinity): number {
    const view = viewOf(lines);
    let unchangedFrom = 0;
    let at = 0;
    while (at < lines.length) {
      const end = lines.indexOf(lineFeed, at);
      const nhsNumber = end - at < shortestLine ? -1 : readTenDigits(view, at);
      const isOurs = nhsNumber >= range.from && nhsNumber < range.to;
      if (nhsNumber < 0 || (isOurs && nhsNumber <= this.#lastNumber)) {
        throw new PermanentError('FileAltered', 'A snapshot file holds a line that is cut off or out of order');
      }
      if (!isOurs || !this.#isUnchanged(lines, { at, end, nhsNumber })) {
        this.#keep(lines.subarray(unchangedFrom, at));
        unchangedFrom = end + 1;
        if (isOurs && this.#judgeNewcomers(nhsNumber, limit)) return at;
        if (isOurs) this.#judgeLine(readRecord(textOf(lines, at, end)));
      }
      if (isOurs) this.#lastNumber = nhsNumber;
      at = end + 1;
    }
    this.#keep(lines.subarray(unchangedFrom));
    return at;
  }

  /**
   * Judges the people behind the last line of the earlier snapshot, so many of them at most.
   *
   * @returns whether somebody is left
   */
  judgeRest(limit: number): boolean {
    return this.#judgeNewcomers(Infinity, limit);
  }

  /** Lines of the new snapshot and changes that were found since this was last asked for. */
  take(): { readonly lines: readonly Uint8Array[]; readonly changes: readonly Change[] } {
    this.#keep(new Uint8Array());
    const taken = { lines: this.#lines, changes: this.#changes };
    this.#lines = [];
    this.#changes = [];
    return taken;
  }

  /**
   * Whether a line stands for the next person, has the status of the answer and the same Patient, and is no leaver's: what
   * `reconcileAnswered` would give back as it was.
   */
  #isUnchanged(lines: Uint8Array, { at, end, nhsNumber }: { at: number; end: number; nhsNumber: number }): boolean {
    const place = this.#next;
    if (this.#nextNumber() !== nhsNumber || !this.#context.isModelCurrent) return false;
    const isOptedOut = lines[at + numberBytes] === activeInitial;
    if (this.#answers[place] !== (isOptedOut ? answers.optedOut : answers.notOptedOut)) return false;
    if (lines[end - 1] !== comma || this.#cohort.patientHashAt(place) !== hashBefore(lines, end - 1)) return false;
    for (const people of [this.answered, this.before, this.after]) countIn(people, isOptedOut);
    this.#goOn();
    return true;
  }

  /**
   * Judges people in front of a number who are in no earlier snapshot.
   *
   * @returns whether somebody is left
   */
  #judgeNewcomers(before: number, limit: number): boolean {
    for (let count = 0; count < limit && this.#nextNumber() < before; count += 1) this.#judgeNext();
    return this.#nextNumber() < before;
  }

  /** A person of the earlier snapshot. */
  #judgeLine(before: PersonRecord): void {
    countIn(this.before, before.status === 'active');
    if (this.#nextNumber() === before.nhsNumber) this.#judgeNext(before);
    else this.#note(reconcileUnasked(before, this.#context));
  }

  #judgeNext(before?: PersonRecord): void {
    const place = this.#next;
    const isOptedOut = this.#answers[place] === answers.optedOut;
    const person = {
      nhsNumber: this.#cohort.nhsNumbers[place] ?? 0,
      patientId: this.#cohort.patientIdAt(place),
      isOptedOut,
    };
    countIn(this.answered, isOptedOut);
    this.#goOn();
    this.#note(reconcileAnswered(person, before, this.#context));
  }

  #note({ record, change }: Reconciled): void {
    if (record) {
      countIn(this.after, record.status === 'active');
      this.#newLines += writeRecord(record);
    }
    if (change) {
      this.changes[change.kind] += 1;
      this.#changes.push(change);
    }
  }

  /** The number of the next person; beyond all numbers where nobody is left. */
  #nextNumber(): number {
    const { nhsNumbers } = this.#cohort;
    return this.#next < nhsNumbers.length ? (nhsNumbers[this.#next] ?? 0) : Infinity;
  }

  /** On to the next person who was answered for. */
  #goOn(): void {
    this.#next += 1;
    this.#skipOthers();
  }

  /** Passes over numbers that are nobody's own here, and over people without an answer. */
  #skipOthers(): void {
    const { length } = this.#cohort.nhsNumbers;
    while (this.#next < length && (this.#answers[this.#next] === answers.none || !this.#cohort.isPerson(this.#next))) {
      this.#next += 1;
    }
  }

  /** Lines that go over as they are, behind those that were made anew. */
  #keep(lines: Uint8Array): void {
    if (this.#newLines !== '') this.#lines.push(Buffer.from(this.#newLines, 'latin1'));
    this.#newLines = '';
    if (lines.length > 0) this.#lines.push(lines);
  }
}

function countIn(people: People, isOptedOut: boolean): void {
  people.rows += 1;
  if (isOptedOut) people.optedOut += 1;
}

/** The check sum that ends before a place, as an integer; -1 where none stands there. */
function hashBefore(lines: Uint8Array, end: number): number {
  if (lines[end - 9] !== comma) return -1;
  let hash = 0;
  for (let at = end - 8; at < end; at += 1) hash = hash * 16 + (hexValues[lines[at] ?? 0] ?? NaN);
  return hash;
}

const hexValues = Float64Array.from({ length: 256 }, (_, byte) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(byte));
  return digit < 0 ? NaN : digit;
});

function textOf(lines: Uint8Array, start: number, end: number): string {
  return Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength).toString('latin1', start, end);
}
