import { crc32 } from 'node:zlib';
import { PermanentError } from '../errors.ts';
import { formatNhsNumber } from './nhs-number.ts';

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

/**
 * Reads a line of a snapshot file, without its line end.
 *
 * @throws PermanentError FileAltered
 */
export function readRecord(line: string): PersonRecord {
  const match = recordForm.exec(line);
  if (!match) throw new PermanentError('FileAltered', 'A snapshot file holds a line of no known form');
  const [, number, status, since = '', optedOutSince, patientHash = '', outOfCohortSince] = match;
  return {
    nhsNumber: Number(number),
    status: status === 'active' ? 'active' : 'inactive',
    since,
    ...(optedOutSince ? { optedOutSince } : {}),
    patientHash,
    ...(outOfCohortSince ? { outOfCohortSince } : {}),
  };
}

const recordForm = /^([0-9]{10}),(active|inactive),([^,]+),([^,]*),([0-9a-f]*),([^,]*)$/;

/** A check sum is enough to notice another Patient; a clash, one in four thousand million, would only miss an update. */
export function patientHashOf(patientId: string): string {
  return crc32(patientId).toString(16).padStart(8, '0');
}
