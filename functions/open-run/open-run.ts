import { z } from 'zod';
import { PermanentError, RetryableError } from '../../shared/errors.ts';
import { importName, type ConsentImports } from '../../shared/ledger/consent-imports.ts';
import { hasWrittenSince, overtakerOf, stillUnfinished, type LatestSnapshot } from '../../shared/ledger/latest.ts';
import { drainHolder, type MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { cohortChoice, runMode, type CohortChoice, type Run, type Runs } from '../../shared/ledger/runs.ts';
import type { WritesUnderWay } from '../../shared/ledger/writes-under-way.ts';
import { statedReason } from '../../shared/ndop/stated-reason.ts';
import { runIdForm, runIdOf } from '../../shared/ndop/run-id.ts';

/** What a person or the schedule starts a run with. */
export const startInput = z
  .strictObject({
    trigger: z.enum(['schedule', 'console']),
    scheduledTime: z.iso.datetime({ offset: true }).optional(),
    mode: runMode.default('refresh'),
    resumeRunId: z.string().regex(runIdForm, 'must be a run id such as 20260901T020000Z-7f3a').optional(),
    cohort: cohortChoice.optional(),
    /** Look at everybody's Consent, and write each that is not as it should be: where somebody has meddled with the store. */
    rewrite: z.boolean().default(false),
    reason: statedReason.optional(),
  })
  .refine(({ trigger, reason }) => trigger !== 'console' || reason !== undefined, {
    path: ['reason'],
    message: 'a run from the console needs a reason',
  })
  .refine(({ trigger, scheduledTime }) => trigger !== 'schedule' || scheduledTime !== undefined, {
    path: ['scheduledTime'],
    message: 'a scheduled run needs its scheduled time',
  })
  .refine(({ mode, resumeRunId }) => mode !== 'resume' || resumeRunId !== undefined, {
    path: ['resumeRunId'],
    message: 'a resume needs the id of the run to resume',
  })
  .refine(({ mode, trigger }) => mode !== 'rebuild' || trigger === 'console', {
    path: ['mode'],
    message: 'a rebuild is started by a person',
  })
  .refine(({ mode, rewrite }) => mode !== 'rebuild' || !rewrite, {
    path: ['rewrite'],
    message: 'a rebuild writes nothing to the FHIR store',
  })
  .refine(({ mode, resumeRunId }) => mode === 'resume' || mode === 'dry-run' || resumeRunId === undefined, {
    path: ['resumeRunId'],
    message: 'only a resume or a dry run goes with a run id',
  });

export const openRunInput = z.object({
  execution: z.object({ id: z.string(), name: z.string(), startedAt: z.iso.datetime({ offset: true }) }),
  input: startInput,
});
export type OpenRunInput = z.infer<typeof openRunInput>;

export interface OpenRunOutput {
  readonly disposition: 'opened' | 'duplicate' | 'already-running';
  readonly runId: string;
  /** The run that holds the mailbox, where this one may not; else empty. */
  readonly holder: string;
  readonly isDryRun: boolean;
  readonly isReopened: boolean;
  /** The snapshot is to be made anew from the FHIR store, and nobody to be asked about. */
  readonly isRebuild: boolean;
  /** The cohort is still to come, by bulk export of the FHIR store's Patients rather than by search. */
  readonly needsExport: boolean;
}

export interface OpenRunDeps {
  readonly defaultCohort: CohortChoice;
  readonly patientRead: 'search' | 'export';
  readonly leaseSeconds: number;
  readonly runs: Pick<Runs, 'open' | 'find' | 'read' | 'update'>;
  readonly mailbox: Pick<MailboxLedger, 'holdLease' | 'releaseLease'>;
  readonly latest: Pick<LatestSnapshot, 'read' | 'unfinishedWriter' | 'endWriting'>;
  readonly writes: Pick<WritesUnderWay, 'until'>;
  readonly consentImports: Pick<ConsentImports, 'pending'>;
  /** Asks the FHIR store, since an import goes on whatever becomes of its run. */
  readonly isImportUnderWay: (job: { readonly name: string; readonly startedAt: string }) => Promise<boolean>;
}

/**
 * Opens a run, or opens an earlier one again: one run per moment and starter, one run at a time per mailbox. A resumed
 * run goes through every state once more, and each step passes over what it finds done. A rebuild may run whatever has
 * become of the snapshot, and over a run that stopped while it wrote: what counts is in the store.
 *
 * @throws PermanentError RunUnknown, SnapshotSuperseded, StateInputInvalid; RunUnfinished where an earlier run stopped while it wrote.
 *   RetryableError MailboxBusy while the daily drain has the mailbox; WritesUnderWay while a run that has ended, or its import, may still be writing
 */
export async function openRun({ execution, input }: OpenRunInput, deps: OpenRunDeps): Promise<OpenRunOutput> {
  const isReopened = input.resumeRunId !== undefined;
  const runId = input.resumeRunId ?? newRunId(input, execution);
  const existing = isReopened ? await deps.runs.read(runId) : await deps.runs.find(runId);
  const choice = existing?.cohortChoice ?? input.cohort ?? deps.defaultCohort;
  const needsExport = choice.source === 'fhir-store' && deps.patientRead === 'export' && !existing?.cohort;
  const isRebuild = existing ? existing.isRebuild === true : input.mode === 'rebuild';
  const isDryRun = input.mode === 'dry-run';
  if (isRebuild && isDryRun) {
    throw new PermanentError('StateInputInvalid', `Run ${runId} is a rebuild, of which there is no dry run: resume it`);
  }
  const said = { runId, holder: '', isDryRun, isReopened, isRebuild, needsExport };

  if (existing && !isReopened && existing.executionArn !== execution.id) return { disposition: 'duplicate', ...said };
  const lease = await deps.mailbox.holdLease({ execution: execution.id, runId }, deps.leaseSeconds);
  if (!lease.held && lease.holder === drainHolder) {
    throw new RetryableError('MailboxBusy', 'The daily drain has the mailbox for some minutes');
  }
  if (!lease.held) return { disposition: 'already-running', ...said, holder: lease.holder };

  const latest = await deps.latest.read();
  const writer = await deps.latest.unfinishedWriter();
  const unfinished = stillUnfinished(writer, latest);
  if (writer && !unfinished) await deps.latest.endWriting(writer.runId);
  if (unfinished && unfinished.runId !== runId && !isRebuild) {
    throw new PermanentError(
      'RunUnfinished',
      `Run ${unfinished.runId} began to write and has not finished, so the store holds what no snapshot says: resume it, or rebuild the snapshot`,
    );
  }
  const writingUntil = await deps.writes.until();
  if (writingUntil !== undefined) {
    throw new RetryableError(
      'WritesUnderWay',
      `A run that has ended may still be writing, until ${writingUntil} at the latest: start again then`,
    );
  }
  await refuseDuringImport(runId, deps);
  if (existing) {
    const overtaker = overtakerOf(existing, latest);
    if (overtaker !== undefined) {
      throw new PermanentError(
        'SnapshotSuperseded',
        `Run ${runId} compared with a snapshot that ${overtaker} has replaced since: start a new run instead`,
      );
    }
    if (isRebuild && hasWrittenSince(existing, unfinished)) {
      throw new PermanentError(
        'SnapshotSuperseded',
        `Another run has written since rebuild ${runId} began to read the store: start a new rebuild instead`,
      );
    }
    const isRepeat = existing.executionArn === execution.id;
    if (!isRepeat) {
      const opening = existing.opening + 1;
      await deps.runs.update(
        runId,
        {
          state: 'running',
          executionArn: execution.id,
          mode: input.mode,
          opening,
          ...(input.reason === undefined ? {} : { reason: input.reason }),
        },
        // A dry run over a run says nothing of how that run ended.
        input.mode === 'dry-run' ? ['review'] : ['failure', 'outcome', 'review'],
      );
    }
    return { disposition: 'opened', ...said };
  }
  const row: Run = {
    runId,
    state: 'running',
    trigger: input.trigger,
    mode: input.mode,
    ...(input.reason === undefined ? {} : { reason: input.reason }),
    cohortChoice: choice,
    executionArn: execution.id,
    openedAt: execution.startedAt,
    opening: 1,
    ...(input.rewrite ? { isRewrite: true } : {}),
    ...(isRebuild ? { isRebuild, ...(unfinished ? { unfinishedWriter: unfinished } : {}) } : {}),
    ...(latest ? { baseManifestKey: latest.manifestKey, baseManifestSha256: latest.manifestSha256 } : {}),
  };
  if (await deps.runs.open(row)) return { disposition: 'opened', ...said };
  // Another execution has opened the same run since we looked.
  await deps.mailbox.releaseLease(execution.id);
  return { disposition: 'duplicate', ...said };
}

/** A run may open over its own import, for which it then waits. */
async function refuseDuringImport(runId: string, deps: OpenRunDeps): Promise<void> {
  const pending = await deps.consentImports.pending();
  if (!pending || pending.runId === runId) return;
  const name = importName(pending.runId, pending.attempt);
  if (!(await deps.isImportUnderWay({ name, startedAt: pending.startedAt }))) return;
  throw new RetryableError(
    'WritesUnderWay',
    `The import ${name}, whose run has ended, may still be writing: see the job in HealthLake, and start again once it has ended`,
  );
}

function newRunId(input: OpenRunInput['input'], execution: OpenRunInput['execution']): string {
  if (input.trigger === 'schedule' && input.scheduledTime !== undefined) {
    return runIdOf(new Date(input.scheduledTime), 'schedule');
  }
  return runIdOf(new Date(execution.startedAt), execution.name);
}
