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
 * Takes the rows of a cohort one after another: each goes to the people, to the patients who are linked with others, or,
 * with a reason and without its number, to the quarantine.
 */
export class RowSorter {
  rows = 0;
  invalidOthers = 0;
  readonly quarantined = new Map<RowRefusal, number>();
  readonly #rules: CohortRules;
  readonly #people: NumberBuckets;
  readonly #linked: LinkedPatients;
  /** Lines that nobody has taken yet. */
  #quarantine = 'row,reason,patientId\n';
  // Where the row's patient id stands; an id of no characters where it has none.
  #idBytes: Buffer = Buffer.alloc(0);
  #idStart = 0;
  #idEnd = 0;

  constructor(rules: CohortRules, people: NumberBuckets, linked: LinkedPatients) {
    this.#rules = rules;
    this.#people = people;
    this.#linked = linked;
  }

  take(row: ScannedRow): void {
    this.rows += 1;
    const hasValidId = this.#findId(row);
    const reading = this.#readNumber(row, hasValidId);
    if (typeof reading === 'string') this.#setAside(row.row, reading);
    const isLinked =
      row.end(columnIndex.otherNhsNumbers) > row.start(columnIndex.otherNhsNumbers) ||
      row.end(columnIndex.replacedBy) > row.start(columnIndex.replacedBy);
    if (isLinked) this.#takeLinked(row, typeof reading === 'string' ? undefined : reading);
    else if (typeof reading === 'number') this.#people.add(reading, this.#idBytes, this.#idStart, this.#idEnd);
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

  #takeLinked(row: ScannedRow, nhsNumber: number | undefined): void {
    const others = this.#othersOf(row);
    const replacedBy = row.text(columnIndex.replacedBy).trim();
    const patientId = this.#idBytes.toString('latin1', this.#idStart, this.#idEnd);
    if (replacedBy !== '') {
      this.#linked.addReplaced({ nhsNumber, patientId, replacedBy, others });
    } else if (nhsNumber !== undefined) {
      this.#people.add(nhsNumber, this.#idBytes, this.#idStart, this.#idEnd);
      this.#linked.addOthers(nhsNumber, others);
    }
  }

  #othersOf(row: ScannedRow): number[] {
    const texts = row.text(columnIndex.otherNhsNumbers).split(/\s+/).filter(Boolean);
    const readings = texts.map((text) => readNhsNumber(text, this.#rules.allowed));
    const valid = readings.flatMap((reading) => ('nhsNumber' in reading ? [Number(reading.nhsNumber)] : []));
    const others = valid.filter((other) => !this.#rules.refused.has(other));
    this.invalidOthers += texts.length - others.length;
    return others;
  }

  #readNumber(row: ScannedRow, hasValidId: boolean): number | RowRefusal {
    const { allowed, refused } = this.#rules;
    const start = row.start(columnIndex.nhsNumber);
    const isTenBytes = row.end(columnIndex.nhsNumber) - start === 10;
    let value = isTenBytes ? readTenDigits(row.view, start) : -1;
    if (value >= 0) {
      const refusal = refusalOf(value, allowed);
      if (refusal !== undefined) return refusal;
    } else {
      const reading = readNhsNumber(row.text(columnIndex.nhsNumber), allowed);
      if ('refusal' in reading) return reading.refusal;
      value = Number(reading.nhsNumber);
    }
    if (!hasValidId) return 'patient-id-invalid';
    return refused.size > 0 && refused.has(value) ? 'refused-by-service' : value;
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
