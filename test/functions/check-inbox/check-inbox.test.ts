import { describe, expect, it, test } from '@jest/globals';
import { waitFor } from '../../../functions/check-inbox/check-inbox.ts';
import { samplePeople, sampleOptedOut, syntheticNumbers } from '../../support/nhs-numbers.ts';
import { InMemoryPipeline, jobNotice, leaseSeconds } from '../../support/pipeline.ts';

const day = 86_400;
const hour = 3600;

describe('what the step says', () => {
  it('is how many parts still wait, and which are answered', async () => {
    const pipeline = await sent({ partRows: 3 });
    pipeline.answer(pipeline.mesh.sent[1]!, sampleOptedOut);
    expect(await pipeline.check()).toEqual({ waiting: 2, answered: [2], rejected: 0, waitSeconds: 300 });
  });

  it('is how many requests the service rejected, and why the first one failed', async () => {
    const pipeline = await sent({ partRows: 3 });
    const [, second, third] = pipeline.mesh.sent;
    pipeline.mesh.deliver({ localId: third!.control.localId }, 'The file contains one or more invalid NHS Numbers. ');
    pipeline.mesh.deliver({ localId: second!.control.localId }, 'Good morning');
    expect(await pipeline.check()).toEqual({
      waiting: 1,
      answered: [],
      rejected: 1,
      waitSeconds: 300,
      failure: { name: 'ReplyUnrecognised', message: 'The reply is none of the forms that the service sends' },
    });
  });

  it('counts a part whose sending nobody is sure of as waiting', async () => {
    const pipeline = await sent();
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['sent'], { state: 'send-unknown' });
    expect((await pipeline.check()).waiting).toBe(1);
    pipeline.answer(pipeline.mesh.sent[0]!, sampleOptedOut);
    expect(await pipeline.check()).toMatchObject({ waiting: 0, answered: [1] });
  });

  it('names a part that is reconciled already as answered: a resumed run goes through it once more', async () => {
    const pipeline = await sent();
    pipeline.answer(pipeline.mesh.sent[0]!, sampleOptedOut);
    await pipeline.check();
    await pipeline.reconcile(1);
    expect(await pipeline.check()).toMatchObject({ waiting: 0, answered: [1] });
  });
});

describe('the time that replies take', () => {
  it('is measured of the request that has been out for longest', async () => {
    const pipeline = await sent({ partRows: 3 });
    pipeline.answer(pipeline.mesh.sent[0]!, sampleOptedOut);
    await pipeline.check(2 * day);
    expect(pipeline.measured).toEqual([{ ReplyWaitSeconds: 2 * day }]);
  });

  it('is nought once nothing is out', async () => {
    const pipeline = await sent();
    pipeline.answer(pipeline.mesh.sent[0]!, sampleOptedOut);
    await pipeline.check(2 * day);
    expect(pipeline.measured).toEqual([{ ReplyWaitSeconds: 0 }]);
  });
});

describe('the pause before the next look', () => {
  const plan = new InMemoryPipeline().deps().pollPlan;

  test.each([
    { waited: 0, pause: 300 },
    { waited: 2 * hour - 1, pause: 300 },
    { waited: 2 * hour, pause: 900 },
    { waited: day - 1, pause: 900 },
    { waited: day, pause: hour },
    { waited: 5 * day, pause: hour },
  ])('is $pause s once a reply has been out for $waited s', ({ waited, pause }) => {
    expect(waitFor(waited, plan)).toBe(pause);
  });

  it('is that of the last stretch where the plan ends before the waiting does', () => {
    expect(waitFor(day, [{ untilSeconds: hour, everySeconds: 60 }])).toBe(60);
  });

  it('goes by the clock where that has moved further than the waits, as after a restart', async () => {
    const pipeline = await sent();
    pipeline.clock.advance(3 * hour);
    expect((await pipeline.check(0)).waitSeconds).toBe(900);
  });

  it('goes by the waits where these have moved further than the clock, as in a run at speed', async () => {
    expect((await (await sent()).check(day)).waitSeconds).toBe(hour);
  });
});

describe('the deadline', () => {
  it('makes overdue what has no answer by then, and says what was heard', async () => {
    const pipeline = await sent({ partRows: 3 });
    pipeline.mesh.deliver({ localId: pipeline.mesh.sent[1]!.control.localId }, jobNotice());
    pipeline.answer(pipeline.mesh.sent[2]!, sampleOptedOut);
    expect(await pipeline.check(5 * day)).toMatchObject({
      waiting: 0,
      answered: [3],
      failure: { name: 'ReplyOverdue', message: 'No answer within 432000 seconds: nothing was heard' },
    });
    expect((await pipeline.part(1)).state).toBe('overdue');
    expect((await pipeline.part(2)).failure?.message).toMatch(/only the job notice came$/);
    expect((await pipeline.part(3)).state).toBe('answered');
  });

  it('has not come a second before it', async () => {
    const pipeline = await sent();
    pipeline.clock.advance(5 * day - 1);
    expect(await pipeline.check(5 * day - 1)).toMatchObject({ waiting: 1, waitSeconds: hour });
  });

  it('lets in what lay in the inbox when it came', async () => {
    const pipeline = await sent();
    pipeline.clock.advance(30 * day);
    pipeline.answer(pipeline.mesh.sent[0]!, sampleOptedOut);
    expect(await pipeline.check()).toMatchObject({ waiting: 0, answered: [1] });
  });

  it('is counted for each request from its own sending: a resumed run waits for what it asked again', async () => {
    const pipeline = await sent({ partRows: 3 });
    pipeline.answer(pipeline.mesh.sent[0]!, sampleOptedOut);
    pipeline.answer(pipeline.mesh.sent[1]!, sampleOptedOut);
    await pipeline.check();
    pipeline.clock.advance(6 * day);
    await pipeline.check();
    expect((await pipeline.part(3)).state).toBe('overdue');

    await pipeline.stage(3);
    await pipeline.send(3);
    expect(await pipeline.check()).toMatchObject({ waiting: 1, answered: [1, 2], waitSeconds: 300 });
    expect((await pipeline.part(3)).state).toBe('sent');
  });

  it('of an old request does not take a new one with it', async () => {
    const pipeline = await sent({ partRows: 4 });
    await pipeline.ledger.parts.move(pipeline.runId, 2, ['sent'], { state: 'undelivered' });
    pipeline.clock.advance(5 * day);
    await pipeline.stage(2);
    await pipeline.send(2);
    await pipeline.check();
    expect((await pipeline.part(1)).state).toBe('overdue');
    expect((await pipeline.part(2)).state).toBe('sent');
  });
});

describe('the mailbox', () => {
  it('is kept for the run until well after the next look', async () => {
    const pipeline = await sent();
    pipeline.clock.advance(day);
    const { waitSeconds } = await pipeline.check(day);
    const left = (Date.parse(pipeline.ledger.mailbox.lease!.expiresAt) - pipeline.clock.now().getTime()) / 1000;
    expect(left).toBe(leaseSeconds + waitSeconds);
  });

  it('that another run holds by now is left alone', async () => {
    const pipeline = await sent();
    pipeline.loseMailbox();
    pipeline.answer(pipeline.mesh.sent[0]!, sampleOptedOut);
    await expect(pipeline.check()).rejects.toMatchObject({ name: 'LeaseLost' });
    expect(pipeline.mesh.downloads).toEqual([]);
    expect((await pipeline.part(1)).state).toBe('sent');
  });
});

it('takes in a thousand messages and settles each, whatever they are', async () => {
  const pipeline = await sent({}, syntheticNumbers(50));
  for (let index = 0; index < 1000; index += 1) pipeline.mesh.deliver({ from: 'ANY99OT001' }, 'post');
  pipeline.answer(pipeline.mesh.sent[0]!, new Set());
  expect(await pipeline.check()).toMatchObject({ waiting: 0, answered: [1] });
  expect(pipeline.mesh.waiting).toEqual([]);
  expect(pipeline.ledger.mailbox.unsettled.size).toBe(0);
});

async function sent(
  settings: ConstructorParameters<typeof InMemoryPipeline>[0] = {},
  cohort: readonly number[] = samplePeople,
): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline(settings);
  pipeline.cohort = cohort;
  await pipeline.open();
  const { parts } = await pipeline.build();
  for (const part of parts) await pipeline.stage(part);
  for (const part of parts) await pipeline.send(part);
  return pipeline;
}
