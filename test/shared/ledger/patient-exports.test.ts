import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PatientExports } from '../../../shared/ledger/patient-exports.ts';
import { startLedgerTable } from '../../support/ledger-table.ts';

let ledger: Awaited<ReturnType<typeof startLedgerTable>>;
let exports: PatientExports;
beforeAll(async () => {
  ledger = await startLedgerTable();
  exports = new PatientExports(ledger.table);
});
afterAll(() => ledger.stop());

const file = { key: 'runs/run-1/patients/group-0001.1.csv', sha256: 'a', bytes: 1 };

it('begins each attempt once, and none before the one that stands', async () => {
  expect(await exports.find('run-1')).toBeUndefined();
  expect(await exports.begin('run-1', 1)).toBe(true);
  expect(await exports.begin('run-1', 1)).toBe(false);
  await exports.update('run-1', { state: 'started', jobId: 'job-1' });
  expect(await exports.read('run-1')).toMatchObject({ state: 'started', attempt: 1, jobId: 'job-1' });
  expect(await exports.begin('run-1', 2)).toBe(true);
  expect(await exports.begin('run-1', 1)).toBe(false);
  expect(await exports.find('run-1')).toMatchObject({ state: 'starting', attempt: 2 });
});

it('has nothing to read where no job is known', async () => {
  await exports.begin('run-2', 1);
  await expect(exports.read('run-2')).rejects.toMatchObject({ name: 'LedgerInconsistent' });
  await expect(exports.read('run-3')).rejects.toMatchObject({ name: 'LedgerInconsistent' });
});

it('keeps the groups of each attempt apart, in order', async () => {
  for (const group of [10, 2, 1]) await exports.putGroup('run-4', { group, attempt: 1, patients: group, file });
  await exports.putGroup('run-4', { group: 1, attempt: 10, patients: 7, file });
  expect((await exports.listGroups('run-4', 1)).map(({ group }) => group)).toEqual([1, 2, 10]);
  expect(await exports.findGroup('run-4', 10, 1)).toMatchObject({ patients: 7 });
  expect(await exports.findGroup('run-4', 2, 1)).toBeUndefined();
});
