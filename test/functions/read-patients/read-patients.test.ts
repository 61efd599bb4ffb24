import { beforeEach, describe, expect, it } from '@jest/globals';
import { readPatients } from '../../../functions/read-patients/read-patients.ts';
import type { Run } from '../../../shared/ledger/runs.ts';
import { exportedPatients } from '../../../shared/ledger/patient-exports.ts';
import { InMemoryPatientExports } from '../../support/in-memory-exports.ts';
import { InMemoryFiles } from '../../support/in-memory-files.ts';

const runId = '20261120T060000Z-7f3a';
const patient = (id: string, value: string, more: object = {}) =>
  `${JSON.stringify({ resourceType: 'Patient', id, identifier: [{ system: 'https://fhir.nhs.uk/Id/nhs-number', value, ...more }] })}\n`;
let exports: InMemoryPatientExports;
let files: InMemoryFiles;
let leases: unknown[];

beforeEach(async () => {
  exports = new InMemoryPatientExports();
  files = new InMemoryFiles();
  leases = [];
  await files.writeOnce('exports/a.ndjson', patient('a', '9000000009') + patient('b', '9000000017'));
  await files.writeOnce('exports/c.ndjson', patient('c', '9000000025', { period: { end: '2026-11-20' } }).trim());
  await files.writeOnce('exports/d.ndjson', patient('d', '9000000033'));
  const list = await files.writeOnce(
    `runs/${runId}/patients/files.1.json`,
    JSON.stringify([['exports/a.ndjson', 'exports/c.ndjson'], ['exports/d.ndjson']]),
  );
  exports.rows.set(runId, { state: 'listed', attempt: 1, jobId: 'job-1', groups: 2, patients: 4, files: list });
});

const read = (group: number) => {
  const run = { openedAt: '2026-11-20T06:00:00Z' } as Run;
  const baseUrl = 'https://fhir.example/r4/';
  const mailbox = { keepLease: (...given: unknown[]) => Promise.resolve(void leases.push(given)) };
  const runs = { read: () => Promise.resolve(run) };
  const input = { runId, execution: 'arn:execution', group };
  return readPatients(input, { baseUrl, runs, exports, mailbox, leaseSeconds: 7_200, files });
};

describe('a group of exported files', () => {
  it('becomes one cohort file, as of the moment that the run began', async () => {
    expect(await read(1)).toEqual({ patients: 3 });
    expect(files.text(`runs/${runId}/patients/group-0001.1.csv`)).toBe(
      'nhsNumber,patientId,otherNhsNumbers,replacedBy,replaces\n9000000009,a,,,\n9000000017,b,,,\n9000000025,c,,,\n',
    );
  });

  it('keeps the mailbox the run’s own: many groups take longer than a lease lasts', async () => {
    await read(1);
    expect(leases).toEqual([[{ execution: 'arn:execution', runId }, 7_200]]);
  });

  it('is not read again once its file is there', async () => {
    await read(1);
    files.contents.delete('exports/a.ndjson');
    expect(await read(1)).toEqual({ patients: 3 });
  });

  it('cannot be read where an exported file has gone', async () => {
    files.contents.delete('exports/d.ndjson');
    await expect(read(2)).rejects.toMatchObject({ name: 'FileMissing' });
  });

  it('is refused where the list of files is not the one that was written', async () => {
    files.alter(`runs/${runId}/patients/files.1.json`, () => '[["exports/d.ndjson"]]');
    await expect(read(1)).rejects.toMatchObject({ name: 'FileAltered' });
  });

  it.each([3, 0])('has to be one of those that were listed: %i is not', async (group) => {
    await expect(read(group)).rejects.toMatchObject({ name: 'LedgerInconsistent' });
  });
});

describe('the exported Patients', () => {
  it('are there once every group is read, and as many as HealthLake says', async () => {
    await read(1);
    await read(2);
    const keys = (await exportedPatients(runId, exports)).map(({ key }) => key);
    expect(keys).toEqual([1, 2].map((group) => `runs/${runId}/patients/group-000${group}.1.csv`));
  });

  it('are not there while a group is missing', async () => {
    await read(1);
    await expect(exportedPatients(runId, exports)).rejects.toMatchObject({ name: 'LedgerInconsistent' });
  });

  it.each([3, 5])('are incomplete where HealthLake says that they are %i of 4', async (patients) => {
    await exports.update(runId, { patients });
    await read(1);
    await read(2);
    await expect(exportedPatients(runId, exports)).rejects.toMatchObject({ name: 'PatientExportIncomplete' });
  });

  it('are taken as read where HealthLake does not say how many they are', async () => {
    const list = exports.rows.get(runId)!.files!;
    exports.rows.set(runId, { state: 'listed', attempt: 1, jobId: 'job-1', groups: 2, files: list });
    await read(1);
    await read(2);
    expect((await exportedPatients(runId, exports)).length).toBe(2);
  });
});
