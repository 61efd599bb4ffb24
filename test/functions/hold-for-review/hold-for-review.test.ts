import { describe, expect, it } from '@jest/globals';
import { holdForReview } from '../../../functions/hold-for-review/hold-for-review.ts';
import { Observer } from '../../support/observed.ts';
import { InMemoryPipeline, leaseSeconds } from '../../support/pipeline.ts';

const reviewSeconds = 86_400;
const reasons = ['nobody of 600 people is opted out', '3 rows of the answers repeat a person'];

describe('a run that is held', () => {
  it('is recorded as held, with the token that answers it and the time by which', async () => {
    const pipeline = await weighed();
    expect(await pipeline.hold('token-1')).toEqual({ runId: pipeline.runId });
    expect(await pipeline.ledger.runs.read(pipeline.runId)).toMatchObject({
      state: 'held',
      review: { taskToken: 'token-1', heldAt: '2026-09-01T02:00:00.000Z', until: '2026-09-02T02:00:00.000Z' },
    });
  });

  it('tells its operators why, and how to answer, in words that name nobody and hold no token', async () => {
    const pipeline = await weighed();
    await pipeline.hold('token-1');
    const [notice] = pipeline.notices;
    expect(notice?.subject).toBe(`NDOP run ${pipeline.runId} is held for review`);
    for (const reason of reasons) expect(notice?.message).toContain(`- ${reason}`);
    expect(notice?.message).toContain(`approve ${pipeline.runId} --reason`);
    expect(notice?.message).toContain(`reject ${pipeline.runId} --reason`);
    expect(notice?.message).toContain('2026-09-02T02:00:00.000Z');
    expect(notice?.message).not.toContain('token-1');
  });

  it('is on record before anybody is told, so that an answer finds it', async () => {
    const pipeline = await weighed();
    const { runs, mailbox, ...rest } = pipeline.deps();
    const observer = new Observer();
    const watched = { ...rest, runs: observer.watch('runs', runs), mailbox: observer.watch('mailbox', mailbox) };
    const notify = () => {
      observer.calls.push('notify');
      return Promise.resolve();
    };
    const input = { runId: pipeline.runId, execution: pipeline.execution, taskToken: 'token-1' };
    await holdForReview(input, { ...watched, notify });
    expect(observer.calls.map((call) => call.split(' ')[0])).toEqual([
      'mailbox.keepLease',
      'runs.update',
      'runs.read',
      'notify',
    ]);
  });

  it('keeps the mailbox until the reviewer’s time is up and a step more', async () => {
    const pipeline = await weighed();
    await pipeline.hold();
    const left = Date.parse(pipeline.ledger.mailbox.lease!.expiresAt) - pipeline.clock.now().getTime();
    expect(left).toBe((reviewSeconds + leaseSeconds) * 1000);
  });

  it('that is held again has the newer token', async () => {
    const pipeline = await weighed();
    await pipeline.hold('token-1');
    pipeline.clock.advance(60);
    await pipeline.hold('token-2');
    const { review } = await pipeline.ledger.runs.read(pipeline.runId);
    expect(review).toMatchObject({ taskToken: 'token-2', until: '2026-09-02T02:01:00.000Z' });
  });
});

it('a run that lost the mailbox is not held, and nobody is asked', async () => {
  const pipeline = await weighed();
  pipeline.loseMailbox();
  await expect(pipeline.hold()).rejects.toMatchObject({ name: 'LeaseLost' });
  expect(pipeline.notices).toEqual([]);
  expect((await pipeline.ledger.runs.read(pipeline.runId)).state).toBe('running');
});

async function weighed(): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline({ reviewSeconds });
  await pipeline.open();
  const changes = { activate: 0, deactivate: 0, create: 600, update: 0, retire: 0 };
  const totals = { optedOut: 0, notOptedOut: 600, previousOptedOut: 0, previousRows: 0, changes };
  await pipeline.ledger.runs.update(pipeline.runId, { verdict: { reasons, ...totals } });
  return pipeline;
}
