import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Rights } from './authorization.ts';
import { ControlPlaneRefused, requireDataStore } from './control-plane.ts';
import type { Faults } from './faults.ts';
import { importFiles, type ImportProgress, type ImportRights, type ImportTarget } from './import-files.ts';
import { usualWording, type ImportWording } from './import-log.ts';
import { parseDescribe, parseList, parseStart, type ImportRequest, type ImportStatus } from './import-request.ts';
import { accessCheckFile, asFolder, s3Location } from './job-request.ts';
import { notImplemented } from './refused.ts';

interface Job {
  readonly jobId: string;
  readonly request: ImportRequest;
  readonly submitted: Date;
  readonly progress: ImportProgress;
  status: ImportStatus;
  began: Date | undefined;
  ended: Date | undefined;
  message: string | undefined;
}

/** Source: AWS HealthLake, "Endpoints and quotas". */
const mostQueued = 25;
const bytesPerMb = 1_000_000;

/**
 * Import jobs of one data store, as the AWS HealthLake Developer Guide describes them ("Importing FHIR data"): one at a
 * time, the others in the order in which they were submitted. They are forgotten when the stand-in stops. A job begins
 * once somebody has looked at it or at a later one, so that whoever waits for it has to wait.
 *
 * Assumed, since nothing says so: a job over the limit is throttled; one without input completes; a job that fails
 * leaves no manifest; a client token used for another request is invalid.
 */
export class ImportJobs {
  wording: ImportWording = usualWording;
  readonly #datastoreId: string;
  readonly #rights: ImportRights | undefined;
  readonly #target: ImportTarget;
  readonly #faults: Faults;
  readonly #jobs: Job[] = [];
  readonly #byToken = new Map<string, { readonly request: ImportRequest; readonly job: Promise<Job> }>();
  #working: Promise<void> = Promise.resolve();

  constructor(datastoreId: string, rights: ImportRights | undefined, target: ImportTarget, faults: Faults) {
    this.#datastoreId = datastoreId;
    this.#rights = rights;
    this.#target = target;
    this.#faults = faults;
  }

  /** @throws ControlPlaneRefused */
  async start(body: unknown, caller: Rights): Promise<object> {
    const request = parseStart(body);
    requireDataStore(request.DatastoreId, this.#datastoreId);
    if (!caller.mayPass(request.DataAccessRoleArn)) throw accessDenied('The role may not be passed to HealthLake.');
    const { jobId, status } = await this.#startOnce(request);
    return { JobId: jobId, JobStatus: status, DatastoreId: this.#datastoreId };
  }

  /** @throws ControlPlaneRefused */
  describe(body: unknown): object {
    const { DatastoreId, JobId } = parseDescribe(body);
    requireDataStore(DatastoreId, this.#datastoreId);
    const job = this.#jobs.find(({ jobId }) => jobId === JobId);
    if (!job) throw new ControlPlaneRefused('ResourceNotFoundException', 'The requested import job was not found.');
    return { ImportJobProperties: this.#lookAt([job])[0] };
  }

  /** @throws ControlPlaneRefused */
  list(body: unknown): object {
    const { DatastoreId, JobName, JobStatus } = parseList(body);
    requireDataStore(DatastoreId, this.#datastoreId);
    const asked = this.#jobs.filter(
      ({ request, status }) =>
        (JobName === undefined || JobName === request.JobName) && (JobStatus === undefined || JobStatus === status),
    );
    return { ImportJobPropertiesList: this.#lookAt(asked) };
  }

  /** What is seen of jobs, of which those that have not begun, and all before them, are queued from now on. */
  #lookAt(jobs: readonly Job[]): readonly object[] {
    const seen = jobs.map(propertiesOf);
    const last = this.#jobs.findLastIndex((job) => jobs.includes(job));
    for (const job of this.#jobs.slice(0, last + 1)) if (job.status === 'SUBMITTED') this.#queue(job);
    return seen;
  }

  #startOnce(request: ImportRequest): Promise<Job> {
    const { ClientToken: token } = request;
    if (token === undefined) return this.#submit(request);
    const known = this.#byToken.get(token);
    if (!known) {
      const job = this.#submit(request);
      this.#byToken.set(token, { request, job });
      job.catch(() => this.#byToken.delete(token));
      return job;
    }
    if (isDeepStrictEqual(known.request, request)) return known.job;
    throw new ControlPlaneRefused('ValidationException', 'The client token was used for another request.');
  }

  async #submit(request: ImportRequest): Promise<Job> {
    const rights = this.#rights;
    if (!rights) throw notImplemented('an import without a role that may read');
    if (request.DataAccessRoleArn !== rights.roleArn) throw accessDenied('HealthLake cannot take on the role.');
    const { S3Uri, KmsKeyId } = request.JobOutputDataConfig.S3Configuration;
    const { bucket, prefix } = s3Location(S3Uri);
    try {
      if (rights.mayLookAt?.(bucket, KmsKeyId) === false) throw new Error('it may not look at the bucket');
      await rights.put(bucket, `${asFolder(prefix)}${accessCheckFile}`, Buffer.alloc(0));
    } catch {
      throw accessDenied('HealthLake cannot write to the output location.');
    }
    const waiting = this.#jobs.filter(({ status }) => status === 'SUBMITTED' || status === 'QUEUED');
    if (waiting.length >= mostQueued) throw new ControlPlaneRefused('ThrottlingException', 'Too many jobs are queued.');
    const job: Job = {
      jobId: randomBytes(16).toString('hex'),
      request,
      submitted: new Date(),
      progress: {
        scannedFiles: 0,
        importedFiles: 0,
        scannedBytes: 0,
        importedBytes: 0,
        scannedResources: 0,
        importedResources: 0,
      },
      status: 'SUBMITTED',
      began: undefined,
      ended: undefined,
      message: undefined,
    };
    this.#jobs.push(job);
    return job;
  }

  #queue(job: Job): void {
    const isBusy = this.#jobs.some(({ status }) => status === 'IN_PROGRESS' || status === 'QUEUED');
    job.status = isBusy ? 'QUEUED' : 'IN_PROGRESS';
    this.#working = this.#working.then(() => this.#carryOut(job));
  }

  async #carryOut(job: Job): Promise<void> {
    job.status = 'IN_PROGRESS';
    job.began = new Date();
    const end = this.#faults.takeImportEnd();
    const isToFail = end?.status === 'FAILED';
    try {
      await this.#import(job, isToFail ? (end.afterLines ?? 0) : Infinity);
      if (isToFail) throw new Error('asked for by a test');
      const { scannedResources, importedResources } = job.progress;
      job.status = end?.status ?? (scannedResources > importedResources ? 'COMPLETED_WITH_ERRORS' : 'COMPLETED');
    } catch {
      job.status = 'FAILED';
      job.message = 'The import job could not be carried out.';
    }
    job.ended = new Date();
  }

  async #import({ jobId, request, progress }: Job, mostLines: number): Promise<void> {
    const rights = this.#rights;
    if (!rights) return;
    const { S3Uri, KmsKeyId } = request.JobOutputDataConfig.S3Configuration;
    const { bucket, prefix } = s3Location(S3Uri);
    const output = { bucket, prefix: `${asFolder(prefix)}${this.#datastoreId}-FHIR_IMPORT-${jobId}/` };
    const { wording } = this;
    const input = s3Location(request.InputDataConfig.S3Uri);
    await importFiles({ rights, target: this.#target, input, output, wording, progress, mostLines });
    const uri = `s3://${output.bucket}/${output.prefix}`;
    const manifest = {
      inputDataConfig: { s3Uri: request.InputDataConfig.S3Uri },
      outputDataConfig: { s3Uri: uri, encryptionKeyID: KmsKeyId },
      successOutput: { successOutputS3Uri: `${uri}SUCCESS/` },
      failureOutput: { failureOutputS3Uri: `${uri}FAILURE/` },
      numberOfScannedFiles: progress.scannedFiles,
      numberOfFilesImported: progress.importedFiles,
      sizeOfScannedFilesInMB: progress.scannedBytes / bytesPerMb,
      sizeOfDataImportedSuccessfullyInMB: progress.importedBytes / bytesPerMb,
      numberOfResourcesScanned: progress.scannedResources,
      numberOfResourcesImportedSuccessfully: progress.importedResources,
      numberOfResourcesWithCustomerError: progress.scannedResources - progress.importedResources,
      numberOfResourcesWithServerError: 0,
    };
    await rights.put(bucket, `${output.prefix}${wording.manifest}`, Buffer.from(JSON.stringify(manifest)));
  }
}

/** Source: "ImportJobProperties" and "JobProgressReport", AWS HealthLake API Reference. */
function propertiesOf({ jobId, request, submitted, progress, status, began, ended, message }: Job): object {
  const seconds = began ? ((ended ?? new Date()).getTime() - began.getTime()) / 1000 : 0;
  return {
    JobId: jobId,
    JobName: request.JobName,
    JobStatus: status,
    SubmitTime: submitted.getTime() / 1000,
    EndTime: ended && ended.getTime() / 1000,
    DatastoreId: request.DatastoreId,
    InputDataConfig: request.InputDataConfig,
    JobOutputDataConfig: request.JobOutputDataConfig,
    JobProgressReport: {
      TotalNumberOfScannedFiles: progress.scannedFiles,
      TotalSizeOfScannedFilesInMB: progress.scannedBytes / bytesPerMb,
      TotalNumberOfImportedFiles: progress.importedFiles,
      TotalNumberOfResourcesScanned: progress.scannedResources,
      TotalNumberOfResourcesImported: progress.importedResources,
      TotalNumberOfResourcesWithCustomerError: progress.scannedResources - progress.importedResources,
      TotalNumberOfFilesReadWithCustomerError: 0,
      Throughput: seconds > 0 ? progress.importedResources / seconds : 0,
    },
    DataAccessRoleArn: request.DataAccessRoleArn,
    Message: message,
    ValidationLevel: request.ValidationLevel,
  };
}

function accessDenied(message: string): ControlPlaneRefused {
  return new ControlPlaneRefused('AccessDeniedException', message);
}
