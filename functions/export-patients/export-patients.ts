import { z } from 'zod';
import { RetryableError } from '../../shared/errors.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { PatientExports } from '../../shared/ledger/patient-exports.ts';

export const exportPatientsInput = z.object({ runId: z.string(), execution: z.string() });
export type ExportPatientsInput = z.infer<typeof exportPatientsInput>;

export interface ExportPatientsDeps {
  readonly exports: Pick<PatientExports, 'find' | 'begin' | 'update'>;
  readonly mailbox: Pick<MailboxLedger, 'keepLease'>;
  readonly leaseSeconds: number;
  /** Gives the id of the job that it starts. */
  readonly startExport: (jobName: string) => Promise<string>;
  /** Gives the id of a job of this name, where there is one. */
  readonly findExport: (jobName: string) => Promise<string | undefined>;
}

/**
 * Lets the FHIR store export its Patients, once a run: a job that is under way or done is left alone, and one whose
 * start went unanswered is looked for by its name before another is started.
 *
 * @throws LeaseLost
 */
export async function exportPatients(
  { runId, execution }: ExportPatientsInput,
  deps: ExportPatientsDeps,
): Promise<void> {
  await deps.mailbox.keepLease({ execution, runId }, deps.leaseSeconds);
  const earlier = await deps.exports.find(runId);
  if (earlier?.state === 'started' || earlier?.state === 'listed') return;

  const attempt = earlier?.state === 'starting' ? earlier.attempt : (earlier?.attempt ?? 0) + 1;
  const jobName = `ndop-${runId}-${attempt}`;
  let jobId: string | undefined;
  if (earlier?.state === 'starting') {
    jobId = await deps.findExport(jobName);
  } else if (!(await deps.exports.begin(runId, attempt))) {
    throw new RetryableError('AwsUnavailable', 'Another try is about to start the export of Patients');
  }
  jobId ??= await deps.startExport(jobName);
  await deps.exports.update(runId, { state: 'started', jobId });
}
