import { z } from 'zod';
import { collectGzipped } from '../../shared/collect.ts';
import { PermanentError } from '../../shared/errors.ts';
import type { CompletedRun } from '../../shared/fhir/run-marker.ts';
import type { Files } from '../../shared/files.ts';
import { manifestOf, type Latest, type LatestSnapshot } from '../../shared/ledger/latest.ts';
import { drainHolder, type MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { moveExpiredSnapshot } from '../../shared/ledger/move-snapshot.ts';
import { log } from '../../shared/log.ts';
import { expiring } from '../../shared/ndop/expiring.ts';
import { dueEntries, expiryIdOf, oldestVouchedFor, type ExpiryLimits } from '../../shared/ndop/expiry.ts';
import { recordsOf } from '../../shared/ndop/read-snapshot.ts';
import { writeRecord } from '../../shared/ndop/snapshot.ts';
import { snapshotAge, snapshotAgeText } from '../../shared/ndop/snapshot-age.ts';
import { type ManifestFile, type SnapshotEntry, type SnapshotManifest } from '../../shared/ndop/snapshot-manifest.ts';
import { runFiles } from '../../shared/run-files.ts';

export const recordExpiryInput = z.object({ execution: z.string(), at: z.string(), expired: z.array(expiring) });
export type RecordExpiryInput = z.infer<typeof recordExpiryInput>;

export interface RecordExpiryOutput {
  readonly deleted: number;
}

export interface RecordExpiryDeps extends ExpiryLimits {
  readonly now: () => Date;
  readonly leaseSeconds: number;
  readonly mailbox: Pick<MailboxLedger, 'keepLease' | 'releaseLease'>;
  readonly latest: Pick<LatestSnapshot, 'read' | 'unfinishedWriter' | 'move'>;
  readonly files: Pick<Files, 'readVerified' | 'writeOnce'>;
  readonly readManifest: (file: ManifestFile | undefined) => Promise<SnapshotManifest>;
  /** Tells those who see the FHIR store alone how fresh it is; once for each text that tells calls apart. */
  readonly postMarker: (completed: CompletedRun, apart: string) => Promise<void>;
  readonly notify: (subject: string, message: string) => Promise<void>;
}

/**
 * Says in the snapshot what has been deleted, marks for the consumers what is still fresh, tells the operators and gives
 * the mailbox back. The snapshot moves last: as long as it has not, the next drain deletes and marks once more.
 *
 * @throws LeaseLost; SnapshotSuperseded where a run has completed meanwhile; ConsentWritesRefused where something that should
 *   be gone still stands: then no marker says that the store is fresh, and the snapshot goes on saying that all of these
 *   people are to be written anew
 */
export async function recordExpiry(
  { execution, at, expired }: RecordExpiryInput,
  deps: RecordExpiryDeps,
): Promise<RecordExpiryOutput> {
  await deps.mailbox.keepLease({ execution, runId: drainHolder }, deps.leaseSeconds);
  const deleted = expired.reduce((sum, each) => sum + each.deleted, 0);
  const kept = expired.reduce((sum, each) => sum + each.kept, 0);
  if (kept > 0) {
    throw new PermanentError(
      'ConsentWritesRefused',
      `${kept} Consents that may not stand any longer could not be deleted, ${deleted} were: the FHIR store refused. The next drain tries again`,
    );
  }
  const latest = await deps.latest.read();
  const lines = latest ? await recordIn(latest, { id: expiryIdOf(at, execution), at, deleted }, deps) : [];
  const writer = await deps.latest.unfinishedWriter();
  const stopped = writer
    ? [
        `Run ${writer.runId} began to write and stopped. It cannot be resumed any more: npm run ops -- snapshot rebuild, then a run`,
      ]
    : [];
  const about = 'Consents were deleted, since no answer vouches for them any more';
  await deps.notify(
    `NDOP: answers have expired, ${deleted} Consents deleted`,
    [`${deleted} ${about}.`, ...lines, ...stopped].join('\n'),
  );
  log.info('consents.expired', { deleted, stretches: expired.length });
  // Last of all: a repeat that came after it might find the mailbox taken.
  await deps.mailbox.releaseLease(execution);
  return { deleted };
}

/** @returns what there is to tell of the snapshot */
async function recordIn(
  latest: Latest,
  { id, at, deleted }: { readonly id: string; readonly at: string; readonly deleted: number },
  deps: RecordExpiryDeps,
): Promise<string[]> {
  const before = await deps.readManifest(manifestOf(latest));
  const due = new Map(dueEntries(before, at, deps).map((each) => [each.place, each]));
  // What has taken the place of the snapshot that was marked for this may know people who were not deleted.
  if (due.size > 0 && latest.runId !== id) {
    throw new PermanentError('SnapshotSuperseded', 'A run has completed while answers expired: the next drain goes on');
  }
  const entries: SnapshotEntry[] = [];
  for (const [place, entry] of before.entries.entries()) {
    const expired = due.get(place);
    if (!expired) entries.push(entry);
    else if (expired.due === 'inactive') entries.push(...(await withoutInactive(entry, { id, at, place }, deps)));
  }
  const manifest = { ...before, runId: id, entries };
  const isMarked = await mark(manifest, deleted, deps);
  if (due.size > 0) await moveExpiredSnapshot({ key: runFiles.manifest(id, 2), manifest }, latest, deps);
  const { closedAt } = latest;
  return [
    snapshotAgeText(snapshotAge(manifest, { closedAt, at, maxAgeDays: deps.maxAgeDays })),
    ...(isMarked
      ? []
      : ['The FHIR store refused the marker that says what is fresh: its consumers withhold meanwhile.']),
  ];
}

/** The stretch with those alone who are opted out; nothing where nobody is. */
async function withoutInactive(
  entry: SnapshotEntry,
  { id, at, place }: { readonly id: string; readonly at: string; readonly place: number },
  deps: RecordExpiryDeps,
): Promise<SnapshotEntry[]> {
  let rows = 0;
  async function* lines(): AsyncGenerator<string> {
    for await (const record of recordsOf(entry, deps.files)) {
      if (record.status === 'inactive') continue;
      rows += 1;
      yield writeRecord(record);
    }
  }
  const body = await collectGzipped(lines());
  if (rows === 0) return [];
  const { key, sha256 } = await deps.files.writeOnce(runFiles.snapshotPart(id, place + 1, 1), body);
  return [{ ...entry, key, sha256, rows, optedOut: rows, expiredAt: at }];
}

/**
 * Consumers may go on with what is still fresh. A store that refuses the marker has nothing stale in it all the same.
 *
 * @returns whether it is marked, or there is nothing to mark
 */
async function mark(
  manifest: SnapshotManifest,
  deleted: number,
  { now, postMarker, maxAgeDays }: RecordExpiryDeps,
): Promise<boolean> {
  const { runId } = manifest;
  const asAt = oldestVouchedFor(manifest);
  if (asAt === undefined) return true;
  const counts = { submitted: 0, optedOut: 0, notOptedOut: 0, consentWrites: deleted };
  try {
    await postMarker(
      { runId, outcome: 'AnswersExpired', recorded: now().toISOString(), asAt, maxAgeDays, ...counts },
      '1',
    );
    return true;
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    log.error('expiry.not-marked', { errorName: error.name, reason: error.message });
    return false;
  }
}
