import { describe, expect, it, test } from '@jest/globals';
import {
  describePatientExport,
  exportFolder,
  findPatientExport,
  startPatientExport,
} from '../../../shared/fhir/export.ts';
import type { StoreCall } from '../../../shared/fhir/store.ts';

const baseUrl = 'https://healthlake.example/datastore/one/r4/';

function storeAnswering(answer: unknown) {
  const calls: StoreCall[] = [];
  return {
    calls,
    store: { baseUrl, call: (given: StoreCall) => Promise.resolve(calls.push(given)).then(() => answer) },
  };
}

describe('an export of Patients', () => {
  const destination = {
    roleArn: 'arn:aws:iam::111122223333:role/export',
    s3Uri: 's3://bucket/exports/',
    kmsKeyId: 'key',
  };

  it('is started once, of Patients alone, under a name that it is found by', async () => {
    const { store, calls } = storeAnswering({ jobId: 'job-1', jobStatus: 'SUBMITTED' });
    expect(await startPatientExport(store, 'ndop-1', destination)).toBe('job-1');
    expect(calls).toHaveLength(1);
    expect(calls[0]?.url.href).toBe(`${baseUrl}Patient/$export?_type=Patient`);
    expect(calls[0]).toMatchObject({ isUnrepeatable: true, headers: { prefer: 'respond-async' } });
    expect(JSON.parse(calls[0]?.body ?? '')).toEqual({
      DataAccessRoleArn: destination.roleArn,
      JobName: 'ndop-1',
      OutputDataConfig: { S3Configuration: { S3Uri: 's3://bucket/exports/', KmsKeyId: 'key' } },
    });
  });

  test.each([{}, { jobId: '' }, { jobId: 7 }, undefined])('whose start is answered %j is no export', async (answer) => {
    await expect(startPatientExport(storeAnswering(answer).store, 'ndop-1', destination)).rejects.toMatchObject({
      name: 'HealthLakeRefused',
      message: expect.stringContaining('jobId'),
    });
  });

  it('lies in a folder that HealthLake names', () => {
    expect(exportFolder('exports/run/', { baseUrl }, 'job-1')).toBe('exports/run/one-FHIR_EXPORT-job-1/');
  });
});

describe('how many Patients it wrote', () => {
  const patients = (count?: unknown) => ({
    type: 'Patient',
    url: 's3://b/k',
    ...(count === undefined ? {} : { count }),
  });
  test.each([
    { says: 'a count for each file', output: [patients(5_000), patients(12)], expected: { patients: 5_012 } },
    { says: 'a count of none', output: [patients(0)], expected: { patients: 0 } },
    { says: 'no file', output: [], expected: {} },
    { says: 'nothing', output: undefined, expected: {} },
    { says: 'no counts', output: [patients(), patients()], expected: {} },
    { says: 'a count for some files', output: [patients(5_000), patients()], expected: {} },
    { says: 'a count that is no number', output: [patients('12')], expected: {} },
    { says: 'files of another type', output: [patients(3), { type: 'Observation', count: 4 }], expected: {} },
  ])('is known only from a count for each file: $says', async ({ output, expected }) => {
    const { store, calls } = storeAnswering({ exportJobProperties: { jobStatus: 'COMPLETED' }, output });
    expect(await describePatientExport(store, 'job-1')).toEqual({ status: 'COMPLETED', ...expected });
    expect(calls[0]?.url.href).toBe(`${baseUrl}export/job-1`);
  });

  test.each(['DONE', undefined])('is not asked of a job whose status is %s', async (jobStatus) => {
    const { store } = storeAnswering({ exportJobProperties: { jobStatus } });
    await expect(describePatientExport(store, 'job-1')).rejects.toMatchObject({ name: 'HealthLakeRefused' });
  });
});

describe('an export whose start went unanswered', () => {
  const job = (JobId: string, SubmitTime: number | string, JobName = 'ndop-1') => ({ JobId, SubmitTime, JobName });
  test.each([
    { among: 'none', jobs: [], found: undefined },
    { among: 'those of other names', jobs: [job('job-1', 1, 'ndop-10')], found: undefined },
    {
      among: 'several in rising order',
      jobs: [job('job-1', 1_788_228_000.5), job('job-2', 1_788_228_001)],
      found: 'job-2',
    },
    {
      among: 'several in falling order',
      jobs: [job('job-2', 1_788_228_001), job('job-1', 1_788_228_000)],
      found: 'job-2',
    },
    {
      among: 'several with times as text',
      jobs: [job('job-2', '2026-09-01T02:00:01Z'), job('job-1', '2026-09-01T02:00:00Z')],
      found: 'job-2',
    },
  ])('is looked for by its name, and is the newest: among $among', async ({ jobs, found }) => {
    const { store, calls } = storeAnswering({ ExportJobPropertiesList: jobs });
    expect(await findPatientExport(store, 'ndop-1')).toBe(found);
    expect(calls[0]?.url.href).toBe('https://healthlake.example/');
    expect(calls[0]?.headers).toMatchObject({ 'x-amz-target': 'HealthLake.ListFHIRExportJobs' });
    expect(JSON.parse(calls[0]?.body ?? '')).toEqual({ DatastoreId: 'one', JobName: 'ndop-1', MaxResults: 10 });
  });
});
