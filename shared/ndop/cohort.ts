import { boundaryBetween, wholeNumberLine, type NumberRange } from './number-range.ts';
import { readNhsNumber, type NhsNumberBlock, type NhsNumberRefusal } from './nhs-number.ts';
import type { CohortRow } from './cohort-csv.ts';

/** The people of one part, sorted by NHS number without repeats; the two columns run in step. */
export interface CohortPart {
  /** NHS numbers as integers: eight bytes each, and sorted without a string. */
  readonly nhsNumbers: Float64Array;
  /** Patient ids in the FHIR store; empty text where the cohort gave none. */
  readonly patientIds: readonly string[];
}

/**
 * Why a row was set aside: what is wrong with its number, a patient id that no FHIR store can hold, or a number that the
 * service refused not long ago.
 */
export type RowRefusal = NhsNumberRefusal | 'patient-id-invalid' | 'refused-by-service';

/** Source: FHIR R4, data type `id`. */
const patientIdForm = /^[A-Za-z0-9\-.]{1,64}$/;

export interface QuarantinedRow {
  readonly row: number;
  readonly patientId?: string;
  readonly reason: RowRefusal;
}

export interface CohortCounts {
  readonly rows: number;
  readonly requested: number;
  readonly duplicates: number;
  readonly quarantined: Partial<Record<RowRefusal, number>>;
}

export interface Cohort {
  readonly people: CohortPart;
  readonly counts: CohortCounts;
}

export interface CohortRules {
  /** Blocks of NHS numbers that may be asked about. */
  readonly allowed: readonly NhsNumberBlock[];
  /** Whether the service refused a number not long ago. */
  readonly isRefused: (nhsNumber: number) => boolean;
}

/**
 * Reads a cohort into sorted, distinct people; each refused row is given to `quarantine` with its reason. Where several
 * patients share a number, the lowest patient id is kept, so that the choice is the same in every run.
 */
export async function readCohort(
  rows: AsyncIterable<CohortRow>,
  { allowed, isRefused }: CohortRules,
  quarantine: (row: QuarantinedRow) => void,
): Promise<Cohort> {
  const people = new Map<number, string>();
  const refused = new Map<RowRefusal, number>();
  let total = 0;
  let duplicates = 0;
  for await (const { row, nhsNumber, patientId } of rows) {
    total += 1;
    const reading = readNhsNumber(nhsNumber, allowed);
    const isIdInvalid = patientId !== undefined && !patientIdForm.test(patientId);
    const isLeftOut = 'nhsNumber' in reading && isRefused(Number(reading.nhsNumber));
    if ('refusal' in reading || isIdInvalid || isLeftOut) {
      const ours = isIdInvalid ? 'patient-id-invalid' : 'refused-by-service';
      const reason = 'refusal' in reading ? reading.refusal : ours;
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
      quarantine({ row, reason, ...(patientId === undefined || isIdInvalid ? {} : { patientId }) });
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
 * Cuts sorted people into parts of at most `partRows`. A boundary is no valid NHS number and shares its first nine digits,
 * which determine the tenth, with nobody of the cohort: so ledger and manifests name ranges without naming anybody. A
 * part without such a place in its whole length goes on to the next one.
 */
export function cutIntoParts(people: CohortPart, partRows: number): CutPart[] {
  const parts: CutPart[] = [];
  const { nhsNumbers, patientIds } = people;
  let start = 0;
  let from = wholeNumberLine.from;
  while (start < nhsNumbers.length) {
    const { end, to } = findCut(nhsNumbers, start, partRows);
    parts.push({
      range: { from, to },
      people: { nhsNumbers: nhsNumbers.subarray(start, end), patientIds: patientIds.slice(start, end) },
    });
    start = end;
    from = to;
  }
  return parts;
}

/** The last place at which a part that begins here may end, or else the first one beyond its length. */
function findCut(nhsNumbers: Float64Array, start: number, partRows: number): { end: number; to: number } {
  const boundaryAt = (end: number) => boundaryBetween(nhsNumbers[end - 1] ?? 0, nhsNumbers[end] ?? 0);
  if (start + partRows < nhsNumbers.length) {
    for (let end = start + partRows; end > start; end -= 1) {
      const to = boundaryAt(end);
      if (to !== undefined) return { end, to };
    }
    for (let end = start + partRows + 1; end < nhsNumbers.length; end += 1) {
      const to = boundaryAt(end);
      if (to !== undefined) return { end, to };
    }
  }
  return { end: nhsNumbers.length, to: wholeNumberLine.to };
}
