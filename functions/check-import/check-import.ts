import { z } from 'zod';
import { PermanentError } from '../../shared/errors.ts';
import { endOf } from '../../shared/fhir/import.ts';
import { failedLinesOf, inputNames, type ImportInput } from '../../shared/fhir/import-log.ts';
import { waitAfter, type JobStatus } from '../../shared/fhir/jobs.ts';
import type { Files, ListedFile } from '../../shared/files.ts';
import type { ConsentImportInput, ConsentImports } from '../../shared/ledger/consent-imports.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';

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
  readonly describeImport: (jobId: string) => Promise<JobStatus | undefined>;
  /** Everything that the job has written about itself. */
  readonly outputFiles: (jobId: string, attempt: number) => AsyncIterable<ListedFile>;
}

/**
 * Looks whether the import is done, and once it is, which lines it has not taken: an import with errors is no failure, and
 * none that its own account of itself does not bear out is believed.
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

  const status = await deps.describeImport(jobId);
  const end = status === undefined ? 'failed' : endOf(status);
  if (end === undefined) {
    if (waitedSeconds < deps.deadlineSeconds) return { isImported: false, waitSeconds };
    throw new PermanentError(
      'ConsentImportOverdue',
      `HealthLake has not finished import ${jobId} after ${waitedSeconds} seconds: look at the job; a resume goes on waiting for it`,
    );
  }
  if (end === 'failed') {
    await deps.consentImports.update(runId, { state: 'failed' });
    throw new PermanentError(
      'ConsentImportFailed',
      `HealthLake ended import ${jobId} as ${status ?? 'unknown'}: see the job's message in HealthLake; a resume starts another`,
    );
  }
  const inputs = (await deps.consentImports.listInputs(runId, attempt)).flatMap(inputsOf);
  const failedLines = await failedLinesOf(end === 'completed with errors', inputs, {
    files: deps.outputFiles(jobId, attempt),
    open: (key) => deps.files.open(key),
  });
  await deps.consentImports.update(runId, { state: 'ended', ...(failedLines ? { failedLines } : {}) });
  return { isImported: true, waitSeconds };
}

function inputsOf({ part, file, consents, provenances }: ConsentImportInput): ImportInput[] {
  const names = inputNames(part, file);
  return [
    { name: names.consents, lines: consents },
    ...(provenances > 0 ? [{ name: names.provenances, lines: provenances }] : []),
  ];
}
