import { describe, expect, it, test } from '@jest/globals';
import { settleMessages } from '../../../shared/inbox/settle.ts';
import { takeInMessages } from '../../../shared/inbox/take-in.ts';
import { failedStates, type PartState } from '../../../shared/ledger/parts.ts';
import { digitsOf, samplePeople, sampleOptedOut } from '../../support/nhs-numbers.ts';
import { Observer, Stopped } from '../../support/observed.ts';
import { InMemoryPipeline, jobNotice } from '../../support/pipeline.ts';

const notice = jobNotice();
const answer = listOf(samplePeople.filter((number) => !sampleOptedOut.has(number)));
const otherAnswer = listOf(samplePeople.slice(0, 3));
const stranger = '9993395633\r\nGood morning\r\n';
const rejection = 'The file contains one or more invalid NHS Numbers. ';
const refusedJob = jobNotice({
  status: 'failed',
  stages: [
    { stage: 'validate_is_unique_upload', passed: false },
    { stage: 'check_of_9993395633', passed: false },
  ],
});

describe('one reply after another', () => {
  test.each<Sequence>([
    { title: 'a notice keeps the part waiting', bodies: [notice], state: 'sent', classes: ['notice'] },
    { title: 'an answer ends the wait', bodies: [answer], state: 'answered', classes: ['answer'], kept: answer },
    {
      title: 'an answer follows its notice',
      bodies: [notice, answer],
      state: 'answered',
      classes: ['notice', 'answer'],
      kept: answer,
    },
    {
      title: 'a notice may come after the answer',
      bodies: [answer, notice],
      state: 'answered',
      classes: ['answer', 'notice-late'],
      kept: answer,
    },
    { title: 'two notices are one', bodies: [notice, notice], state: 'sent', classes: ['notice', 'notice'] },
    {
      title: 'the same answer twice is one',
      bodies: [answer, answer],
      state: 'answered',
      classes: ['answer', 'answer-repeated'],
      kept: answer,
    },
    {
      title: 'two different answers conflict',
      bodies: [answer, otherAnswer],
      state: 'conflicting',
      classes: ['answer', 'answer-conflicting'],
      kept: answer,
    },
    { title: 'a blank reply alone is no answer', bodies: ['\r\n'], state: 'sent', classes: ['blank-before-notice'] },
    {
      title: 'a blank reply after the notice is an answer',
      bodies: [notice, '\r\n'],
      state: 'answered',
      classes: ['notice', 'answer'],
      kept: '\r\n',
    },
    {
      title: 'so is one before the notice',
      bodies: ['\r\n', notice],
      state: 'answered',
      classes: ['blank-before-notice', 'notice-for-blank'],
      kept: '\r\n',
    },
    {
      title: 'rows count for more than a blank',
      bodies: ['\n', answer, notice],
      state: 'answered',
      classes: ['blank-before-notice', 'answer', 'notice-late'],
      kept: answer,
    },
    {
      title: 'a rejection is no answer',
      bodies: [notice, rejection],
      state: 'rejected',
      classes: ['notice', 'rejected'],
    },
    {
      title: 'a rejection may come first',
      bodies: [rejection, notice],
      state: 'rejected',
      classes: ['rejected', 'notice-late'],
    },
    { title: 'a refused job is no answer', bodies: [refusedJob], state: 'job-refused', classes: ['job-refused'] },
    { title: 'anything else is no answer', bodies: [stranger], state: 'unrecognised', classes: ['unrecognised'] },
    {
      title: 'what comes after an answer does not undo it',
      bodies: [answer, rejection, refusedJob, stranger],
      state: 'answered',
      classes: ['answer', 'rejected-late', 'job-refused-late', 'unrecognised-late'],
      kept: answer,
    },
    {
      title: 'an answer comes too late for a rejected part',
      bodies: [rejection, answer],
      state: 'rejected',
      classes: ['rejected', 'answer-late'],
    },
  ])('$title', async ({ bodies, state, classes, kept }) => {
    const { pipeline, localId } = await sent();
    const ids = bodies.map((body) => pipeline.mesh.deliver({ localId }, body));
    await pipeline.check();
    expect((await pipeline.part(1)).state).toBe(state);
    expect(settled(pipeline, ids)).toEqual(classes.map((name) => ({ class: name, part: `${pipeline.runId} 1` })));
    const { reply } = await pipeline.part(1);
    expect(reply && pipeline.files.text(reply.body.key)).toBe(kept);
  });

  it('comes to the same in whatever order they are taken in, one look for each', async () => {
    const { pipeline, localId } = await sent();
    for (const body of ['\r\n', notice, '\r\n']) {
      pipeline.mesh.deliver({ localId }, body);
      await pipeline.check();
    }
    expect((await pipeline.part(1)).state).toBe('answered');
  });
});

describe('an answer to a part', () => {
  test.each<{ state: PartState; becomes: PartState; outcome: string }>([
    { state: 'sent', becomes: 'answered', outcome: 'answer' },
    { state: 'send-unknown', becomes: 'answered', outcome: 'answer' },
    { state: 'overdue', becomes: 'answered', outcome: 'answer' },
    { state: 'unrecognised', becomes: 'answered', outcome: 'answer' },
    { state: 'damaged', becomes: 'answered', outcome: 'answer' },
    ...failedStates
      .filter((state) => !['overdue', 'unrecognised', 'damaged'].includes(state))
      .map((state) => ({ state, becomes: state, outcome: 'answer-late' })),
    { state: 'reconciled', becomes: 'reconciled', outcome: 'answer-late' },
    { state: 'staged', becomes: 'staged', outcome: 'answer-late' },
  ])('that is $state: $outcome, and the part is $becomes', async ({ state, becomes, outcome }) => {
    const { pipeline, localId } = await sent();
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['sent'], { state });
    const id = pipeline.mesh.deliver({ localId }, answer);
    await pipeline.check();
    expect((await pipeline.part(1)).state).toBe(becomes);
    expect(settled(pipeline, [id])).toMatchObject([{ class: outcome }]);
  });

  it('is as old as its receipt, by our own clock', async () => {
    const { pipeline, localId } = await sent();
    pipeline.clock.advance(60);
    pipeline.mesh.deliver({ localId }, answer);
    await pipeline.check();
    expect((await pipeline.part(1)).reply?.asAt).toBe('2026-09-01T02:01:00Z');
  });
});

describe('what is heard of a request whose sending was cut short', () => {
  test.each<{ body: string; headers?: object; state: PartState }>([
    { body: rejection, state: 'rejected' },
    { body: refusedJob, state: 'job-refused' },
    { body: stranger, state: 'unrecognised' },
    { body: '', headers: { messageType: 'REPORT', statusCode: '14' }, state: 'undelivered' },
    { body: answer, state: 'answered' },
  ])('counts for it: $state', async ({ body, headers, state }) => {
    const { pipeline, localId } = await sent();
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['sent'], { state: 'sending' });
    pipeline.mesh.deliver({ localId, ...headers }, body);
    await pipeline.check();
    expect((await pipeline.part(1)).state).toBe(state);
  });

  it('so does a job notice, and with it a blank reply', async () => {
    const { pipeline, localId } = await sent();
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['sent'], { state: 'sending' });
    pipeline.mesh.deliver({ localId }, notice);
    await pipeline.check();
    pipeline.mesh.deliver({ localId }, '\r\n');
    await pipeline.check();
    expect((await pipeline.part(1)).state).toBe('answered');
  });
});

describe('a failure', () => {
  test.each<[body: string, failure: object]>([
    [rejection, { name: 'RequestRejected', message: 'The service found an invalid NHS number in the request' }],
    [stranger, { name: 'ReplyUnrecognised', message: 'The reply is none of the forms that the service sends' }],
    // Whatever else stands in a stage's name is not repeated.
    [
      refusedJob,
      { name: 'JobRefused', message: 'The service refused the upload: validate_is_unique_upload, check_of_' },
    ],
    [jobNotice({ status: 'rejected' }), { name: 'JobRefused', message: expect.stringContaining('no stage named') }],
  ])('is kept with the part in a sentence without a person: %#', async (body, failure) => {
    const { pipeline, localId } = await sent();
    pipeline.mesh.deliver({ localId }, body);
    await pipeline.check();
    expect((await pipeline.part(1)).failure).toEqual(failure);
  });
});

describe('a report of MESH', () => {
  test.each(['linkedMessageId', 'localId'] as const)('finds the request that it is about by %s', async (member) => {
    const { pipeline, localId } = await sent();
    const { messageId = '' } = await pipeline.part(1);
    const named = member === 'localId' ? { localId } : { linkedMessageId: messageId };
    const id = pipeline.mesh.deliver({ ...named, messageType: 'REPORT', from: '', statusCode: '14' });
    await pipeline.check();
    expect(await pipeline.part(1)).toMatchObject({
      state: 'undelivered',
      failure: {
        name: 'RequestUndelivered',
        message:
          'Part 1 was not delivered: MESH reports code 14, the national service did not collect it within five days, or its mailbox is closed',
      },
    });
    expect(settled(pipeline, [id])).toMatchObject([{ class: 'undelivered' }]);
  });

  it('names no more than its code', async () => {
    const { pipeline, localId } = await sent();
    const statusCode = `14 for 9993395633 and all who were asked about with them`;
    pipeline.mesh.deliver({ localId, messageType: 'REPORT', statusCode });
    await pipeline.check();
    expect((await pipeline.part(1)).failure?.message).not.toMatch(/ for | with /);
  });

  it('about a message of somebody else changes nothing', async () => {
    const { pipeline } = await sent();
    const id = pipeline.mesh.deliver({ messageType: 'REPORT', linkedMessageId: 'theirs', statusCode: '14' });
    await pipeline.check();
    expect((await pipeline.part(1)).state).toBe('sent');
    expect(settled(pipeline, [id])).toEqual([{ class: 'orphan', part: undefined }]);
  });

  it('that comes after the answer changes nothing', async () => {
    const { pipeline, localId } = await sent();
    pipeline.mesh.deliver({ localId }, answer);
    const id = pipeline.mesh.deliver({ localId, messageType: 'REPORT', statusCode: '14' });
    await pipeline.check();
    expect((await pipeline.part(1)).state).toBe('answered');
    expect(settled(pipeline, [id])).toMatchObject([{ class: 'undelivered-late' }]);
  });
});

describe('what is not for this run', () => {
  test.each([
    ['from another sender', { from: 'X26HC065' }, 'foreign'],
    ['by another workflow', { workflowId: 'OTHER' }, 'foreign'],
    ['without a LocalID', { localId: undefined }, 'orphan'],
    ['of a LocalID that we never make', { localId: 'their-request-1' }, 'orphan'],
    ['of a run that the ledger does not know', { localId: 'NDOP-20250101T000000Z-0000-0001-1' }, 'orphan'],
    ['of an attempt that is not the present one', { attempt: 7 }, 'orphan'],
    ['of a part that the run does not have', { part: 9 }, 'orphan'],
  ])('a message %s is put aside', async (_, { attempt = 1, part = 1, ...headers }: Other, outcome) => {
    const { pipeline } = await sent();
    const localId = `NDOP-${pipeline.runId}-000${part}-${attempt}`;
    const id = pipeline.mesh.deliver({ localId, ...headers }, answer);
    expect(await pipeline.check()).toMatchObject({ waiting: 1, answered: [] });
    expect(settled(pipeline, [id])).toEqual([{ class: outcome, part: undefined }]);
    expect(pipeline.mesh.waiting).toEqual([]);
  });

  it('a late answer to an earlier run is attached to that run', async () => {
    const { pipeline, localId } = await sent();
    const { runId: earlier } = pipeline;
    pipeline.clock.advance(6 * 86_400);
    await pipeline.check();
    await pipeline.fail({ stage: 'Replies overdue', error: { Error: 'ReplyOverdue' } });

    pipeline.execution = 'arn:execution:second';
    await pipeline.open({ trigger: 'console', reason: 'again' });
    await pipeline.build();
    await pipeline.stage(1);
    await pipeline.send(1);
    const id = pipeline.mesh.deliver({ localId }, answer);
    expect(await pipeline.check()).toMatchObject({ waiting: 1, answered: [] });
    expect((await pipeline.ledger.parts.read(earlier, 1)).state).toBe('answered');
    expect(settled(pipeline, [id])).toEqual([{ class: 'answer', part: `${earlier} 1` }]);
  });
});

describe('a stop while messages are settled', () => {
  const bodies = ['\r\n', notice, answer, otherAnswer];

  test.each(Array.from({ length: 26 }, (_, index) => index + 1))('at call %i comes to the same end', async (call) => {
    const untouched = await settledParts(bodies);
    expect(await settledParts(bodies, { call, when: 'before' })).toEqual(untouched);
    expect(await settledParts(bodies, { call, when: 'after' })).toEqual(untouched);
  });
});

interface Sequence {
  readonly title: string;
  readonly bodies: readonly string[];
  readonly state: PartState;
  /** What each message is settled as. */
  readonly classes: readonly string[];
  /** The body that counts as the answer. */
  readonly kept?: string;
}

interface Other {
  readonly from?: string;
  readonly workflowId?: string;
  readonly localId?: string | undefined;
  readonly attempt?: number;
  readonly part?: number;
}

async function sent(): Promise<{ pipeline: InMemoryPipeline; localId: string }> {
  const pipeline = new InMemoryPipeline();
  pipeline.cohort = samplePeople;
  await pipeline.open();
  await pipeline.build();
  await pipeline.stage(1);
  await pipeline.send(1);
  return { pipeline, localId: pipeline.mesh.sent[0]!.control.localId };
}

function settled({ ledger }: InMemoryPipeline, messageIds: readonly string[]) {
  return messageIds.map((id) => {
    const message = ledger.mailbox.messages.get(id);
    return { class: message?.class, part: message?.part };
  });
}

/** The part as it ends up where the settling may have been stopped once, and was then done again. */
async function settledParts(bodies: readonly string[], stopAt?: ConstructorParameters<typeof Observer>[0]) {
  const { pipeline, localId } = await sent();
  for (const body of bodies) pipeline.mesh.deliver({ localId }, body);
  await takeInMessages(pipeline.deps());

  const { parts, files, ledger, source } = pipeline.deps();
  const observer = new Observer(stopAt);
  const watched = {
    source,
    parts: observer.watch('parts', parts),
    files: observer.watch('files', files),
    ledger: observer.watch('ledger', ledger),
  };
  await settleMessages(watched).catch((error: unknown) => {
    if (!(error instanceof Stopped)) throw error;
  });
  await pipeline.check();
  expect(pipeline.ledger.mailbox.unsettled.size).toBe(0);
  return pipeline.part(1);
}

function listOf(numbers: readonly number[]): string {
  return numbers.map((number) => `${digitsOf(number)},\r\n`).join('');
}
