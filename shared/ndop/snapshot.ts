import { readLines } from '../lines.ts';
import { formatNhsNumber } from './nhs-number.ts';
import type { NumberRange } from './number-range.ts';

/** Whether an opt-out is in force, in the words of Consent.status. */
export type OptOutStatus = 'active' | 'inactive';

/** All that is known of a person's opt-out; a Consent says this and no more. */
export interface OptOut {
  readonly nhsNumber: number;
  readonly status: OptOutStatus;
  /** As-at time of the answer that first showed the present status, ISO 8601 UTC. */
  readonly since: string;
  /** As-at time of the answer that first showed the last known opt-out; absent where none was ever seen. */
  readonly optedOutSince?: string;
}

/** What the last run that knew a person believes about them. */
export interface PersonRecord extends OptOut {
  /** Tells whether the Patient reference has changed, without holding it; empty where the Consent is to be rewritten anyway. */
  readonly patientHash: string;
  /** As-at time of the first answer that no longer covered this person. */
  readonly outOfCohortSince?: string;
}

/** A record as a line of a snapshot file, sorted by NHS number: `nhsNumber,status,since,optedOutSince,patientHash,outOfCohortSince`. */
export function writeRecord(record: PersonRecord): string {
  const { nhsNumber, status, since, optedOutSince = '', patientHash, outOfCohortSince = '' } = record;
  return `${formatNhsNumber(nhsNumber)},${status},${since},${optedOutSince},${patientHash},${outOfCohortSince}\n`;
}

/** The records of one snapshot file that lie in a range, in order. */
export async function* readRecords(body: AsyncIterable<Uint8Array>, range: NumberRange): AsyncGenerator<PersonRecord> {
  for await (const line of readLines(body)) {
    const [number = '', status, since = '', optedOutSince, patientHash = '', outOfCohortSince] = line.split(',');
    const nhsNumber = Number(number);
    if (nhsNumber < range.from || nhsNumber >= range.to) continue;
    yield {
      nhsNumber,
      status: status === 'active' ? 'active' : 'inactive',
      since,
      ...(optedOutSince ? { optedOutSince } : {}),
      patientHash,
      ...(outOfCohortSince ? { outOfCohortSince } : {}),
    };
  }
}
