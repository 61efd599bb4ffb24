import { callAction, datastoreIdOf, parseJobStatus, textIn, type JobStatus } from './jobs.ts';
import { listOf, memberOf } from '../json.ts';
import type { FhirStore } from './store.ts';

/** Where HealthLake writes an export, and as whom. */
export interface ExportDestination {
  /** Role that HealthLake takes on to write. */
  readonly roleArn: string;
  /** `s3://bucket/prefix`; HealthLake makes a folder of its own below it. */
  readonly s3Uri: string;
  readonly kmsKeyId: string;
}

export interface ExportJob {
  readonly status: JobStatus;
  /** How many Patients it wrote, where it says so of each file. */
  readonly patients?: number;
}

/**
 * Starts an export of all Patients and of nothing else.
 * Source: AWS HealthLake Developer Guide, "Exporting FHIR data with FHIR R4 `$export`".
 *
 * @param jobName at most 64 characters; what `findPatientExport` finds it by
 * @returns the job's id
 * @throws RetryableError HealthLakeUnavailable where nobody knows whether it was started
 */
export async function startPatientExport(
  store: Pick<FhirStore, 'baseUrl' | 'call'>,
  jobName: string,
  { roleArn, s3Uri, kmsKeyId }: ExportDestination,
): Promise<string> {
  const answer = await store.call({
    url: new URL('Patient/$export?_type=Patient', store.baseUrl),
    headers: { 'content-type': 'application/fhir+json', prefer: 'respond-async' },
    body: JSON.stringify({
      DataAccessRoleArn: roleArn,
      JobName: jobName,
      OutputDataConfig: { S3Configuration: { S3Uri: s3Uri, KmsKeyId: kmsKeyId } },
    }),
    isUnrepeatable: true,
  });
  return textIn(answer, 'jobId');
}

export async function describePatientExport(
  store: Pick<FhirStore, 'baseUrl' | 'call'>,
  jobId: string,
): Promise<ExportJob> {
  const answer = await store.call({ url: new URL(`export/${jobId}`, store.baseUrl) });
  const stated = memberOf(memberOf(answer, 'exportJobProperties'), 'jobStatus');
  const status = parseJobStatus(stated, `export ${jobId}`);
  const output = memberOf(answer, 'output');
  const counts = listOf(output)
    .filter((file) => memberOf(file, 'type') === 'Patient')
    .map((file) => memberOf(file, 'count'))
    .filter((count) => typeof count === 'number');
  const isCounted = counts.length > 0 && counts.length === listOf(output).length;
  return { status, ...(isCounted ? { patients: counts.reduce((sum, count) => sum + count, 0) } : {}) };
}

/** The id of the newest export of this name, whose start may have gone unanswered. */
export async function findPatientExport(
  store: Pick<FhirStore, 'baseUrl' | 'call'>,
  jobName: string,
): Promise<string | undefined> {
  const answer = await callAction(store, 'ListFHIRExportJobs', { JobName: jobName, MaxResults: 10 });
  // The guide does not say in which order they come.
  const [newest] = listOf(memberOf(answer, 'ExportJobPropertiesList'))
    .filter((found) => memberOf(found, 'JobName') === jobName)
    .sort((a, b) => submitTimeOf(b) - submitTimeOf(a));
  return newest === undefined ? undefined : textIn(newest, 'JobId');
}

/** Key prefix of the folder that HealthLake makes for a job below the destination. */
export function exportFolder(prefix: string, store: Pick<FhirStore, 'baseUrl'>, jobId: string): string {
  return `${prefix}${datastoreIdOf(store)}-FHIR_EXPORT-${jobId}/`;
}

/** The actions of the control plane give times as seconds, the FHIR data plane as text. */
function submitTimeOf(job: unknown): number {
  const time = memberOf(job, 'SubmitTime');
  return typeof time === 'number' ? time * 1000 : new Date(typeof time === 'string' ? time : 0).getTime();
}
