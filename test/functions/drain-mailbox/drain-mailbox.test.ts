import { describe, expect, it } from '@jest/globals';
import { RetryableError } from '../../../shared/errors.ts';
import { samplePeople, sampleOptedOut } from '../../support/nhs-numbers.ts';
import { InMemoryPipeline } from '../../support/pipeline.ts';

const day = 86_400;

describe('what waits in the mailbox between runs', () => {
  it('is stored, acknowledged and told by what it is, whoever sent it', async () => {
    const pipeline = new InMemoryPipeline();
    const foreign = pipeline.mesh.deliver({ from: 'ANY99OT001' }, 'post');
    const orphan = pipeline.mesh.deliver({ localId: 'NDOP-20260101T000000Z-0000-0001-1' }, '9993395633,\r\n');
    expect(await pipeline.drain()).toEqual({
      disposition: 'drained',
      holder: '',
      stored: 2,
      left: 0,
      settled: { foreign: 1, orphan: 1 },
    });
    expect(pipeline.mesh).toMatchObject({ waiting: [], acknowledged: [foreign, orphan], handshakes: 1 });
    expect(pipeline.files.text(`inbox/${orphan}/body`)).toBe('9993395633,\r\n');
    expect(pipeline.ledger.mailbox.messages.get(orphan)).toMatchObject({ class: 'orphan' });
  });

  it('may be a late answer: it goes to the part that was given up, and a resume asks nobody again', async () => {
    const pipeline = await overdue();
    pipeline.answer(pipeline.mesh.sent[0]!, sampleOptedOut);
    expect(await pipeline.drain()).toMatchObject({ stored: 2, settled: { notice: 1, answer: 1 } });
    expect((await pipeline.part(1)).state).toBe('answered');

    pipeline.execution = 'arn:execution:resume';
    await pipeline.open({ trigger: 'console', mode: 'resume', resumeRunId: pipeline.runId, reason: 'a late answer' });
    await pipeline.stage(1, true);
    await pipeline.send(1);
    expect(pipeline.mesh.sent).toHaveLength(1);
    expect(await pipeline.check()).toMatchObject({ waiting: 0, answered: [1] });
  });

  it('may be a report about a run that is over, naming nothing but our message', async () => {
    const pipeline = await overdue();
    const id = pipeline.mesh.deliver({
      ...{ messageType: 'REPORT', from: '', workflowId: '' },
      linkedMessageId: pipeline.mesh.sent[0]!.messageId,
      statusCode: '14',
    });
    await pipeline.drain();
    expect(pipeline.ledger.mailbox.messages.get(id)).toMatchObject({
      class: 'undelivered-late',
      part: `${pipeline.runId} 1`,
    });
  });
});

describe('the drain and the runs', () => {
  it('steps aside where a run has the mailbox', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.open();
    pipeline.mesh.deliver({}, 'a reply');
    expect(await pipeline.drain()).toMatchObject({ disposition: 'stepped-aside', holder: pipeline.runId, stored: 0 });
    expect(pipeline.mesh).toMatchObject({ handshakes: 0, downloads: [] });
  });

  it.each([{ isTaken: false }, { isTaken: true }])(
    'says how long our certificate lasts, also where the mailbox is taken: $isTaken',
    async ({ isTaken }) => {
      const pipeline = new InMemoryPipeline({ certificateDaysLeft: 59 });
      if (isTaken) await pipeline.open();
      await pipeline.drain();
      expect(pipeline.measured).toEqual([{ MeshCertDaysToExpiry: 59 }]);
    },
  );

  it('says nothing of a certificate where MESH is reached without one', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.drain();
    expect(pipeline.measured).toEqual([]);
  });

  it('leaves the mailbox free', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.drain();
    expect((await pipeline.open()).disposition).toBe('opened');
  });

  it('keeps a run that starts meanwhile waiting, for it is over in minutes', async () => {
    const pipeline = new InMemoryPipeline();
    pipeline.mesh.deliver({}, 'a reply');
    pipeline.mesh.acknowledge = async () => {
      await expect(pipeline.open()).rejects.toMatchObject({ name: 'MailboxBusy' });
    };
    await pipeline.drain();
    expect((await pipeline.open()).disposition).toBe('opened');
    expect.assertions(2);
  });

  it('gives the mailbox back where it fails', async () => {
    const pipeline = new InMemoryPipeline();
    pipeline.mesh.handshake = () => Promise.reject(new RetryableError('MeshUnavailable', 'Handshake: 503'));
    await expect(pipeline.drain()).rejects.toMatchObject({ name: 'MeshUnavailable' });
    expect(pipeline.ledger.mailbox.lease).toBeUndefined();
  });

  it('says what it had to leave for the next day', async () => {
    const pipeline = new InMemoryPipeline();
    pipeline.mesh.deliver({}, 'a reply');
    pipeline.mesh.acknowledge = () => Promise.reject(new RetryableError('MeshUnavailable', 'Acknowledge: 503'));
    expect(await pipeline.drain()).toMatchObject({ stored: 0, left: 1, settled: { orphan: 1 } });
    Reflect.deleteProperty(pipeline.mesh, 'acknowledge');
    expect(await pipeline.drain()).toMatchObject({ stored: 0, left: 0, settled: {} });
    expect(pipeline.mesh).toMatchObject({ waiting: [] });
    expect(pipeline.mesh.downloads).toHaveLength(1);
  });

  it('shakes hands once a day, however often it runs', async () => {
    const pipeline = new InMemoryPipeline();
    for (let hours = 0; hours < 72; hours += 12) {
      await pipeline.drain();
      pipeline.clock.advance(day / 2);
    }
    expect(pipeline.mesh.handshakes).toBe(3);
  });
});

/** A run that ended without its answer. */
async function overdue(): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline();
  pipeline.cohort = samplePeople;
  await pipeline.open();
  await pipeline.build();
  await pipeline.stage(1);
  await pipeline.send(1);
  pipeline.clock.advance(6 * day);
  expect(await pipeline.check()).toMatchObject({ waiting: 0, failure: { name: 'ReplyOverdue' } });
  await pipeline.fail({ stage: 'Replies overdue', error: { Error: 'ReplyOverdue', Cause: 'No answer' } });
  return pipeline;
}
