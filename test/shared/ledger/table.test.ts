import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { z } from 'zod';
import { LatestSnapshot, type Latest } from '../../../shared/ledger/latest.ts';
import { startLedgerTable } from '../../support/ledger-table.ts';

let started: Awaited<ReturnType<typeof startLedgerTable>>;
beforeAll(async () => {
  started = await startLedgerTable();
});
afterAll(() => started.stop());
const numbered = z.object({ number: z.number() });

describe('an item of the table', () => {
  it('is listed over as many pages as it takes', async () => {
    const filler = 'x'.repeat(150_000);
    const sortKeys = Array.from({ length: 9 }, (_, index) => `ITEM#${String(index).padStart(2, '0')}`);
    for (const [number, sk] of sortKeys.entries()) await started.table.put({ pk: 'LONG', sk }, { number, filler });
    await started.table.put({ pk: 'LONG', sk: 'OTHER' }, { number: -1 });
    const items = await started.table.list('LONG', 'ITEM#', numbered);
    expect(items.map(({ number }) => number)).toEqual(sortKeys.map((_, index) => index));
  });

  it('that is not as this version writes it is LedgerInconsistent, naming its fields and not their values', async () => {
    const key = { pk: 'ODD', sk: 'ITEM#1' };
    await started.table.put(key, { number: '9993395633' });
    const inconsistent = {
      name: 'LedgerInconsistent',
      message: 'The ledger item ODD ITEM#1 is not as written by this version: number',
    };
    await expect(started.table.read(key, numbered)).rejects.toMatchObject(inconsistent);
    await expect(started.table.list('ODD', 'ITEM#', numbered)).rejects.toMatchObject(inconsistent);
  });

  it('is removed once where a condition says so', async () => {
    const key = { pk: 'GONE', sk: 'ITEM' };
    await started.table.put(key, { number: 1 });
    const isTwo = { expression: '#n = :two', names: { '#n': 'number' }, values: { ':two': 2 } };
    expect(await started.table.remove(key, isTwo)).toBe(false);
    expect(await started.table.set(key, { number: 2 })).toBe(true);
    expect(await started.table.remove(key, isTwo)).toBe(true);
    expect(await started.table.remove(key, isTwo)).toBe(false);
    expect(await started.table.remove(key)).toBe(true);
    expect(await started.table.set(key, { number: 3 })).toBe(false);
  });
});

describe('the pointer to the latest snapshot', () => {
  const latest = (runId: string, manifestKey = `snapshots/${runId}/manifest-1.json`): Latest => ({
    runId,
    manifestKey,
    manifestSha256: 'abc',
    closedAt: '2026-09-01T03:00:00Z',
  });
  const [one, two, three] = [latest('run-1'), latest('run-2'), latest('run-3')];

  it('points nowhere before the first run, moves from what a run compared with, and never past another run', async () => {
    const pointer = new LatestSnapshot(started.table);
    expect(await pointer.read()).toBeUndefined();
    // The first run, and a repeat of its last step.
    expect(await pointer.move(undefined, one)).toBe(true);
    expect(await pointer.move(undefined, one)).toBe(true);
    expect(await pointer.read()).toEqual(one);
    // Another run that also began before there was a snapshot.
    expect(await pointer.move(undefined, two)).toBe(false);
    // Two runs that compared with the first: the slower one is refused.
    expect(await pointer.move(one.manifestKey, three)).toBe(true);
    expect(await pointer.move(one.manifestKey, two)).toBe(false);
    expect(await pointer.read()).toEqual(three);
    // A late repeat by a run that has been overtaken.
    expect(await pointer.move(undefined, one)).toBe(false);
    // The same run, resumed, closes with another manifest.
    const resumed = latest('run-3', 'snapshots/run-3/manifest-2.json');
    expect(await pointer.move(one.manifestKey, resumed)).toBe(true);
    expect(await pointer.read()).toEqual(resumed);
  });

  test('only one of two runs that close at once moves it', async () => {
    const pointer = new LatestSnapshot(started.table);
    const base = (await pointer.read())?.manifestKey;
    const moved = await Promise.all([pointer.move(base, latest('run-8')), pointer.move(base, latest('run-9'))]);
    expect(moved.filter(Boolean)).toHaveLength(1);
  });
});
