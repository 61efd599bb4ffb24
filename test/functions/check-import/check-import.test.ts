import { beforeEach, describe, expect, it, jest, test } from '@jest/globals';
import { checkImport, type CheckImportDeps } from '../../../functions/check-import/check-import.ts';
import type { ImportJob } from '../../../shared/fhir/import.ts';
import { log } from '../../../shared/log.ts';
import { iterate } from '../../support/bodies.ts';
import { InMemoryFiles } from '../../support/in-memory-files.ts';
import { InMemoryConsentImports } from '../../support/in-memory-ledger.ts';

const runId = '20261120T060000Z-7f3a';
const startedAt = '2026-11-20T06:00:00.000Z';
let consentImports: InMemoryConsentImports;
let leases: number[];

beforeEach(async () => {
  consentImports = new InMemoryConsentImports();
  await consentImports.begin(runId, 1, startedAt);
  await consentImports.update(runId, { state: 'started', jobId: 'job-1' });
  leases = [];
});

function check(job: ImportJob | undefined, waitedSeconds = 0) {
  const deps: CheckImportDeps = {
    leaseSeconds: 7_200,
    deadlineSeconds: 3_600,
    mailbox: { renewLease: (_, seconds) => Promise.resolve(void leases.push(seconds)) },
    consentImports,
    files: new InMemoryFiles(),
    describeImport: () => Promise.resolve(job),
    outputFiles: () => iterate([]),
  };
  return checkImport({ runId, execution: 'arn:execution', waitedSeconds }, deps);
}

describe('the import of the Consents', () => {
  test.each(['SUBMITTED', 'QUEUED', 'IN_PROGRESS', 'CANCEL_SUBMITTED', 'CANCEL_IN_PROGRESS', 'CANCEL_FAILED'] as const)(
    'is waited for while it is %s, for it may be writing',
    async (status) => {
      expect(await check({ status, imported: 0 }, 1_200)).toEqual({ isImported: false, waitSeconds: 120 });
      expect(leases).toEqual([7_320]);
    },
  );

  it('is overdue after its deadline, and a resume waits for the same job', async () => {
    await expect(check({ status: 'IN_PROGRESS' }, 3_600)).rejects.toMatchObject({
      name: 'ConsentImportOverdue',
      message: expect.stringMatching(/job-1 .*3600 seconds/),
    });
    expect(await consentImports.pending()).toMatchObject({ runId, state: 'started' });
  });

  test.each(['FAILED', 'CANCEL_COMPLETED'] as const)(
    'has failed where it is %s and has imported nothing, and is nobody’s to wait for any more',
    async (status) => {
      for (let look = 0; look < 2; look += 1) {
        await expect(check({ status, imported: 0 })).rejects.toMatchObject({ name: 'ConsentImportFailed' });
      }
      expect((await consentImports.find(runId))?.state).toBe('failed');
      expect(await consentImports.pending()).toBeUndefined();
    },
  );

  test.each<{ says: string; job: ImportJob | undefined; status: string }>([
    { says: 'FAILED after something', job: { status: 'FAILED', imported: 1 }, status: 'FAILED' },
    { says: 'FAILED, after nobody knows what', job: { status: 'FAILED' }, status: 'FAILED' },
    { says: 'cancelled', job: { status: 'CANCEL_COMPLETED', imported: 7 }, status: 'CANCEL_COMPLETED' },
    { says: 'known no longer', job: undefined, status: 'unknown' },
  ])('has ended where it is $says: nothing is believed of it, and a warning says so', async ({ job, status }) => {
    const warn = jest.spyOn(log, 'warn').mockImplementation(() => undefined);
    expect(await check(job)).toMatchObject({ isImported: true });
    expect(await consentImports.find(runId)).toEqual({ state: 'ended', attempt: 1, startedAt, jobId: 'job-1' });
    expect(warn.mock.calls).toEqual([['import.lost', { runId, jobId: 'job-1', status }]]);
    warn.mockRestore();
  });

  test.each(['COMPLETED', 'COMPLETED_WITH_ERRORS'] as const)(
    'has ended where it is %s, and without an account of itself no line of it is believed',
    async (status) => {
      expect(await check({ status })).toMatchObject({ isImported: true });
      expect(await consentImports.find(runId)).toEqual({ state: 'ended', attempt: 1, startedAt, jobId: 'job-1' });
    },
  );
});
