import { z } from 'zod';
import { readLines } from '../lines.ts';
import type { NumberRange } from './cohort.ts';
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

/** One stretch of the number line in a snapshot. Several entries may name one file, each its own stretch of it. */
const snapshotEntry = z.object({
  from: z.number(),
  to: z.number(),
  key: z.string(),
  sha256: z.string(),
  /** People in the whole file, and how many of them are opted out. */
  rows: z.number(),
  optedOut: z.number(),
  /** The answer's own time, and when its request was sent: freshness counts from there. */
  asAt: z.string(),
  sentAt: z.string(),
  modelVersion: z.number(),
});
export type SnapshotEntry = z.infer<typeof snapshotEntry>;

export const snapshotManifest = z.object({
  runId: z.string(),
  entries: z.array(snapshotEntry),
  /** File of the numbers that the service refused; absent where it refused none. */
  refused: z.object({ key: z.string(), sha256: z.string() }).optional(),
});
/** What we believe about everybody after a run: sorted, disjoint stretches, each with its file. */
export type SnapshotManifest = z.infer<typeof snapshotManifest>;

export const emptySnapshot: SnapshotManifest = { runId: '', entries: [] };

/** The entries of a snapshot that bear on a range, each clipped to it. */
export function entriesWithin(manifest: SnapshotManifest, range: NumberRange): SnapshotEntry[] {
  return manifest.entries
    .map((entry) => ({ ...entry, from: Math.max(entry.from, range.from), to: Math.min(entry.to, range.to) }))
    .filter((entry) => entry.from < entry.to);
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
