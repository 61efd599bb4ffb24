import { hasValidCheckDigit, readNhsNumber, type NhsNumberBlock, type NhsNumberRefusal } from './nhs-number.ts';
import type { CohortRow } from './cohort-csv.ts';

/** The people of one part, sorted by NHS number without repeats; the two columns run in step. */
export interface CohortPart {
  /** NHS numbers as integers: eight bytes each, and sorted without a string. */
  readonly nhsNumbers: Float64Array;
  /** Patient ids in the FHIR store; empty text where the cohort gave none. */
  readonly patientIds: readonly string[];
}

/** The half-open range of NHS numbers that a part owns; the ranges of a run cover the whole number line. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

export const wholeNumberLine: NumberRange = { from: 0, to: 10_000_000_000 };

export interface QuarantinedRow {
  readonly row: number;
  readonly patientId?: string;
  readonly reason: NhsNumberRefusal;
}

export interface CohortCounts {
  readonly rows: number;
  readonly requested: number;
  readonly duplicates: number;
  readonly quarantined: Partial<Record<NhsNumberRefusal, number>>;
}

export interface Cohort {
  readonly people: CohortPart;
  readonly counts: CohortCounts;
}

/**
 * Reads a cohort into sorted, distinct people; each refused row is given to `quarantine` with its reason. Where several
 * patients share a number, the lowest patient id is kept, so that the choice is the same in every run.
 */
export async function readCohort(
  rows: AsyncIterable<CohortRow>,
  allowed: readonly NhsNumberBlock[],
  quarantine: (row: QuarantinedRow) => void,
): Promise<Cohort> {
  const people = new Map<number, string>();
  const refused = new Map<NhsNumberRefusal, number>();
  let total = 0;
  let duplicates = 0;
  for await (const { row, nhsNumber, patientId } of rows) {
    total += 1;
    const reading = readNhsNumber(nhsNumber, allowed);
    if ('refusal' in reading) {
      refused.set(reading.refusal, (refused.get(reading.refusal) ?? 0) + 1);
      quarantine({ row, reason: reading.refusal, ...(patientId === undefined ? {} : { patientId }) });
      continue;
    }
    const value = Number(reading.nhsNumber);
    const known = people.get(value);
    if (known !== undefined) duplicates += 1;
    if (known === undefined || (patientId !== undefined && (known === '' || patientId < known))) {
      people.set(value, patientId ?? '');
    }
  }
  const nhsNumbers = Float64Array.from(people.keys()).sort();
  return {
    people: { nhsNumbers, patientIds: Array.from(nhsNumbers, (value) => people.get(value) ?? '') },
    counts: { rows: total, requested: people.size, duplicates, quarantined: Object.fromEntries(refused) },
  };
}

export interface CutPart {
  readonly range: NumberRange;
  readonly people: CohortPart;
}

/**
 * Cuts sorted people into parts of at most `partRows`. A boundary lies strictly between two people and is no valid NHS
 * number, so that ledger and manifests can name ranges without naming anybody.
 */
export function cutIntoParts(people: CohortPart, partRows: number): CutPart[] {
  const parts: CutPart[] = [];
  const { nhsNumbers, patientIds } = people;
  let start = 0;
  let from = wholeNumberLine.from;
  while (start < nhsNumbers.length) {
    let end = Math.min(start + partRows, nhsNumbers.length);
    let to: number | undefined = end === nhsNumbers.length ? wholeNumberLine.to : undefined;
    while (to === undefined) {
      to = boundaryBetween(nhsNumbers[end - 1] ?? 0, nhsNumbers[end] ?? 0);
      // Two neighbours without a number between them stay together.
      if (to === undefined) end -= 1;
    }
    parts.push({
      range: { from, to },
      people: { nhsNumbers: nhsNumbers.subarray(start, end), patientIds: patientIds.slice(start, end) },
    });
    start = end;
    from = to;
  }
  return parts;
}

/** The roundest number strictly between two others that is no valid NHS number, or undefined where there is none. */
export function boundaryBetween(below: number, above: number): number | undefined {
  for (let step = 1_000_000_000; step >= 1; step /= 10) {
    for (let candidate = (Math.floor(below / step) + 1) * step; candidate < above; candidate += step) {
      if (!hasValidCheckDigit(candidate)) return candidate;
    }
  }
  return undefined;
}
