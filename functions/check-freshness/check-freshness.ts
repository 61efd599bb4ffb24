import { z } from 'zod';
import type { Files } from '../../shared/files.ts';
import { importName, type ConsentImports } from '../../shared/ledger/consent-imports.ts';
import {
  manifestOf,
  stillUnfinished,
  type Latest,
  type LatestSnapshot,
  type Writer,
} from '../../shared/ledger/latest.ts';
import { drainHolder, type MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { moveExpiredSnapshot } from '../../shared/ledger/move-snapshot.ts';
import type { Parts } from '../../shared/ledger/parts.ts';
import type { WritesUnderWay } from '../../shared/ledger/writes-under-way.ts';
import { log } from '../../shared/log.ts';
import type { Measured } from '../../shared/metrics.ts';
import { notBegun, type Expiring } from '../../shared/ndop/expiring.ts';
import { dueEntries, expiryIdOf, isOlder, type ExpiryLimits } from '../../shared/ndop/expiry.ts';
import { snapshotAge, snapshotAgeText, type SnapshotAge } from '../../shared/ndop/snapshot-age.ts';
import { unknownModelVersion, type ManifestFile, type SnapshotManifest } from '../../shared/ndop/snapshot-manifest.ts';
import { runFiles } from '../../shared/run-files.ts';

export const checkFreshnessInput = z.object({
  execution: z.string(),
  /** When the execution started: a repeat finds the same things too old. */
  at: z.string(),
});
export type CheckFreshnessInput = z.infer<typeof checkFreshnessInput>;

export interface CheckFreshnessOutput {
  /** What has to be deleted, piece by piece; empty where nothing has, or nothing may be deleted now. */
  readonly due: readonly Expiring[];
}

export interface CheckFreshnessDeps extends ExpiryLimits {
  readonly leaseSeconds: number;
  readonly mailbox: Pick<MailboxLedger, 'holdLease' | 'releaseLease'>;
  readonly latest: Pick<LatestSnapshot, 'read' | 'unfinishedWriter' | 'beginWriting' | 'endWriting' | 'move'>;
  readonly writes: Pick<WritesUnderWay, 'until'>;
  readonly consentImports: Pick<ConsentImports, 'pending'>;
  /** Asks the FHIR store, since an import goes on whatever becomes of its run. */
  readonly isImportUnderWay: (job: { readonly name: string; readonly startedAt: string }) => Promise<boolean>;
  readonly parts: Pick<Parts, 'list'>;
  readonly files: Pick<Files, 'writeOnce'>;
  readonly readManifest: (file: ManifestFile | undefined) => Promise<SnapshotManifest>;
  readonly measure: (measured: Measured) => void;
  readonly notify: (subject: string, message: string) => Promise<void>;
}

/**
 * Says how old the answers are that the Consents rest on, and finds what is too old to stand. Where something is, and
 * nobody else has the mailbox or may still be writing, it keeps the mailbox for what follows, and says in the snapshot
 * before anything is deleted that these people are to be written anew: a stop at any point from here on loses nobody.
 */
export async function checkFreshness(
  { execution, at }: CheckFreshnessInput,
  deps: CheckFreshnessDeps,
): Promise<CheckFreshnessOutput> {
  const lease = await deps.mailbox.holdLease({ execution, runId: drainHolder }, deps.leaseSeconds);
  const hindrance = lease.held ? await writesUnderWay(deps) : `the mailbox is taken by ${lease.holder}`;
  const latest = await deps.latest.read();
  const manifest = await deps.readManifest(manifestOf(latest));
  const stretches = dueEntries(manifest, at, deps).map(({ place }) => place);
  const writer = stillUnfinished(await deps.latest.unfinishedWriter(), latest);
  const parts = await partsLeftOver(writer, stretches.length > 0, at, deps);
  const due = [...stretches.map((place) => notBegun('stretch', place)), ...parts.map((part) => notBegun('part', part))];
  const age = latest && snapshotAge(manifest, { closedAt: latest.closedAt, at, maxAgeDays: deps.maxAgeDays });
  if (age) deps.measure(ageMetrics(age));
  log.info('snapshot.age', { ...age, due: due.length, hindrance });

  if (due.length > 0 && hindrance === undefined) {
    // A run that stopped at the very end of its closing: once the snapshot moves on, nobody could tell any more.
    if (latest && !writer) await deps.latest.endWriting(latest.runId);
    // A rebuild that read the store before these deletions must not close after them.
    if (writer && parts.length > 0) await deps.latest.beginWriting({ ...writer, opening: writer.opening + 1 });
    if (latest) await markForRewrite(latest, manifest, stretches, { id: expiryIdOf(at, execution), deps });
    return { due };
  }
  await deps.mailbox.releaseLease(execution);
  const lines = [
    ...(age && age.expired > 0 ? [snapshotAgeText(age)] : []),
    ...(due.length > 0 ? [`Consents that have to go wait for the next drain: ${hindrance ?? ''}.`] : []),
  ];
  if (lines.length > 0) await deps.notify('NDOP: answers have expired', lines.join('\n'));
  return { due: [] };
}

function ageMetrics({ oldestAnswerDays, lastRunDays, expired }: SnapshotAge): Measured {
  return {
    ...(oldestAnswerDays === undefined ? {} : { OldestAnswerAgeDays: oldestAnswerDays }),
    DaysSinceLastSuccess: lastRunDays,
    StretchesExpired: expired,
  };
}

/** Who may still be writing though nobody has the mailbox, as a clause; undefined where nobody may. */
async function writesUnderWay({ writes, consentImports, isImportUnderWay }: CheckFreshnessDeps) {
  const until = await writes.until();
  if (until !== undefined) return `a run that has ended may still be writing, until ${until} at the latest`;
  const pending = await consentImports.pending();
  if (!pending) return undefined;
  const name = importName(pending.runId, pending.attempt);
  const isUnderWay = await isImportUnderWay({ name, startedAt: pending.startedAt });
  return isUnderWay ? `the import ${name} may still be writing` : undefined;
}

/**
 * Parts of a run that began to write and never closed. No snapshot names all that it wrote: where nobody can resume it any
 * more, since its answers are too old or the snapshot that it compared with is about to be replaced, nobody would ever
 * delete that.
 */
async function partsLeftOver(
  writer: Writer | undefined,
  isSnapshotReplaced: boolean,
  at: string,
  deps: CheckFreshnessDeps,
): Promise<readonly number[]> {
  const parts = writer ? await deps.parts.list(writer.runId) : [];
  return parts.flatMap(({ part, reconciled }) =>
    reconciled && (isSnapshotReplaced || isOlder(reconciled.sentAt, deps.maxAgeDays, at)) ? [part] : [],
  );
}

async function markForRewrite(
  latest: Latest,
  manifest: SnapshotManifest,
  stretches: readonly number[],
  { id, deps }: { readonly id: string; readonly deps: CheckFreshnessDeps },
): Promise<void> {
  if (stretches.length === 0) return;
  const entries = manifest.entries.map((entry, place) =>
    stretches.includes(place) ? { ...entry, modelVersion: unknownModelVersion } : entry,
  );
  await moveExpiredSnapshot(
    { key: runFiles.manifest(id, 1), manifest: { ...manifest, runId: id, entries } },
    latest,
    deps,
  );
}
