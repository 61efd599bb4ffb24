import { afterAll, beforeAll, expect, it, test } from '@jest/globals';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHealthLake, type HealthLake } from '../../../local/healthlake/healthlake.ts';
import { s3ImportRights } from '../../../local/healthlake/s3-import-rights.ts';
import { startS3 } from '../../../local/s3/start-s3.ts';
import type { StandIn } from '../../../local/stand-in.ts';
import { describeImport, endOf, importFolder, startImport } from '../../../shared/fhir/import.ts';
import { FhirStore } from '../../../shared/fhir/store.ts';
import { consent } from './resources.ts';
import { credentials } from './signed-fetch.ts';

const Bucket = 'files';
const roleArn = 'arn:aws:iam::000000000000:role/import';
const role = { accessKeyId: 'AKIDROLE', secretAccessKey: 'role-secret' };

let directory: string;
let s3: StandIn;
let healthLake: HealthLake;
let store: FhirStore;
let client: S3Client;

const clientOf = (identity: typeof role) =>
  new S3Client({ endpoint: s3.url, region: 'eu-west-2', credentials: identity });
const places = {
  roleArn,
  inputUri: `s3://${Bucket}/imports/run-1/`,
  outputUri: `s3://${Bucket}/import-logs/run-1/`,
  kmsKeyId: 'arn:aws:kms:eu-west-2:0:key/1',
};
const startDataStore = async (identity: typeof role) => {
  healthLake = await startHealthLake({
    datastoreId: 'a'.repeat(32),
    credentials,
    imports: s3ImportRights(clientOf(identity), roleArn),
  });
  store = new FhirStore({ baseUrl: healthLake.baseUrl, region: 'eu-west-2', sleep: () => Promise.resolve() });
};

beforeAll(async () => {
  for (const [accessKeyId, secret] of credentials) {
    process.env.AWS_ACCESS_KEY_ID = accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = secret;
  }
  directory = await mkdtemp(join(tmpdir(), 'import-'));
  const known = new Map([...credentials, [role.accessKeyId, role.secretAccessKey]]);
  s3 = await startS3({ directory, buckets: [Bucket], credentials: known });
  client = clientOf(role);
});
afterAll(async () => {
  client.destroy();
  await s3.close();
  await rm(directory, { recursive: true });
});

it('imports as the role what stands in S3, and leaves logs of any size there', async () => {
  await startDataStore(role);
  const people = Array.from({ length: 6_000 }, (_, at) => consent(`c${at}`));
  const Body = people.map((one) => `${JSON.stringify(one)}\n`).join('');
  await client.send(new PutObjectCommand({ Bucket, Key: 'imports/run-1/part-0001.ndjson', Body }));
  const jobId = await startImport(store, 'run-1-1', places);
  expect(await endOfJob(jobId)).toEqual({ status: 'COMPLETED', imported: 6_000 });
  expect(healthLake.counters.imported).toBe(6_000);
  const folder = importFolder('import-logs/run-1/', store, jobId);
  const log = await client.send(new GetObjectCommand({ Bucket, Key: `${folder}SUCCESS/part-0001.ndjson` }));
  expect((await log.Body!.transformToString()).split('\n')).toHaveLength(6_001);
  const failures = new GetObjectCommand({ Bucket, Key: `${folder}FAILURE/part-0001.ndjson` });
  await expect(client.send(failures)).rejects.toMatchObject({ name: 'NoSuchKey' });
  await healthLake.close();
});

async function endOfJob(jobId: string) {
  let job = await describeImport(store, jobId);
  while (job && endOf(job.status) === undefined) job = await describeImport(store, jobId);
  return job;
}

test.each([0, 100])('says of a job that fails after %i lines how many it has imported', async (afterLines) => {
  await startDataStore(role);
  const Body = Array.from({ length: 200 }, (_, at) => `${JSON.stringify(consent(`c${at}`))}\n`).join('');
  await client.send(new PutObjectCommand({ Bucket, Key: 'imports/run-1/part-0001.ndjson', Body }));
  healthLake.faults.add({ kind: 'import-end', status: 'FAILED', times: 1, afterLines });
  const jobId = await startImport(store, 'run-1-1', places);
  expect(await endOfJob(jobId)).toEqual({ status: 'FAILED', imported: afterLines });
  expect(healthLake.counters.imported).toBe(afterLines);
  await healthLake.close();
});

it('takes no job whose role may not write', async () => {
  await startDataStore({ ...role, secretAccessKey: 'another' });
  const started = startImport(store, 'run-2-1', places, () => Promise.resolve());
  await expect(started).rejects.toMatchObject({ name: 'HealthLakeForbidden' });
  await healthLake.close();
});
