import { z } from 'zod';
import { PermanentError } from '../../shared/errors.ts';
import type { ExportJob } from '../../shared/fhir/export.ts';
import { waitAfter } from '../../shared/fhir/jobs.ts';
import type { Files, ListedFile } from '../../shared/files.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { PatientExports } from '../../shared/ledger/patient-exports.ts';
import { runFiles } from '../../shared/run-files.ts';

export const checkExportInput = z.object({
  runId: z.string(),
  execution: z.string(),
  /** How long this execution's Wait states have waited for the export. */
  waitedSeconds: z.number(),
});
export type CheckExportInput = z.infer<typeof checkExportInput>;

export interface CheckExportOutput {
  readonly isExported: boolean;
  /** Numbers of the groups of files that are to be read, from 1; empty until the export is done. */
  readonly groups: readonly number[];
  readonly waitSeconds: number;
}

export interface CheckExportDeps {
  readonly exports: Pick<PatientExports, 'read' | 'update'>;
  readonly mailbox: Pick<MailboxLedger, 'keepLease'>;
  readonly leaseSeconds: number;
  readonly deadlineSeconds: number;
  readonly files: Pick<Files, 'writeOnce'>;
  readonly describeExport: (jobId: string) => Promise<ExportJob>;
  /** Everything that the job has left in its folder. */
  readonly exportedFiles: (jobId: string) => AsyncIterable<ListedFile>;
}

/** Each group is read by one step, and an execution has room for 25,000 events. */
const mostGroups = 200;
const groupBytes = 64 * 1024 * 1024;

/**
 * Looks whether the export of Patients is done, and groups its files once it is. Half an export is none: people who are
 * missing in it would be taken for gone.
 *
 * @throws LeaseLost, PatientExportFailed, PatientExportIncomplete, PatientExportOverdue
 */
export async function checkExport(
  { runId, execution, waitedSeconds }: CheckExportInput,
  deps: CheckExportDeps,
): Promise<CheckExportOutput> {
  const waitSeconds = waitAfter(waitedSeconds);
  await deps.mailbox.keepLease({ execution, runId }, deps.leaseSeconds + waitSeconds);
  const { attempt, jobId, groups: listed } = await deps.exports.read(runId);
  if (listed !== undefined) return { isExported: true, groups: numbersTo(listed), waitSeconds };

  const { status, patients } = await deps.describeExport(jobId);
  if (status === 'SUBMITTED' || status === 'QUEUED' || status === 'IN_PROGRESS') {
    if (waitedSeconds < deps.deadlineSeconds) return { isExported: false, groups: [], waitSeconds };
    throw new PermanentError(
      'PatientExportOverdue',
      `HealthLake has not finished export ${jobId} after ${waitedSeconds} seconds: look at the job; a resume goes on waiting for it. Nothing was sent`,
    );
  }
  if (status !== 'COMPLETED') {
    await deps.exports.update(runId, { state: 'failed' });
    throw new PermanentError(
      'PatientExportFailed',
      `HealthLake ended export ${jobId} as ${status}: see the job's message in HealthLake; a resume starts another. Nothing was sent`,
    );
  }

  const patientFiles: ListedFile[] = [];
  for await (const file of deps.exportedFiles(jobId)) if (isPatientFile(file.key, jobId)) patientFiles.push(file);
  // A store of nobody is no store to take a cohort from, whatever it counts.
  if (patientFiles.length === 0) {
    await deps.exports.update(runId, { state: 'failed' });
    throw new PermanentError(
      'PatientExportIncomplete',
      `HealthLake completed export ${jobId} and left no file of Patients: check that the store holds any and where the job wrote; a resume starts another. Nothing was sent`,
    );
  }
  const groups = groupFiles(patientFiles);
  const files = await deps.files.writeOnce(
    runFiles.patientFiles(runId, attempt),
    JSON.stringify(groups.map((group) => group.map(({ key }) => key))),
  );
  await deps.exports.update(runId, {
    state: 'listed',
    groups: groups.length,
    files,
    ...(patients === undefined ? {} : { patients }),
  });
  return { isExported: true, groups: numbersTo(groups.length), waitSeconds };
}

/** Beside its NDJSON, HealthLake leaves a manifest and the file by which it tried its rights. */
export function isPatientFile(key: string, jobId: string): boolean {
  const path = key.slice(key.indexOf(jobId) + jobId.length);
  // Each file holds one type of resource. Where a name begins with a type, as "Patient-0001", it must be ours.
  const type = /\/([A-Z][a-z][A-Za-z]*)[-_./]/.exec(path)?.[1];
  return path.endsWith('.ndjson') && (type === undefined || type === 'Patient');
}

interface FileGroup {
  bytes: number;
  readonly files: ListedFile[];
}

/** Files may be empty; a group that has none is the smallest. */
function isSmaller(one: FileGroup, other: FileGroup): boolean {
  return one.bytes < other.bytes || (one.bytes === other.bytes && one.files.length < other.files.length);
}

/** Groups of about the same size: the largest file that is left goes to the smallest group. */
export function groupFiles(files: readonly ListedFile[]): ListedFile[][] {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const count = Math.min(mostGroups, files.length, Math.max(1, Math.ceil(total / groupBytes)));
  const groups = Array.from({ length: count }, (): FileGroup => ({ bytes: 0, files: [] }));
  for (const file of [...files].sort((a, b) => b.bytes - a.bytes || a.key.localeCompare(b.key))) {
    const [first, ...others] = groups;
    if (!first) break;
    const smallest = others.reduce((least, group) => (isSmaller(group, least) ? group : least), first);
    smallest.bytes += file.bytes;
    smallest.files.push(file);
  }
  return groups.map((group) => group.files);
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
