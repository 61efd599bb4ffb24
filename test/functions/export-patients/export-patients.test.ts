import { beforeEach, describe, expect, it } from '@jest/globals';
import { exportPatients, type ExportPatientsDeps } from '../../../functions/export-patients/export-patients.ts';
import { PermanentError, RetryableError } from '../../../shared/errors.ts';
import { InMemoryPatientExports } from '../../support/in-memory-exports.ts';

const input = { runId: '20261120T060000Z-7f3a', execution: 'arn:execution' };
let exports: InMemoryPatientExports;
let started: string[];

beforeEach(() => {
  exports = new InMemoryPatientExports();
  started = [];
});

function run(deps: Partial<ExportPatientsDeps> = {}) {
  return exportPatients(input, {
    exports,
    mailbox: { keepLease: () => Promise.resolve() },
    leaseSeconds: 60,
    startExport: (jobName) => Promise.resolve(`job-${started.push(jobName)}`),
    findExport: (jobName) =>
      Promise.resolve(started.includes(jobName) ? `job-${started.indexOf(jobName) + 1}` : undefined),
    ...deps,
  });
}

describe('the export of the Patients', () => {
  it('is started once, under a name that carries the run', async () => {
    await run();
    await run();
    expect(started).toEqual(['ndop-20261120T060000Z-7f3a-1']);
    expect(exports.rows.get(input.runId)).toEqual({ state: 'started', attempt: 1, jobId: 'job-1' });
  });

  it('is found by its name where nobody knows whether it was started', async () => {
    const lost = (jobName: string) => {
      started.push(jobName);
      return Promise.reject(new RetryableError('HealthLakeUnavailable', 'HealthLake did not answer'));
    };
    await expect(run({ startExport: lost })).rejects.toThrow('did not answer');
    await run();
    expect(started.length).toBe(1);
    expect(exports.rows.get(input.runId)?.jobId).toBe('job-1');
  });

  it('is started after all where HealthLake knows of none', async () => {
    const unheard = () => Promise.reject(new RetryableError('HealthLakeUnavailable', 'HealthLake did not answer'));
    await expect(run({ startExport: unheard })).rejects.toThrow('did not answer');
    await run();
    expect(started).toEqual(['ndop-20261120T060000Z-7f3a-1']);
  });

  it('is started anew, under another name, where the one before failed', async () => {
    await run();
    await exports.update(input.runId, { state: 'failed' });
    await run();
    expect(started.at(-1)).toBe('ndop-20261120T060000Z-7f3a-2');
    expect(exports.rows.get(input.runId)?.jobId).toBe('job-2');
  });

  it('is left to the try that began it first', async () => {
    const begin = () => Promise.resolve(false);
    await expect(run({ exports: { ...exportsOf(), begin } })).rejects.toMatchObject({ name: 'AwsUnavailable' });
    expect(started).toEqual([]);
  });

  it('is not started by a run that has lost the mailbox', async () => {
    const keepLease = () => Promise.reject(new PermanentError('LeaseLost', 'Another run has it'));
    await expect(run({ mailbox: { keepLease } })).rejects.toMatchObject({ name: 'LeaseLost' });
    expect(started).toEqual([]);
  });
});

function exportsOf(): ExportPatientsDeps['exports'] {
  return {
    find: (runId) => exports.find(runId),
    begin: (runId, attempt) => exports.begin(runId, attempt),
    update: (runId, fields) => exports.update(runId, fields),
  };
}
