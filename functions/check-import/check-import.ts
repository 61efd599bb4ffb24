import { z } from 'zod';
import { PermanentError } from '../../shared/errors.ts';
import { endOf, type ImportJob } from '../../shared/fhir/import.ts';
import { failedLinesOf, inputNames, type FailedLines, type ImportInput } from '../../shared/fhir/import-log.ts';
import { waitAfter } from '../../shared/fhir/jobs.ts';
import type { Files, ListedFile } from '../../shared/files.ts';
import type { ConsentImportInput, ConsentImports } from '../../shared/ledger/consent-imports.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { log } from '../../shared/log.ts';

export const checkImportInput = z.object({
  runId: z.string(),
  execution: z.string(),
  /** How long this execution's Wait states have waited for the import. */
  waitedSeconds: z.number(),
});
export type CheckImportInput = z.infer<typeof checkImportInput>;

export interface CheckImportOutput {
  readonly isImported: boolean;
  readonly waitSeconds: number;
}

export interface CheckImportDeps {
  readonly leaseSeconds: number;
  readonly deadlineSeconds: number;
  readonly mailbox: Pick<MailboxLedger, 'renewLease'>;
  readonly consentImports: Pick<ConsentImports, 'read' | 'listInputs' | 'update'>;
  readonly files: Pick<Files, 'open'>;
  /** Undefined where HealthLake knows the job no longer. */
  readonly describeImport: (jobId: string) => Promise<ImportJob | undefined>;
  /** Everything that the job has written about itself. */
  readonly outputFiles: (jobId: string, attempt: number) => AsyncIterable<ListedFile>;
}

/**
 * Looks whether the import is done, and once it is, which lines it has not taken: an import with errors is no failure, and
 * none that its own account of itself does not bear out is believed. One that failed or got lost may have written some of
 * its lines: nothing is believed of any, and batches look at all of them. Only where HealthLake says that it has imported
 * nothing there is nothing to mop up, and the cause is one that a person has to remove.
 *
 * @throws LeaseLost, ConsentImportFailed, ConsentImportOverdue
 */
export async function checkImport(
  { runId, execution, waitedSeconds }: CheckImportInput,
  deps: CheckImportDeps,
): Promise<CheckImportOutput> {
  const waitSeconds = waitAfter(waitedSeconds);
  await deps.mailbox.renewLease({ execution, runId }, deps.leaseSeconds + waitSeconds);
  const { state, attempt, jobId } = await deps.consentImports.read(runId);
  if (state === 'ended') return { isImported: true, waitSeconds };

  const job = await deps.describeImport(jobId);
  const end = job ? endOf(job.status) : 'failed';
  if (end === undefined) {
    if (waitedSeconds < deps.deadlineSeconds) return { isImported: false, waitSeconds };
    throw new PermanentError(
      'ConsentImportOverdue',
      `HealthLake has not finished import ${jobId} after ${waitedSeconds} seconds: look at the job; a resume goes on waiting for it`,
    );
  }
  if (end === 'failed' && job?.imported === 0) {
    await deps.consentImports.update(runId, { state: 'failed' });
    throw new PermanentError(
      'ConsentImportFailed',
      `HealthLake ended import ${jobId} as ${job.status} and imported nothing: see the job's message in HealthLake; a resume starts another`,
    );
  }
  if (end === 'failed') log.warn('import.lost', { runId, jobId, status: job?.status ?? 'unknown' });
  const failedLines = end === 'failed' ? undefined : await accountOf(runId, { attempt, jobId }, end, deps);
  await deps.consentImports.update(runId, { state: 'ended', ...(failedLines ? { failedLines } : {}) });
  return { isImported: true, waitSeconds };
}

async function accountOf(
  runId: string,
  { attempt, jobId }: { readonly attempt: number; readonly jobId: string },
  end: 'completed' | 'completed with errors',
  { consentImports, files, outputFiles }: CheckImportDeps,
): Promise<FailedLines | undefined> {
  const inputs = (await consentImports.listInputs(runId, attempt)).flatMap(inputsOf);
  return failedLinesOf(end === 'completed with errors', inputs, {
    files: outputFiles(jobId, attempt),
    open: (key) => files.open(key),
  });
}

function inputsOf({ part, file, consents, provenances }: ConsentImportInput): ImportInput[] {
  const names = inputNames(part, file);
  return [
    { name: names.consents, lines: consents },
    ...(provenances > 0 ? [{ name: names.provenances, lines: provenances }] : []),
  ];
}
