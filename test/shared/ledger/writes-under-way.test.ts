import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { WritesUnderWay } from '../../../shared/ledger/writes-under-way.ts';
import { startLedgerTable } from '../../support/ledger-table.ts';

let started: Awaited<ReturnType<typeof startLedgerTable>>;
beforeAll(async () => {
  started = await startLedgerTable();
});
afterAll(() => started.stop());

it('are known until each has ended, or has outlived its time limit by a minute', async () => {
  let now = new Date('2026-09-01T02:00:00Z');
  const writes = new WritesUnderWay(started.table, () => now);
  expect(await writes.until()).toBeUndefined();

  await writes.begin();
  now = new Date('2026-09-01T02:05:00Z');
  const second = await writes.begin();
  expect(await writes.until()).toBe('2026-09-01T02:21:00.000Z');
  await writes.end(second);
  await writes.end(second);
  expect(await writes.until()).toBe('2026-09-01T02:16:00.000Z');
  now = new Date('2026-09-01T02:16:00Z');
  expect(await writes.until()).toBeUndefined();
});
