import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import { startHealthLake, type HealthLake } from '../../../local/healthlake/healthlake.ts';
import {
  describePatientExport,
  exportFolder,
  findPatientExport,
  startPatientExport,
} from '../../../shared/fhir/export.ts';
import { FhirStore } from '../../../shared/fhir/store.ts';
import { patient } from './resources.ts';
import { credentials, post, signedFetch } from './signed-fetch.ts';

const datastoreId = 'a'.repeat(32);
const roleArn = 'arn:aws:iam::000000000000:role/export';
const destination = { roleArn, s3Uri: 's3://files/exports/run-1/', kmsKeyId: 'arn:aws:kms:eu-west-2:0:key/1' };

let healthLake: HealthLake;
let store: FhirStore;
let written: Map<string, string>;
/** What the next object waits for. */
let gate: Promise<unknown>;
let isDenied: boolean;

beforeAll(async () => {
  for (const [accessKeyId, secret] of credentials) {
    process.env.AWS_ACCESS_KEY_ID = accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = secret;
  }
  healthLake = await startHealthLake({
    datastoreId,
    credentials,
    exports: {
      roleArn,
      put: async (bucket, key, body) => {
        if (isDenied) throw new Error('AccessDenied');
        await gate;
        written.set(`${bucket}/${key}`, body.toString());
      },
    },
  });
  await healthLake.replacePatients(
    Array.from({ length: 5_001 }, (_, index) => patient(`p${String(index).padStart(5, '0')}`, '9000000009')),
  );
  store = new FhirStore({ baseUrl: healthLake.baseUrl, region: 'eu-west-2', sleep: () => Promise.resolve() });
});
afterAll(() => healthLake.close());
beforeEach(() => {
  written = new Map();
  gate = Promise.resolve();
  isDenied = false;
  healthLake.faults.clear();
});

async function untilEnded(jobId: string): Promise<string> {
  for (;;) {
    const { status } = await describePatientExport(store, jobId);
    if (!['SUBMITTED', 'QUEUED', 'IN_PROGRESS'].includes(status)) return status;
  }
}

describe('an export of the Patients', () => {
  it('leaves NDJSON of bounded size in a folder of its own, and what HealthLake leaves beside it', async () => {
    const jobId = await startPatientExport(store, 'ndop-run-1', destination);
    expect([...written.keys()]).toEqual(['files/exports/run-1/.healthlake_write_access_check_file.temp']);
    expect(await untilEnded(jobId)).toBe('COMPLETED');
    const folder = `files/${exportFolder('exports/run-1/', store, jobId)}`;
    expect([...written.keys()].slice(1)).toEqual([
      `${folder}Patient/Patient-0001.ndjson`,
      `${folder}Patient/Patient-0002.ndjson`,
      `${folder}manifest.json`,
    ]);
    const lines = written.get(`${folder}Patient/Patient-0002.ndjson`)?.split('\n');
    expect(lines).toEqual([expect.stringContaining('"id":"p05000"'), '']);
  });

  it('answers a start with 202 and where to look', async () => {
    const { s3Uri: S3Uri, kmsKeyId: KmsKeyId } = destination;
    const body = { DataAccessRoleArn: roleArn, OutputDataConfig: { S3Configuration: { S3Uri, KmsKeyId } } };
    const reply = await post(`${store.baseUrl}Patient/$export?_type=Patient`, body, { prefer: 'respond-async' });
    const { jobId } = reply.body as unknown as { jobId: string };
    expect([reply.status, reply.headers.get('content-location')]).toEqual([202, `${store.baseUrl}export/${jobId}`]);
    expect(reply.body).toEqual({ datastoreId, jobId, jobStatus: 'SUBMITTED' });
  });

  it('has to be waited for, and is alone: a second one is queued', async () => {
    let open = (): void => undefined;
    const [first, second] = [
      await startPatientExport(store, 'first', destination),
      await startPatientExport(store, 'second', destination),
    ];
    gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const look = async (jobId: string) => (await describePatientExport(store, jobId)).status;
    expect([await look(first), await look(second)]).toEqual(['SUBMITTED', 'SUBMITTED']);
    expect([await look(first), await look(second)]).toEqual(['IN_PROGRESS', 'QUEUED']);
    open();
    expect(await untilEnded(first)).toBe('COMPLETED');
    expect(await untilEnded(second)).toBe('COMPLETED');
  });

  it('is found by its name, in this data store', async () => {
    const jobId = await startPatientExport(store, 'named', destination);
    expect(await findPatientExport(store, 'named')).toBe(jobId);
    expect(await findPatientExport(store, 'unnamed')).toBeUndefined();
  });

  test.each([
    { what: 'no role', body: { DataAccessRoleArn: undefined }, status: 400 },
    { what: 'a role that it may not take on', body: { DataAccessRoleArn: `${roleArn}-2` }, status: 403 },
    { what: 'no key', body: { OutputDataConfig: { S3Configuration: { S3Uri: destination.s3Uri } } }, status: 400 },
    { what: 'no place', body: { OutputDataConfig: {} }, status: 400 },
    { what: 'a name that is too long', body: { JobName: 'n'.repeat(65) }, status: 400 },
    { what: 'no Prefer header', body: {}, headers: {}, status: 400 },
    { what: 'all types', body: {}, query: '', status: 501 },
  ])('is refused with $status where it has $what', async ({ body, status, headers, query = '?_type=Patient' }) => {
    const { s3Uri: S3Uri, kmsKeyId: KmsKeyId } = destination;
    const whole = { DataAccessRoleArn: roleArn, OutputDataConfig: { S3Configuration: { S3Uri, KmsKeyId } }, ...body };
    const reply = await post(`${store.baseUrl}Patient/$export${query}`, whole, headers ?? { prefer: 'respond-async' });
    expect(reply.status).toBe(status);
  });

  it('is refused where the role may not write', async () => {
    isDenied = true;
    await expect(startPatientExport(store, 'denied', destination)).rejects.toMatchObject({ name: 'HealthLakeRefused' });
  });

  it('answers 404 for a job that there is not, and 501 to what it does not imitate', async () => {
    expect((await signedFetch(`${store.baseUrl}export/0123`)).status).toBe(404);
    expect((await signedFetch(`${store.baseUrl}export/0123`, { method: 'DELETE' })).status).toBe(501);
    const describe = { 'x-amz-target': 'HealthLake.DescribeFHIRExportJob' };
    expect((await post(`${healthLake.url}/`, {}, describe)).status).toBe(501);
  });

  test.each(['FAILED', 'COMPLETED_WITH_ERRORS'] as const)('ends as %s where a test asks for it', async (status) => {
    healthLake.faults.add({ kind: 'export-end', status, times: 1 });
    expect(await untilEnded(await startPatientExport(store, 'bad', destination))).toBe(status);
  });

  it('fails where it cannot write any more', async () => {
    const jobId = await startPatientExport(store, 'denied later', destination);
    isDenied = true;
    expect(await untilEnded(jobId)).toBe('FAILED');
  });
});

describe('the client', () => {
  it('starts again only what HealthLake turned away', async () => {
    healthLake.faults.add({ kind: 'throttle-in-400', on: 'export', times: 2 });
    const jobId = await startPatientExport(store, 'throttled', destination);
    expect(await findPatientExport(store, 'throttled')).toBe(jobId);
  });

  test.each(['answer-lost', 'unavailable'] as const)('starts nothing again after %s', async (kind) => {
    healthLake.faults.add({ kind, on: 'export', times: 1 });
    const before = healthLake.counters.requests;
    await expect(startPatientExport(store, kind, destination)).rejects.toMatchObject({ name: 'HealthLakeUnavailable' });
    expect(healthLake.counters.requests).toBe(before + 1);
    expect(await findPatientExport(store, kind)).toEqual(kind === 'answer-lost' ? expect.any(String) : undefined);
  });
});
