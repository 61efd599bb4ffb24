import { z } from 'zod';
import { PermanentError, RetryableError } from '../../shared/errors.ts';
import type { CompletedRun } from '../../shared/fhir/run-marker.ts';
import type { Files } from '../../shared/files.ts';
import { isPending, type ConsentImports } from '../../shared/ledger/consent-imports.ts';
import { together, type ChangeFileWrites, type ConsentWrites } from '../../shared/ledger/consent-writes.ts';
import { hasWrittenSince, type LatestSnapshot } from '../../shared/ledger/latest.ts';
import { moveSnapshot } from '../../shared/ledger/move-snapshot.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { Part, Parts } from '../../shared/ledger/parts.ts';
import { baseManifestOf, runOutcome, type Run, type RunOutcome, type Runs } from '../../shared/ledger/runs.ts';
import type { WritesUnderWay } from '../../shared/ledger/writes-under-way.ts';
import { log } from '../../shared/log.ts';
import { readCohortPart } from '../../shared/ndop/cohort-part.ts';
import { oldestVouchedFor, usableUntil } from '../../shared/ndop/expiry.ts';
import { refuseMisfits } from '../../shared/ndop/part-ranges.ts';
import { leftOutNumbers, writeRefusedNumbers } from '../../shared/ndop/refused-numbers.ts';
import {
  entriesWithin,
  unknownModelVersion,
  type ManifestFile,
  type SnapshotEntry,
  type SnapshotManifest,
} from '../../shared/ndop/snapshot-manifest.ts';
import { partsOf, reportOf, type Report } from '../../shared/report/report.ts';
import { runFiles } from '../../shared/run-files.ts';
import { rebuiltSnapshot, type RebuiltSnapshotDeps } from './rebuilt-snapshot.ts';

export const closeRunInput = z.object({
  runId: z.string(),
  execution: z.string(),
  /** How the run ends where nothing was to be written; absent after writing. */
  outcome: runOutcome.optional(),
  written: z.number(),
  /** The reviewer's words, where the run was held and approved. */
  decision: z.string().optional(),
  /** Of a rebuild: how many Consents of ours the FHIR store holds in all; null where it could not count them. */
  consentsInStore: z.number().nullable().optional(),
});
export type CloseRunInput = z.infer<typeof closeRunInput>;

export interface CloseRunOutput {
  readonly runId: string;
  readonly outcome: RunOutcome;
  readonly reportKey: string;
}

export interface CloseRunDeps extends Pick<RebuiltSnapshotDeps, 'newestMarker'> {
  readonly now: () => Date;
  readonly leaseSeconds: number;
  readonly runs: Pick<Runs, 'read' | 'update'>;
  readonly parts: Pick<Parts, 'list'>;
  readonly consentWrites: Pick<ConsentWrites, 'list'>;
  readonly consentImports: Pick<ConsentImports, 'find'>;
  readonly latest: Pick<LatestSnapshot, 'move' | 'unfinishedWriter' | 'endWriting'>;
  readonly writes: Pick<WritesUnderWay, 'until'>;
  readonly mailbox: Pick<MailboxLedger, 'keepLease' | 'releaseLease'>;
  readonly files: Pick<Files, 'writeOnce' | 'openVerified'>;
  readonly readManifest: (file: ManifestFile | undefined) => Promise<SnapshotManifest>;
  readonly writeReport: (report: Report) => Promise<{ readonly key: string }>;
  /** Tells those who see the FHIR store alone how fresh it is; once for each opening of a run. */
  readonly postMarker: (completed: CompletedRun, opening: number) => Promise<void>;
  readonly publish: (report: Report, isMarked: boolean) => Promise<void>;
  /** Days after which an answer says nothing any more. */
  readonly maxAgeDays: number;
}

/**
 * Closes a run that has written all that the store took: the new snapshot, which says what the store holds, becomes the one
 * that holds, the report is kept, consumers and operators are told, the mailbox is free again. Ranges without a usable
 * answer carry their old snapshot on.
 *
 * @throws LeaseLost; SnapshotSuperseded where another run has completed, or written, in the meantime; LedgerInconsistent,
 *   SnapshotInconsistent where the new snapshot would not hold everybody once: the old one goes on holding
 */
export async function closeRun(input: CloseRunInput, deps: CloseRunDeps): Promise<CloseRunOutput> {
  const { runId, execution } = input;
  await deps.mailbox.keepLease({ execution, runId }, deps.leaseSeconds);
  const run = await deps.runs.read(runId);
  const consentImport = await deps.consentImports.find(runId);
  if (input.outcome === undefined && consentImport && isPending(consentImport)) {
    throw new RetryableError('WritesUnderWay', `The import of run ${runId} is not known to have ended`);
  }
  // A try at building the cohort that stopped half-way may have left rows beyond those of the cohort that counts.
  const rows = await deps.parts.list(runId);
  const parts = partsOf(run, rows);
  const closedAt = await closingTime(run, deps);
  const writes = await deps.consentWrites.list(runId);
  const outcome = input.outcome ?? outcomeOf(parts, writes);

  let manifest: SnapshotManifest | undefined;
  const consentsInStore = input.consentsInStore ?? undefined;
  if (outcome === 'SnapshotRebuilt') manifest = await moveToRebuilt(run, parts, { closedAt, consentsInStore }, deps);
  else if (input.outcome === undefined) manifest = await moveToCompleted(run, { parts, writes }, closedAt, deps);

  const { written, decision } = input;
  const usable = manifest && usableBy(manifest, deps.maxAgeDays);
  const ending = {
    ...{ closedAt, outcome, written, decision, consentsInStore },
    ...{ writes: together(writes), usable, strays: manifest?.unvouched },
  };
  const report = reportOf(run, rows, ending);
  // A marker that is stale from the first says nothing that the one before does not.
  const isMarked = !usable || usable.until <= closedAt || (await mark(report, usable.from, deps));
  const { key: reportKey } = await deps.writeReport(report);
  // A dry run over a run that has completed leaves its outcome standing.
  const standing = outcome === 'DryRunCompleted' ? (run.outcome ?? outcome) : outcome;
  // Nor does one over a run that failed make that good.
  const state = outcome === 'DryRunCompleted' && run.failure ? 'failed' : 'closed';
  await deps.runs.update(runId, { state, ...(state === 'closed' ? { outcome: standing } : {}), reportKey });
  await deps.publish(report, isMarked);
  // Last of all: a repeat that came after it might find the mailbox taken, and the run would end as failed.
  await deps.mailbox.releaseLease(execution);
  log.info('run.closed', { runId, outcome, ...report.changes, written });
  return { runId, outcome, reportKey };
}

function outcomeOf(parts: readonly Part[], writes: readonly ChangeFileWrites[]): RunOutcome {
  if (writes.some(({ setAside }) => setAside)) return 'CompletedWithFailures';
  return parts.every((part) => part.state === 'reconciled') ? 'Completed' : 'CompletedPartially';
}

function usableBy(manifest: SnapshotManifest, maxAgeDays: number): Report['usable'] {
  const from = oldestVouchedFor(manifest);
  return from === undefined ? undefined : { from, until: usableUntil(from, maxAgeDays) };
}

/**
 * Marks the FHIR store as fresh. A store that refuses the marker has its Consents all the same, and whoever goes by the
 * marker before withholds too soon.
 *
 * @returns whether it is marked
 */
async function mark(report: Report, asAt: string, { postMarker, maxAgeDays }: CloseRunDeps): Promise<boolean> {
  const { runId, opening, outcome, closedAt, asked, optedOut, notOptedOut, consents } = report;
  const counts = { submitted: asked, optedOut, notOptedOut, consentWrites: consents.written };
  try {
    await postMarker({ runId, outcome, recorded: closedAt, asAt, maxAgeDays, ...counts }, opening);
    return true;
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    log.error('run.not-marked', { runId, errorName: error.name, reason: error.message });
    return false;
  }
}

/** The moment that this opening's closing began: a repeat writes the same bytes. */
async function closingTime(run: Run, deps: CloseRunDeps): Promise<string> {
  if (run.closing?.opening === run.opening) return run.closing.at;
  const at = deps.now().toISOString();
  await deps.runs.update(run.runId, { closing: { opening: run.opening, at } });
  return at;
}

async function moveToCompleted(
  run: Run,
  { parts, writes }: { readonly parts: readonly Part[]; readonly writes: readonly ChangeFileWrites[] },
  closedAt: string,
  deps: CloseRunDeps,
): Promise<SnapshotManifest> {
  refuseMisfits(run.runId, parts);
  const base = await deps.readManifest(baseManifestOf(run));
  const refused = await refusedNumbers(run, parts, base, deps);
  const manifest: SnapshotManifest = {
    runId: run.runId,
    entries: parts.flatMap((part) => entriesOf(part, writes, { base, run })),
    ...(refused ? { refused } : {}),
    ...(base.unvouched === undefined ? {} : { unvouched: base.unvouched }),
  };
  await moveLatest(run, manifest, closedAt, deps);
  await deps.latest.endWriting(run.runId);
  return manifest;
}

/** The new snapshot says what the store holds, whoever wrote it: a run that stopped while it wrote is done with. */
async function moveToRebuilt(
  run: Run,
  parts: readonly Part[],
  { closedAt, consentsInStore }: { readonly closedAt: string; readonly consentsInStore: number | undefined },
  deps: CloseRunDeps,
): Promise<SnapshotManifest> {
  refuseMisfits(run.runId, parts);
  const isBeingWritten = (await deps.writes.until()) !== undefined;
  if (isBeingWritten || hasWrittenSince(run, await deps.latest.unfinishedWriter())) {
    throw new PermanentError(
      'SnapshotSuperseded',
      `Another run has written since rebuild ${run.runId} began to read the store: start a new rebuild`,
    );
  }
  const manifest = await rebuiltSnapshot(run, parts, { closedAt, consentsInStore }, deps);
  await moveLatest(run, manifest, closedAt, deps);
  if (run.unfinishedWriter) await deps.latest.endWriting(run.unfinishedWriter.runId);
  return manifest;
}

function moveLatest(
  { runId, opening, baseManifestKey }: Run,
  manifest: SnapshotManifest,
  closedAt: string,
  deps: CloseRunDeps,
): Promise<void> {
  const superseded = `Another run has completed since run ${runId} began: start a new run`;
  return moveSnapshot(
    { key: runFiles.manifest(runId, opening), manifest },
    { baseManifestKey, closedAt },
    superseded,
    deps,
  );
}

/** The numbers that the service refused in this run, beside those that were left out of it for an earlier refusal. */
async function refusedNumbers(
  { runId, opening, openedAt }: Run,
  parts: readonly Part[],
  base: SnapshotManifest,
  { files }: CloseRunDeps,
): Promise<SnapshotManifest['refused']> {
  const numbers = new Map(await leftOutNumbers(base, openedAt, files));
  for (const { reconciled } of parts) {
    // Where nobody was answered, it may be anything that the service refused.
    if (!reconciled?.refused || reconciled.optedOut + reconciled.notOptedOut === 0) continue;
    const body = await files.openVerified(reconciled.refused);
    const { nhsNumbers } = await readCohortPart(body, reconciled.refused);
    for (const nhsNumber of nhsNumbers) numbers.set(nhsNumber, reconciled.asAt);
  }
  if (numbers.size === 0) return undefined;
  const file = await files.writeOnce(runFiles.refusedNumbers(runId, opening), writeRefusedNumbers(numbers));
  return { key: file.key, sha256: file.sha256 };
}

/**
 * A part's own stretch of the new snapshot, or the old one's stretches where the part has no usable answer. A rewrite
 * happens where the store may hold something else than the snapshot says: what it did not reach is still to be rewritten.
 */
function entriesOf(
  part: Part,
  writes: readonly ChangeFileWrites[],
  { base, run: { isRewrite, opening } }: { readonly base: SnapshotManifest; readonly run: Run },
): SnapshotEntry[] {
  const { from, to, reconciled, corrected } = part;
  if (part.state !== 'reconciled' || !reconciled) {
    const carried = entriesWithin(base, part);
    return isRewrite === true ? carried.map((entry) => ({ ...entry, modelVersion: unknownModelVersion })) : carried;
  }
  const { asAt, sentAt, modelVersion, store, snapshot } = reconciled;
  const isComplete = !writes.some((row) => row.part === part.part && row.setAside);
  const { unsafe } = together(writes.filter((row) => row.part === part.part));
  if (!isComplete && corrected?.opening !== opening) {
    throw new PermanentError(
      'LedgerInconsistent',
      `The snapshot of part ${part.part} was not corrected for what was set aside`,
    );
  }
  const { key, sha256, rows, optedOut } = isComplete ? snapshot : (corrected ?? snapshot);
  return [
    {
      ...{ from, to, key, sha256, rows, optedOut, asAt, sentAt, modelVersion },
      ...(store === undefined ? {} : { store }),
      ...(unsafe > 0 ? { unvouched: unsafe } : {}),
    },
  ];
}
