import { describe, expect, it, test } from '@jest/globals';
import { PermanentError, type PermanentName } from '../../../shared/errors.ts';
import { describeImport, importFolder, isImportUnderWay, startImport } from '../../../shared/fhir/import.ts';
import type { StoreCall } from '../../../shared/fhir/store.ts';

const baseUrl = 'https://healthlake.example/datastore/one/r4/';
const places = {
  roleArn: 'arn:aws:iam::111122223333:role/import',
  inputUri: 's3://bucket/imports/run/1/input/',
  outputUri: 's3://bucket/imports/run/1/output/',
  kmsKeyId: 'key',
};

/** Answers the calls in turn; the last answer stands for all that follow. */
function storeAnswering(...answers: readonly unknown[]) {
  const calls: StoreCall[] = [];
  const call = (given: StoreCall) => {
    calls.push(given);
    const answer = answers[Math.min(calls.length, answers.length) - 1];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { calls, store: { baseUrl, call } };
}

const refused = (name: PermanentName) => new PermanentError(name, 'HealthLake answered 400');

describe('the start of an import', () => {
  it('names its places, and a token by which a repeat is known', async () => {
    const { store, calls } = storeAnswering({ JobId: 'job-1', JobStatus: 'SUBMITTED' });
    expect(await startImport(store, 'ndop-1', places)).toBe('job-1');
    expect(calls).toHaveLength(1);
    expect(calls[0]?.url.href).toBe('https://healthlake.example/');
    expect(calls[0]?.headers).toMatchObject({ 'x-amz-target': 'HealthLake.StartFHIRImportJob' });
    expect(JSON.parse(calls[0]?.body ?? '')).toEqual({
      DatastoreId: 'one',
      JobName: 'ndop-1',
      ClientToken: 'ndop-1',
      DataAccessRoleArn: places.roleArn,
      InputDataConfig: { S3Uri: places.inputUri },
      JobOutputDataConfig: { S3Configuration: { S3Uri: places.outputUri, KmsKeyId: 'key' } },
    });
  });

  it('waits for a role that was made a moment ago', async () => {
    const pauses: number[] = [];
    const { store, calls } = storeAnswering(refused('HealthLakeForbidden'), { JobId: 'job-1' });
    const sleep = (milliseconds: number) => Promise.resolve(pauses.push(milliseconds));
    expect(await startImport(store, 'ndop-1', places, sleep)).toBe('job-1');
    expect({ pauses, calls: calls.length }).toEqual({ pauses: [10_000], calls: 2 });
  });

  test.each([
    { name: 'HealthLakeForbidden', tries: 6 },
    { name: 'HealthLakeRefused', tries: 1 },
  ] as const)('ends as $name after $tries tries', async ({ name, tries }) => {
    const { store, calls } = storeAnswering(refused(name));
    await expect(startImport(store, 'ndop-1', places, () => Promise.resolve())).rejects.toMatchObject({ name });
    expect(calls).toHaveLength(tries);
  });
});

describe('a look at an import', () => {
  test.each([
    { JobProgressReport: { TotalNumberOfResourcesImported: 0 }, imported: { imported: 0 } },
    { JobProgressReport: { TotalNumberOfResourcesImported: 7 }, imported: { imported: 7 } },
    { JobProgressReport: { TotalNumberOfResourcesImported: null }, imported: {} },
    { JobProgressReport: { TotalNumberOfResourcesScanned: 7 }, imported: {} },
    { JobProgressReport: undefined, imported: {} },
  ])('gives its status, and of $JobProgressReport $imported', async ({ JobProgressReport, imported }) => {
    const { store, calls } = storeAnswering({ ImportJobProperties: { JobStatus: 'FAILED', JobProgressReport } });
    expect(await describeImport(store, 'job-1')).toEqual({ status: 'FAILED', ...imported });
    expect(JSON.parse(calls[0]?.body ?? '')).toEqual({ DatastoreId: 'one', JobId: 'job-1' });
  });

  it('gives nothing where HealthLake knows the job no longer', async () => {
    expect(await describeImport(storeAnswering(refused('HealthLakeStoreUnknown')).store, 'job-1')).toBeUndefined();
  });

  it('fails where HealthLake does not say', async () => {
    const { store } = storeAnswering(refused('HealthLakeForbidden'));
    await expect(describeImport(store, 'job-1')).rejects.toMatchObject({ name: 'HealthLakeForbidden' });
    await expect(describeImport(storeAnswering({}).store, 'job-1')).rejects.toMatchObject({
      name: 'HealthLakeRefused',
    });
  });
});

describe('an import that its run has lost sight of', () => {
  const job = (JobStatus: string, JobName = 'ndop-1') => ({ JobName, JobStatus });
  test.each([
    { among: 'none, a minute after its start', jobs: [], minutes: 1, isUnderWay: true },
    { among: 'none, two hours after its start', jobs: [], minutes: 120, isUnderWay: false },
    { among: 'one that is queued', jobs: [job('QUEUED')], minutes: 120, isUnderWay: true },
    { among: 'one that has ended', jobs: [job('COMPLETED_WITH_ERRORS')], minutes: 1, isUnderWay: false },
    { among: 'one that cannot be cancelled', jobs: [job('CANCEL_FAILED')], minutes: 120, isUnderWay: true },
    {
      among: 'one that has ended and one at work',
      jobs: [job('FAILED'), job('IN_PROGRESS')],
      minutes: 120,
      isUnderWay: true,
    },
    { among: 'one of another name', jobs: [job('IN_PROGRESS', 'ndop-10')], minutes: 120, isUnderWay: false },
  ])('may be writing ($isUnderWay) where HealthLake lists $among', async ({ jobs, minutes, isUnderWay }) => {
    const { store, calls } = storeAnswering({ ImportJobPropertiesList: jobs });
    const startedAt = '2026-09-01T02:00:00.000Z';
    const now = new Date(Date.parse(startedAt) + minutes * 60_000);
    expect(await isImportUnderWay(store, { name: 'ndop-1', startedAt }, now)).toBe(isUnderWay);
    expect(calls[0]?.headers).toMatchObject({ 'x-amz-target': 'HealthLake.ListFHIRImportJobs' });
  });
});

it('an import writes about itself in a folder that HealthLake names', () => {
  expect(importFolder('imports/run/1/output/', { baseUrl }, 'job-1')).toBe(
    'imports/run/1/output/one-FHIR_IMPORT-job-1/',
  );
});
