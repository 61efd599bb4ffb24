import { z } from 'zod';
import { PermanentError } from '../errors.ts';
import type { ManifestFile } from '../ndop/snapshot-manifest.ts';
import { writer } from './latest.ts';
import { changeCounts } from './parts.ts';
import type { LedgerTable } from './table.ts';

export const cohortChoice = z.discriminatedUnion('source', [
  z.strictObject({ source: z.literal('fhir-store') }),
  z.strictObject({
    source: z.literal('s3'),
    key: z
      .string()
      .regex(/^cohorts\/[\w./-]+$/, 'must be a key below cohorts/')
      .refine((key) => !/\d{9}/.test(key), 'must not hold a number of nine or more digits'),
  }),
]);
export type CohortChoice = z.infer<typeof cohortChoice>;

export const runMode = z.enum(['refresh', 'dry-run', 'resume', 'rebuild']);

/** How a run ended. A failed run carries its error's name instead. */
export const runOutcome = z.enum([
  'Completed',
  'CompletedPartially',
  /** Some Consents could not be written: they are set aside, and a resume tries them again. */
  'CompletedWithFailures',
  'NothingToCheck',
  'DryRunCompleted',
  'SnapshotRebuilt',
]);
export type RunOutcome = z.infer<typeof runOutcome>;

const cohortCounts = z.object({
  rows: z.number(),
  requested: z.number(),
  duplicates: z.number(),
  quarantined: z.record(z.string(), z.number()),
  /** Absent in runs of versions that did not look for linked patients. */
  merged: z.number().optional(),
  unresolvedLinks: z.number().optional(),
  invalidOtherNumbers: z.number().optional(),
  refusedOtherNumbers: z.number().optional(),
});

export const verdict = z.object({
  /** Why a person has to look before anything is written; empty where nothing is unusual. */
  reasons: z.array(z.string()),
  optedOut: z.number(),
  notOptedOut: z.number(),
  previousOptedOut: z.number(),
  previousRows: z.number(),
  changes: changeCounts,
});
/** What the run's parts amount to together. */
export type Verdict = z.infer<typeof verdict>;

const run = z.object({
  runId: z.string(),
  state: z.enum(['running', 'held', 'closed', 'failed']),
  trigger: z.enum(['schedule', 'console']),
  mode: runMode,
  reason: z.string().optional(),
  cohortChoice,
  executionArn: z.string(),
  openedAt: z.string(),
  /** Everybody's Consent is written anew, whatever the snapshot says of it. */
  isRewrite: z.boolean().optional(),
  /** Nobody is asked about and nothing is written: the snapshot is made anew from the Consents in the FHIR store. */
  isRebuild: z.boolean().optional(),
  /** The run that had begun to write and not finished when this rebuild was opened, so that any write since is noticed. */
  unfinishedWriter: writer.optional(),
  /** How often the run was opened: 1, and one more with each resume. */
  opening: z.number(),
  /** Manifest that this run compares with; absent in the first run of all. */
  baseManifestKey: z.string().optional(),
  baseManifestSha256: z.string().optional(),
  cohort: z.object({ counts: cohortCounts, parts: z.number(), quarantineKey: z.string() }).optional(),
  verdict: verdict.optional(),
  review: z.object({ taskToken: z.string(), heldAt: z.string(), until: z.string() }).optional(),
  outcome: runOutcome.optional(),
  failure: z.object({ name: z.string(), stage: z.string(), message: z.string() }).optional(),
  reportKey: z.string().optional(),
  /** Set when closing begins, so that a repeat of it writes the same report. */
  closing: z.object({ opening: z.number(), at: z.string() }).optional(),
});
/** The row of a run. */
export type Run = z.infer<typeof run>;

/** The manifest that a run compares with; undefined in the first run of all. */
export function baseManifestOf({ baseManifestKey: key, baseManifestSha256: sha256 }: Run): ManifestFile | undefined {
  return key === undefined ? undefined : { key, sha256 };
}

const keyOf = (runId: string) => ({ pk: `RUN#${runId}`, sk: 'META' });

/** The rows of runs. */
export class Runs {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  /** False where a run of this id exists. */
  open(row: Run): Promise<boolean> {
    return this.#table.putNew(keyOf(row.runId), row);
  }

  find(runId: string): Promise<Run | undefined> {
    return this.#table.read(keyOf(runId), run);
  }

  /** @throws PermanentError RunUnknown */
  async read(runId: string): Promise<Run> {
    const found = await this.find(runId);
    if (!found) throw new PermanentError('RunUnknown', `No run ${runId} stands in the ledger`);
    return found;
  }

  /** @param forgotten what no longer holds of the run */
  async update(runId: string, fields: Partial<Run>, forgotten: readonly (keyof Run)[] = []): Promise<void> {
    if (!(await this.#table.set(keyOf(runId), fields, undefined, forgotten))) {
      throw new PermanentError('RunUnknown', `No run ${runId} stands in the ledger`);
    }
  }

  /** Every run that the ledger knows, newest first. */
  async list(): Promise<Run[]> {
    const rows = await this.#table.scan('RUN#', 'META', run);
    return rows.sort((a, b) => b.openedAt.localeCompare(a.openedAt));
  }

  /** Numbers the tries at building a cohort: a second try writes beside the first, never over it. */
  nextCohortAttempt(runId: string): Promise<number> {
    return this.#table.increment(keyOf(runId), 'cohortAttempts');
  }
}
