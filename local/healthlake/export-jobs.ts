import { randomBytes } from 'node:crypto';
import type { Faults } from './faults.ts';
import { isObject } from './fhir.ts';
import type { Rights } from './authorization.ts';
import { requireDataStore } from './control-plane.ts';
import {
  accessCheckFile,
  asFolder,
  jobNameForm,
  roleArnForm,
  s3Location,
  s3UriForm,
  type S3Location,
} from './job-request.ts';
import { badRequest, notImplemented, Refused } from './refused.ts';
import { endOfTime, type Store } from './store.ts';

/** What an export job needs of the world around it. */
export interface ExportRights {
  /** The one role that HealthLake may take on here. */
  readonly roleArn: string;
  /** Writes an object as that role. */
  readonly put: (bucket: string, key: string, body: Buffer) => Promise<unknown>;
  /** Whether it may look at bucket and key, as HealthLake does before it accepts a job; it may where nothing is said. */
  readonly mayLookAt?: (bucket: string, kmsKeyId: string) => boolean;
}

interface Job {
  readonly jobId: string;
  readonly jobName: string | undefined;
  readonly submitted: Date;
  readonly roleArn: string;
  readonly s3: { readonly S3Uri: string; readonly KmsKeyId: string };
  readonly destination: S3Location;
  status: 'SUBMITTED' | 'QUEUED' | 'IN_PROGRESS' | 'COMPLETED' | 'COMPLETED_WITH_ERRORS' | 'FAILED';
  ended: Date | undefined;
  message: string | undefined;
  readonly output: { readonly type: string; readonly url: string }[];
}

export interface ExportAnswer {
  readonly status: number;
  readonly body: object;
  /** Of a job that was started, below the base URL. */
  readonly location?: string;
}

/** "You can only export 5,000 FHIR resources per file": AWS HealthLake Developer Guide, "Exporting files", 2021. */
const resourcesPerFile = 5_000;

/**
 * Export jobs of one data store, as the AWS HealthLake Developer Guide describes them ("Exporting FHIR data"): one at a
 * time, the others in the order of their start. A job begins once somebody has looked at it, so that whoever waits for it
 * has to wait.
 */
export class ExportJobs {
  readonly #store: Store;
  readonly #datastoreId: string;
  readonly #rights: ExportRights | undefined;
  readonly #faults: Faults;
  readonly #jobs = new Map<string, Job>();
  #working: Promise<void> = Promise.resolve();

  constructor(store: Store, datastoreId: string, rights: ExportRights | undefined, faults: Faults) {
    this.#store = store;
    this.#datastoreId = datastoreId;
    this.#rights = rights;
    this.#faults = faults;
  }

  /** @throws Refused */
  async start(
    query: URLSearchParams,
    prefer: string | undefined,
    body: unknown,
    caller: Rights,
  ): Promise<ExportAnswer> {
    const rights = this.#rights;
    if (!rights) throw notImplemented('$export without a role that may write');
    if (query.toString() !== '_type=Patient') throw notImplemented('an export of anything but _type=Patient');
    if (prefer !== 'respond-async') throw badRequest('An export needs the header Prefer: respond-async');
    const job = jobOf(body);
    if (!caller.mayPass(job.roleArn) || job.roleArn !== rights.roleArn) {
      throw new Refused(403, { code: 'business-rule', diagnostics: 'HealthLake cannot take on the role' });
    }
    try {
      const { bucket, prefix } = job.destination;
      if (rights.mayLookAt?.(bucket, job.s3.KmsKeyId) === false) throw new Error('it may not look at the bucket');
      await rights.put(bucket, `${prefix}${accessCheckFile}`, Buffer.alloc(0));
    } catch {
      throw badRequest('HealthLake cannot write to the output location');
    }
    this.#jobs.set(job.jobId, job);
    return {
      status: 202,
      body: { datastoreId: this.#datastoreId, jobStatus: job.status, jobId: job.jobId },
      location: `export/${job.jobId}`,
    };
  }

  /** @throws Refused 404 */
  describe(jobId: string): ExportAnswer {
    const job = this.#jobs.get(jobId);
    if (!job) throw new Refused(404, { code: 'not-found', diagnostics: 'There is no such export job' });
    const { jobName, status, submitted, ended, message, roleArn, s3, output } = job;
    if (status === 'SUBMITTED') this.#queue(job);
    return {
      status: 200,
      body: {
        exportJobProperties: {
          jobId,
          jobName,
          jobStatus: status,
          submitTime: submitted,
          endTime: ended,
          datastoreId: this.#datastoreId,
          outputDataConfig: { s3Configuration: { s3Uri: s3.S3Uri, kmsKeyId: s3.KmsKeyId } },
          dataAccessRoleArn: roleArn,
          message,
        },
        output,
      },
    };
  }

  /**
   * `ListFHIRExportJobs` of the control plane, by name.
   *
   * @throws ControlPlaneRefused
   */
  list(request: unknown): object {
    const { DatastoreId, JobName }: Readonly<Record<string, unknown>> = isObject(request) ? request : {};
    requireDataStore(DatastoreId, this.#datastoreId);
    const named = [...this.#jobs.values()].filter(({ jobName }) => JobName === undefined || jobName === JobName);
    return {
      ExportJobPropertiesList: named.map(({ jobId, jobName, status, submitted, roleArn, s3 }) => ({
        JobId: jobId,
        JobName: jobName,
        JobStatus: status,
        SubmitTime: submitted.getTime() / 1000,
        DatastoreId: this.#datastoreId,
        OutputDataConfig: { S3Configuration: s3 },
        DataAccessRoleArn: roleArn,
      })),
    };
  }

  #queue(job: Job): void {
    const isBusy = [...this.#jobs.values()].some(({ status }) => status === 'IN_PROGRESS');
    job.status = isBusy ? 'QUEUED' : 'IN_PROGRESS';
    this.#working = this.#working.then(() => this.#carryOut(job));
  }

  async #carryOut(job: Job): Promise<void> {
    job.status = 'IN_PROGRESS';
    const end = this.#faults.takeExportEnd()?.status;
    try {
      if (end === 'FAILED') throw new Error('asked for by a test');
      await this.#write(job);
      job.status = end ?? 'COMPLETED';
    } catch {
      job.status = 'FAILED';
      job.message = 'The export job could not be carried out';
    }
    job.ended = new Date();
  }

  async #write({ jobId, destination: { bucket, prefix }, output }: Job): Promise<void> {
    const folder = `${prefix}${this.#datastoreId}-FHIR_EXPORT-${jobId}/`;
    const put = async (name: string, body: string): Promise<string> => {
      await this.#rights?.put(bucket, folder + name, Buffer.from(body));
      return `s3://${bucket}/${folder}${name}`;
    };
    let after = '';
    for (let file = 1; ; file += 1) {
      const page = this.#store.find('Patient', {
        criteria: [],
        after,
        limit: resourcesPerFile,
        indexedUntil: endOfTime,
      });
      const last = page.at(-1);
      if (!last) break;
      after = last.id;
      const lines = page.flatMap(({ resource }) => (resource ? [`${JSON.stringify(resource)}\n`] : []));
      const url = await put(`Patient/Patient-${String(file).padStart(4, '0')}.ndjson`, lines.join(''));
      output.push({ type: 'Patient', url });
    }
    await put('manifest.json', JSON.stringify({ jobId, files: output.length }));
  }
}

function jobOf(body: unknown): Job {
  const config = isObject(body) && isObject(body.OutputDataConfig) ? body.OutputDataConfig.S3Configuration : undefined;
  if (!isObject(body) || !isObject(config)) throw badRequest('OutputDataConfig.S3Configuration is required');
  const { DataAccessRoleArn: roleArn, JobName: jobName } = body;
  const { S3Uri, KmsKeyId } = config;
  if (typeof roleArn !== 'string' || !roleArnForm.test(roleArn)) {
    throw badRequest('DataAccessRoleArn is required, and must be the ARN of a role');
  }
  if (jobName !== undefined && (typeof jobName !== 'string' || !jobNameForm.test(jobName))) {
    throw badRequest('JobName has at most 64 letters, digits and marks');
  }
  if (typeof KmsKeyId !== 'string' || KmsKeyId === '') throw badRequest('KmsKeyId is required');
  if (typeof S3Uri !== 'string' || !s3UriForm.test(S3Uri)) throw badRequest('S3Uri must be s3://bucket/prefix');
  const { bucket, prefix } = s3Location(S3Uri);
  return {
    jobId: randomBytes(16).toString('hex'),
    jobName,
    submitted: new Date(),
    roleArn,
    s3: { S3Uri, KmsKeyId },
    destination: { bucket, prefix: asFolder(prefix) },
    status: 'SUBMITTED',
    ended: undefined,
    message: undefined,
    output: [],
  };
}
