import { beforeEach, describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import {
  checkExport,
  groupFiles,
  isPatientFile,
  type CheckExportDeps,
} from '../../../functions/check-export/check-export.ts';
import type { ExportJob } from '../../../shared/fhir/export.ts';
import type { ListedFile } from '../../../shared/files.ts';
import { iterate } from '../../support/bodies.ts';
import { InMemoryPatientExports } from '../../support/in-memory-exports.ts';
import { InMemoryFiles } from '../../support/in-memory-files.ts';

const runId = '20261120T060000Z-7f3a';
const folder = `exports/${runId}/abc-FHIR_EXPORT-job-1/`;
const patientFile = { key: `${folder}Patient/Patient-0001.ndjson`, bytes: 100 };
let exports: InMemoryPatientExports;
let files: InMemoryFiles;
let leases: number[];

beforeEach(() => {
  exports = new InMemoryPatientExports();
  exports.rows.set(runId, { state: 'started', attempt: 1, jobId: 'job-1' });
  files = new InMemoryFiles();
  leases = [];
});

function check(job: ExportJob, found: readonly ListedFile[] = [], waitedSeconds = 0) {
  const deps: CheckExportDeps = {
    exports,
    mailbox: { keepLease: (_, seconds) => Promise.resolve(void leases.push(seconds)) },
    leaseSeconds: 7_200,
    deadlineSeconds: 3_600,
    files,
    describeExport: () => Promise.resolve(job),
    exportedFiles: () => iterate(found),
  };
  return checkExport({ runId, execution: 'arn:execution', waitedSeconds }, deps);
}

describe('the export of the Patients', () => {
  test.each(['SUBMITTED', 'QUEUED', 'IN_PROGRESS'] as const)('is waited for while it is %s', async (status) => {
    expect(await check({ status }, [], 1_200)).toEqual({ isExported: false, groups: [], waitSeconds: 120 });
    expect(leases).toEqual([7_320]);
  });

  it('is overdue after its deadline, and a resume waits for the same job', async () => {
    await expect(check({ status: 'IN_PROGRESS' }, [], 3_600)).rejects.toMatchObject({
      name: 'PatientExportOverdue',
      message: expect.stringMatching(/job-1 .*3600 seconds/),
    });
    expect(exports.rows.get(runId)?.state).toBe('started');
  });

  test.each(['COMPLETED_WITH_ERRORS', 'FAILED', 'CANCEL_COMPLETED'] as const)(
    'has failed where it ends as %s, files or not',
    async (status) => {
      await expect(check({ status }, [patientFile])).rejects.toMatchObject({ name: 'PatientExportFailed' });
      expect(exports.rows.get(runId)?.state).toBe('failed');
      expect(files.keysBelow('')).toEqual([]);
    },
  );

  it('is listed once, and a repeat asks HealthLake nothing', async () => {
    const done = { isExported: true, groups: [1], waitSeconds: 30 };
    expect(await check({ status: 'COMPLETED' }, [patientFile])).toEqual(done);
    expect(files.text(`runs/${runId}/patients/files.1.json`)).toBe(`[["${patientFile.key}"]]`);
    expect(await check({ status: 'FAILED' })).toEqual(done);
  });

  it('passes over what is no file of Patients', async () => {
    const others = ['.healthlake_write_access_check_file.temp', 'manifest.json', 'Observation/Observation-1.ndjson'];
    await check({ status: 'COMPLETED' }, [...others.map((name) => ({ key: folder + name, bytes: 9 })), patientFile]);
    expect(files.text(`runs/${runId}/patients/files.1.json`)).toBe(`[["${patientFile.key}"]]`);
  });

  test.each([undefined, 0, 12])(
    'is incomplete where it left no file, also where it counts %s Patients',
    async (patients) => {
      const nothing = [{ key: `${folder}manifest.json`, bytes: 9 }];
      const job = { status: 'COMPLETED', ...(patients === undefined ? {} : { patients }) } as const;
      await expect(check(job, nothing)).rejects.toMatchObject({ name: 'PatientExportIncomplete' });
      expect(exports.rows.get(runId)?.state).toBe('failed');
    },
  );
});

test.each([
  ['Patient/Patient-0001.ndjson', true],
  ['Patient-0001.ndjson', true],
  ['Patient.ndjson', true],
  ['part-00000-5b0a6b0e.ndjson', true],
  ['0001.ndjson', true],
  ['Observation-0001.ndjson', false],
  ['Practitioner/part-00000.ndjson', false],
  ['Patient/manifest.json', false],
  ['Patient/.healthlake_write_access_check_file.temp', false],
])('%s is a file of Patients: %s', (name, is) => {
  expect(isPatientFile(folder + name, 'job-1')).toBe(is);
});

it('groups every file once, in at most 200 groups, none of them empty or twice as large as its share needs', () => {
  const mebibyte = 1024 * 1024;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 600 }), { maxLength: 600 }), (sizes) => {
      const found = sizes.map((size, index) => ({ key: `Patient-${index}.ndjson`, bytes: size * mebibyte }));
      const groups = groupFiles(found);
      expect(groups.flat().sort((a, b) => a.key.localeCompare(b.key))).toEqual(
        [...found].sort((a, b) => a.key.localeCompare(b.key)),
      );
      expect(groups.length).toBeLessThanOrEqual(200);
      expect(groups.every((group) => group.length > 0)).toBe(true);
      const total = found.reduce((sum, { bytes }) => sum + bytes, 0);
      const largest = Math.max(0, ...found.map(({ bytes }) => bytes));
      for (const group of groups) {
        const bytes = group.reduce((sum, file) => sum + file.bytes, 0);
        expect(bytes).toBeLessThanOrEqual(total / groups.length + largest);
      }
    }),
  );
});

it('leaves no group without a file where files are empty', () => {
  const sizes = [129 * 1024 * 1024, 0, 0];
  const groups = groupFiles(sizes.map((bytes, index) => ({ key: `Patient-${index}.ndjson`, bytes })));
  expect(groups.map((group) => group.length)).toEqual([1, 1, 1]);
});
