import { type NhsNumberBlock, type NhsNumberRefusal, readNhsNumber, refusalOf } from '../ndop/nhs-number.ts';
import { readTenDigits } from '../ndop/ten-digits.ts';
import type { LinkedPatients } from './linked-patients.ts';
import type { NumberBuckets } from './number-buckets.ts';
import { columnIndex, type ScannedRow } from './scan-csv.ts';

/**
 * Why a row was set aside: what is wrong with its number, a patient id that no FHIR store can hold, or a number that the
 * service refused not long ago.
 */
export type RowRefusal = NhsNumberRefusal | 'patient-id-invalid' | 'refused-by-service';

export interface CohortRules {
  /** Blocks of NHS numbers that may be asked about. */
  readonly allowed: readonly NhsNumberBlock[];
  /** Numbers that the service refused not long ago. */
  readonly refused: Pick<ReadonlyMap<number, unknown>, 'has' | 'size'>;
}

/** Source: FHIR R4, data type `id`. */
const idForm = /^[A-Za-z0-9\-.]{1,64}$/;
const longestId = 64;
const isIdByte = Uint8Array.from({ length: 256 }, (_, byte) => (idForm.test(String.fromCharCode(byte)) ? 1 : 0));

/**
 * Takes the rows of a cohort one after another: each goes to the people, or, with a reason and without its number, to the
 * quarantine. Whom a row links, and which numbers, is noted in both cases: a number that is valid may be another's too.
 */
export class RowSorter {
  rows = 0;
  /** Further numbers that are not valid, so that they are not asked about. */
  invalidOthers = 0;
  readonly quarantined = new Map<RowRefusal, number>();
  readonly #rules: CohortRules;
  readonly #people: NumberBuckets;
  readonly #linked: LinkedPatients;
  readonly #aside: NumberBuckets;
  /** Lines that nobody has taken yet. */
  #quarantine = 'row,reason,patientId\n';
  // Where the row's patient id stands; an id of no characters where it has none.
  #idBytes: Buffer = Buffer.alloc(0);
  #idStart = 0;
  #idEnd = 0;

  /** @param aside takes valid numbers of rows that were set aside: patients with links may name whose they are */
  constructor(rules: CohortRules, people: NumberBuckets, linked: LinkedPatients, aside: NumberBuckets) {
    this.#rules = rules;
    this.#people = people;
    this.#linked = linked;
    this.#aside = aside;
  }

  take(row: ScannedRow): void {
    this.rows += 1;
    const hasValidId = this.#findId(row);
    const reading = this.#readNumber(row);
    const refusal = typeof reading === 'string' ? reading : this.#refusalOf(reading, hasValidId);
    const isReplaced = isFilled(row, columnIndex.replacedBy);
    if (refusal !== undefined) this.#setAside(row.row, refusal);
    else if (typeof reading === 'number') {
      this.#people.add(reading, this.#idBytes, this.#idStart, this.#idEnd, isReplaced);
    }
    const isLinked = isReplaced || isFilled(row, columnIndex.otherNhsNumbers) || isFilled(row, columnIndex.replaces);
    if (isLinked) this.#link(row, reading);
    else if (refusal !== undefined && typeof reading === 'number') {
      const key = keyBytes(row.text(columnIndex.patientId).trim());
      if (key.length > 0) this.#aside.add(reading, key, 0, key.length);
    }
  }

  /** The quarantine file as it grows: whatever lines were added since the last call. */
  takeQuarantine(): string {
    const lines = this.#quarantine;
    this.#quarantine = '';
    return lines;
  }

  get quarantineLength(): number {
    return this.#quarantine.length;
  }

  #link(row: ScannedRow, reading: number | NhsNumberRefusal): void {
    const texts = wordsOf(row, columnIndex.otherNhsNumbers);
    const nhsNumbers = texts.flatMap((text) => {
      const other = readNhsNumber(text, this.#rules.allowed);
      return 'nhsNumber' in other ? [Number(other.nhsNumber)] : [];
    });
    this.invalidOthers += texts.length - nhsNumbers.length;
    if (typeof reading === 'number') nhsNumbers.push(reading);
    this.#linked.add({
      patientId: keyOf(row.text(columnIndex.patientId).trim()),
      nhsNumbers,
      replacedBy: wordsOf(row, columnIndex.replacedBy).map(keyOf),
      replaces: wordsOf(row, columnIndex.replaces).map(keyOf),
    });
  }

  #refusalOf(nhsNumber: number, hasValidId: boolean): RowRefusal | undefined {
    if (!hasValidId) return 'patient-id-invalid';
    const { refused } = this.#rules;
    return refused.size > 0 && refused.has(nhsNumber) ? 'refused-by-service' : undefined;
  }

  #readNumber(row: ScannedRow): number | NhsNumberRefusal {
    const { allowed } = this.#rules;
    const start = row.start(columnIndex.nhsNumber);
    const isTenBytes = row.end(columnIndex.nhsNumber) - start === 10;
    const value = isTenBytes ? readTenDigits(row.view, start) : -1;
    if (value >= 0) return refusalOf(value, allowed) ?? value;
    const reading = readNhsNumber(row.text(columnIndex.nhsNumber), allowed);
    return 'refusal' in reading ? reading.refusal : Number(reading.nhsNumber);
  }

  /** @returns whether the row has a patient id that a FHIR store can hold, or none */
  #findId(row: ScannedRow): boolean {
    const { bytes } = row;
    const start = row.start(columnIndex.patientId);
    const end = row.end(columnIndex.patientId);
    this.#idBytes = bytes;
    this.#idStart = start;
    this.#idEnd = end;
    if (end - start <= longestId) {
      let at = start;
      while (at < end && isIdByte[bytes[at] ?? 0] === 1) at += 1;
      if (at === end) return true;
    }
    const id = row.text(columnIndex.patientId).trim();
    const isValid = id === '' || idForm.test(id);
    this.#idBytes = Buffer.from(isValid ? id : '');
    this.#idStart = 0;
    this.#idEnd = this.#idBytes.length;
    return isValid;
  }

  #setAside(row: number, reason: RowRefusal): void {
    this.quarantined.set(reason, (this.quarantined.get(reason) ?? 0) + 1);
    const patientId = this.#idBytes.toString('latin1', this.#idStart, this.#idEnd);
    this.#quarantine += `${row},${reason},${patientId}\n`;
  }
}

function isFilled(row: ScannedRow, column: number): boolean {
  return row.end(column) > row.start(column) && row.text(column).trim() !== '';
}

function wordsOf(row: ScannedRow, column: number): string[] {
  return row.text(column).split(/\s+/).filter(Boolean);
}

/**
 * What a patient id is compared by: itself, or as much of it as a FHIR store could hold. A row whose id is not valid makes
 * no person, and is one with the patients that name it all the same.
 */
function keyOf(id: string): string {
  return keyBytes(id).toString('latin1');
}

function keyBytes(id: string): Buffer {
  return Buffer.from(id).subarray(0, longestId);
}
