import { setTimeout as pause } from 'node:timers/promises';
import { PermanentError } from '../errors.ts';
import { callAction, datastoreIdOf, parseJobStatus, textIn, type JobStatus } from './jobs.ts';
import { listOf, memberOf } from '../json.ts';
import type { FhirStore } from './store.ts';

/** What HealthLake imports, where it writes what became of it, and as whom. */
export interface ImportPlaces {
  /** Role that HealthLake takes on to read and to write. */
  readonly roleArn: string;
  /** `s3://bucket/prefix` whose `.ndjson` files it imports. */
  readonly inputUri: string;
  /** `s3://bucket/prefix`; HealthLake makes a folder of its own below it. */
  readonly outputUri: string;
  readonly kmsKeyId: string;
}

export interface ImportJob {
  readonly status: JobStatus;
  /** How many resources it says that it has imported; undefined where it does not say. */
  readonly imported?: number;
}

type Store = Pick<FhirStore, 'baseUrl' | 'call'>;

const forbiddenTries = 6;
const forbiddenPauseMilliseconds = 10_000;
/** By then a job that was started stands in the list. */
const unlistedSeconds = 3_600;

/**
 * Starts an import, or gives the one that was started under this name before: the name is its client token too. A role
 * that was made a moment ago is refused for some seconds, so a refusal is tried again for a minute.
 * Source: AWS HealthLake API Reference, `StartFHIRImportJob`.
 *
 * @param name at most 64 letters, digits and hyphens
 * @returns the job's id
 * @throws RetryableError HealthLakeUnavailable where nobody knows whether it was started
 */
export async function startImport(
  store: Store,
  name: string,
  { roleArn, inputUri, outputUri, kmsKeyId }: ImportPlaces,
  sleep: (milliseconds: number) => Promise<unknown> = pause,
): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await callAction(store, 'StartFHIRImportJob', {
        JobName: name,
        ClientToken: name,
        DataAccessRoleArn: roleArn,
        InputDataConfig: { S3Uri: inputUri },
        JobOutputDataConfig: { S3Configuration: { S3Uri: outputUri, KmsKeyId: kmsKeyId } },
      });
      return textIn(answer, 'JobId');
    } catch (error) {
      if (!isNamed(error, 'HealthLakeForbidden') || attempt === forbiddenTries) throw error;
      await sleep(forbiddenPauseMilliseconds);
    }
  }
}

/**
 * Where a job stands; undefined where HealthLake knows it no longer.
 * Source: AWS HealthLake API Reference, `ImportJobProperties` and `JobProgressReport`.
 */
export async function describeImport(store: Store, jobId: string): Promise<ImportJob | undefined> {
  try {
    const job = memberOf(await callAction(store, 'DescribeFHIRImportJob', { JobId: jobId }), 'ImportJobProperties');
    const status = parseJobStatus(memberOf(job, 'JobStatus'), `import ${jobId}`);
    const imported = memberOf(memberOf(job, 'JobProgressReport'), 'TotalNumberOfResourcesImported');
    return { status, ...(typeof imported === 'number' ? { imported } : {}) };
  } catch (error) {
    if (isNamed(error, 'HealthLakeStoreUnknown')) return undefined;
    throw error;
  }
}

/**
 * Whether a job of this name may be writing still. One that its run has lost sight of, or whose start went unanswered, is
 * looked for in HealthLake's list, and taken for under way while it may not stand there yet.
 */
export async function isImportUnderWay(
  store: Store,
  { name, startedAt }: { readonly name: string; readonly startedAt: string },
  now: Date,
): Promise<boolean> {
  const jobs = await jobsNamed(store, name);
  if (jobs.length === 0) return now.getTime() - Date.parse(startedAt) < unlistedSeconds * 1000;
  return jobs.some((job) => endOf(parseJobStatus(memberOf(job, 'JobStatus'), `import ${name}`)) === undefined);
}

/** Every job of this name, page by page; one without a name is taken for one of them. */
async function jobsNamed(store: Store, name: string): Promise<unknown[]> {
  const jobs: unknown[] = [];
  let token: unknown;
  do {
    const page = await callAction(store, 'ListFHIRImportJobs', {
      JobName: name,
      ...(typeof token === 'string' ? { NextToken: token } : {}),
    });
    jobs.push(...listOf(memberOf(page, 'ImportJobPropertiesList')));
    token = memberOf(page, 'NextToken');
  } while (typeof token === 'string');
  return jobs.filter((job) => (memberOf(job, 'JobName') ?? name) === name);
}

/** How a job has ended; undefined while it may go on writing, as one does that is being cancelled or cannot be. */
export function endOf(status: JobStatus): 'completed' | 'completed with errors' | 'failed' | undefined {
  switch (status) {
    case 'COMPLETED':
      return 'completed';
    case 'COMPLETED_WITH_ERRORS':
      return 'completed with errors';
    case 'FAILED':
    case 'CANCEL_COMPLETED':
      return 'failed';
    case 'SUBMITTED':
    case 'QUEUED':
    case 'IN_PROGRESS':
    case 'CANCEL_SUBMITTED':
    case 'CANCEL_IN_PROGRESS':
    case 'CANCEL_FAILED':
      return undefined;
  }
}

/** Key prefix of the folder that HealthLake makes for a job below the output prefix. */
export function importFolder(prefix: string, store: Pick<FhirStore, 'baseUrl'>, jobId: string): string {
  return `${prefix}${datastoreIdOf(store)}-FHIR_IMPORT-${jobId}/`;
}

function isNamed(error: unknown, name: PermanentError['name']): boolean {
  return error instanceof PermanentError && error.name === name;
}
