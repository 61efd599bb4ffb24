import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { attemptOf, ConsentImports } from '../../../shared/ledger/consent-imports.ts';
import { startLedgerTable } from '../../support/ledger-table.ts';

let ledger: Awaited<ReturnType<typeof startLedgerTable>>;
let imports: ConsentImports;
beforeAll(async () => {
  ledger = await startLedgerTable();
  imports = new ConsentImports(ledger.table);
});
afterAll(() => ledger.stop());

const startedAt = '2026-09-01T02:00:00.000Z';

it('begins each attempt once, and none before the one that stands', async () => {
  expect(attemptOf(await imports.find('run-1'))).toBe(1);
  expect(await imports.begin('run-1', 1, startedAt)).toBe(true);
  expect(await imports.begin('run-1', 1, startedAt)).toBe(false);
  expect(attemptOf(await imports.find('run-1'))).toBe(1);
  await imports.update('run-1', { state: 'started', jobId: 'job-1' });
  expect(await imports.read('run-1')).toEqual({ state: 'started', attempt: 1, startedAt, jobId: 'job-1' });
  await imports.update('run-1', { state: 'failed' });
  expect(attemptOf(await imports.find('run-1'))).toBe(2);
  expect(await imports.begin('run-1', 2, startedAt)).toBe(true);
  expect(await imports.find('run-1')).toEqual({ state: 'starting', attempt: 2, startedAt });
  await imports.update('run-1', { state: 'ended' });
  expect(attemptOf(await imports.find('run-1'))).toBe(2);
});

it('has nothing to read where no job is known', async () => {
  await imports.begin('run-2', 1, startedAt);
  await expect(imports.read('run-2')).rejects.toMatchObject({ name: 'LedgerInconsistent' });
});

it('names the import of any run whose end is not known', async () => {
  await imports.begin('run-3', 1, startedAt);
  expect(await imports.pending()).toMatchObject({ runId: 'run-3', state: 'starting' });
  await imports.update('run-3', { state: 'started', jobId: 'job-3' });
  expect(await imports.pending()).toMatchObject({ runId: 'run-3', state: 'started' });
  await imports.update('run-3', { state: 'ended', failedLines: { 'part-0001-others-0001.ndjson': [3] } });
  expect(await imports.pending()).toBeUndefined();
  expect((await imports.find('run-3'))?.failedLines).toEqual({ 'part-0001-others-0001.ndjson': [3] });
});

it('keeps what each attempt was given apart', async () => {
  const given = { part: 2, file: 1, consents: 7, provenances: 1 };
  await imports.putInput('run-4', 1, given);
  await imports.putInput('run-4', 10, { ...given, part: 3 });
  expect(await imports.listInputs('run-4', 1)).toEqual([given]);
  expect(await imports.findInput('run-4', 10, 3, 1)).toEqual({ ...given, part: 3 });
  expect(await imports.findInput('run-4', 2, 2, 1)).toBeUndefined();
});
