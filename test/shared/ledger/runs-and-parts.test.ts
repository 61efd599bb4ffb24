import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import { failedStates, partState, Parts, waitingStates, type Part } from '../../../shared/ledger/parts.ts';
import { Runs, type Run } from '../../../shared/ledger/runs.ts';
import { startLedgerTable } from '../../support/ledger-table.ts';

let started: Awaited<ReturnType<typeof startLedgerTable>>;
let runs: Runs;
let parts: Parts;
beforeAll(async () => {
  started = await startLedgerTable();
  runs = new Runs(started.table);
  parts = new Parts(started.table);
});
afterAll(() => started.stop());

let count = 0;
let runId: string;
beforeEach(() => {
  count += 1;
  runId = `20260901T0200${String(count).padStart(2, '0')}Z-7f3a`;
});

const run = (): Run => ({
  runId,
  state: 'running',
  trigger: 'console',
  mode: 'refresh',
  reason: 'after a correction',
  cohortChoice: { source: 's3', key: 'cohorts/today.csv' },
  executionArn: 'arn:aws:states:eu-west-2:123456789012:execution:refresh:one',
  openedAt: '2026-09-01T02:00:00Z',
  opening: 1,
});
const part = (number = 1, state: Part['state'] = 'built'): Part => ({
  part: number,
  state,
  from: 0,
  to: 10_000_000_000,
  rows: 8,
  cohort: { key: 'k', sha256: 'abc', bytes: 96 },
  attempt: 0,
});

describe('a run', () => {
  it('is opened once, and the second opener changes nothing', async () => {
    expect(await runs.open(run())).toBe(true);
    expect(await runs.open({ ...run(), trigger: 'schedule' })).toBe(false);
    expect(await runs.read(runId)).toEqual(run());
  });

  it('is opened by one of many who try at once', async () => {
    const opened = await Promise.all(Array.from({ length: 6 }, () => runs.open(run())));
    expect(opened.filter(Boolean)).toHaveLength(1);
  });

  it('that nobody opened is RunUnknown', async () => {
    expect(await runs.find(runId)).toBeUndefined();
    const unknown = { name: 'RunUnknown', message: `No run ${runId} stands in the ledger` };
    await expect(runs.read(runId)).rejects.toMatchObject(unknown);
    await expect(runs.update(runId, { state: 'closed' })).rejects.toMatchObject(unknown);
    expect(await runs.find(runId)).toBeUndefined();
  });

  it('takes fields one by one and keeps the others; undefined says nothing', async () => {
    await runs.open(run());
    const cohort = {
      counts: { rows: 9, requested: 8, duplicates: 0, quarantined: { missing: 1 } },
      parts: 1,
      quarantineKey: 'q',
    };
    await runs.update(runId, { cohort });
    await runs.update(runId, { state: 'closed', outcome: 'Completed', ...{ reason: undefined } });
    expect(await runs.read(runId)).toEqual({ ...run(), cohort, state: 'closed', outcome: 'Completed' });
  });

  it('is listed with the others, newest first', async () => {
    await parts.put(runId, part());
    for (const [index, openedAt] of ['2030-01-01', '2032-01-01', '2031-01-01'].entries()) {
      await runs.open({ ...run(), runId: `${runId}-${index}`, openedAt });
    }
    const listed = await runs.list();
    expect(listed.slice(0, 3).map(({ openedAt }) => openedAt)).toEqual(['2032-01-01', '2031-01-01', '2030-01-01']);
  });

  it('numbers its tries at a cohort, none twice', async () => {
    await runs.open(run());
    const tries = await Promise.all([1, 2, 3].map(() => runs.nextCohortAttempt(runId)));
    expect(tries.toSorted()).toEqual([1, 2, 3]);
    expect(await runs.read(runId)).toEqual(run());
  });
});

describe('parts', () => {
  it('are listed in the order of their numbers', async () => {
    for (const number of [10, 2, 1, 101]) await parts.put(runId, part(number));
    await runs.open(run());
    expect((await parts.list(runId)).map((row) => row.part)).toEqual([1, 2, 10, 101]);
    expect(await parts.list('20990101T000000Z-0000')).toEqual([]);
  });

  it('written again by the step that builds them are the same', async () => {
    await parts.put(runId, part());
    await parts.put(runId, part());
    expect(await parts.list(runId)).toEqual([part()]);
  });

  it('that were never built are LedgerInconsistent', async () => {
    expect(await parts.find(runId, 3)).toBeUndefined();
    await expect(parts.read(runId, 3)).rejects.toMatchObject({
      name: 'LedgerInconsistent',
      message: `Run ${runId} has no part 3 in the ledger`,
    });
  });

  it('move on from the states given and from no other', async () => {
    await parts.put(runId, part(1, 'sent'));
    expect(await parts.move(runId, 1, ['built', 'staged'], { state: 'overdue' })).toBe(false);
    expect(await parts.read(runId, 1)).toEqual(part(1, 'sent'));
    expect(await parts.move(runId, 1, waitingStates, { state: 'answered', messageId: 'm' })).toBe(true);
    expect(await parts.read(runId, 1)).toEqual({ ...part(1, 'answered'), messageId: 'm' });
    expect(await parts.move(runId, 1, waitingStates, { state: 'overdue' })).toBe(false);
  });

  it('forget what no longer holds of them, with the move and only with it', async () => {
    const failed: Part = { ...part(1, 'overdue'), messageId: 'm', failure: { name: 'ReplyOverdue', message: 'late' } };
    await parts.put(runId, failed);
    expect(await parts.move(runId, 1, ['sent'], { state: 'built' }, ['failure', 'messageId'])).toBe(false);
    expect(await parts.read(runId, 1)).toEqual(failed);
    expect(await parts.move(runId, 1, ['overdue'], { state: 'built' }, ['failure', 'messageId', 'reply'])).toBe(true);
    expect(await parts.read(runId, 1)).toEqual(part(1, 'built'));
  });

  it('that do not exist do not move', async () => {
    expect(await parts.move(runId, 9, ['built'], { state: 'staged' })).toBe(false);
    expect(await parts.find(runId, 9)).toBeUndefined();
  });

  it('are moved by one of many who try at once', async () => {
    await parts.put(runId, part(1, 'staged'));
    const moved = await Promise.all(
      [1, 2, 3, 4].map((number) => parts.move(runId, 1, ['staged'], { state: 'sending', messageId: String(number) })),
    );
    expect(moved.filter(Boolean)).toHaveLength(1);
    expect((await parts.read(runId, 1)).messageId).toBe(String(moved.indexOf(true) + 1));
  });
});

test('waiting and failed states are states, and none is both', () => {
  expect(partState.options).toEqual(expect.arrayContaining([...waitingStates, ...failedStates]));
  expect(waitingStates.filter((state) => failedStates.includes(state))).toEqual([]);
});
