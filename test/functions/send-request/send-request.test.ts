import { describe, expect, it, test } from '@jest/globals';
import { sendRequest } from '../../../functions/send-request/send-request.ts';
import { PermanentError, RetryableError } from '../../../shared/errors.ts';
import { partState } from '../../../shared/ledger/parts.ts';
import { samplePeople } from '../../support/nhs-numbers.ts';
import { Observer, Stopped } from '../../support/observed.ts';
import { InMemoryPipeline, leaseSeconds } from '../../support/pipeline.ts';

describe('a staged request', () => {
  it('is sent as it was staged, and the id that MESH gave it is recorded', async () => {
    const pipeline = await staged();
    expect(await pipeline.send(1)).toBe('sent');
    const { request, ...row } = await pipeline.part(1);
    const [sent] = pipeline.mesh.sent;
    expect(sent?.control).toEqual({
      from: 'RZZ99OT001',
      to: 'X26OT154',
      workflowId: 'SPINE_NTT_UPHOLDING',
      subject: request?.name,
      fileName: `${request?.name}.dat`,
      localId: request?.localId,
    });
    expect(sent?.body).toEqual(pipeline.files.contents.get(request!.key));
    expect(row).toMatchObject({ state: 'sent', messageId: sent?.messageId, sentAt: '2026-09-01T02:00:00.000Z' });
  });

  it('is on record as being sent before MESH sees it', async () => {
    const pipeline = await staged();
    const { calls } = await watched(pipeline);
    expect(calls.map((call) => call.split(' ')[0])).toEqual([
      'ledger.keepLease',
      'parts.read',
      'ledger.lastHandshake',
      'mesh.handshake',
      'ledger.recordHandshake',
      'parts.move',
      'files.openVerified',
      'mesh.send',
      'ledger.recordSent',
      'parts.move',
      'mesh.listInbox',
    ]);
  });

  it('is sent once, however often the step runs', async () => {
    const pipeline = await staged();
    await pipeline.send(1);
    expect(await pipeline.send(1)).toBe('sent');
    expect(pipeline.mesh.sent).toHaveLength(1);
  });

  it('keeps the mailbox for its run while it is sent', async () => {
    const pipeline = await staged();
    pipeline.clock.advance(leaseSeconds - 1);
    await pipeline.send(1);
    const left = Date.parse(pipeline.ledger.mailbox.lease!.expiresAt) - pipeline.clock.now().getTime();
    expect(left).toBe(leaseSeconds * 1000);
  });

  it('is not sent where its file has changed', async () => {
    const pipeline = await staged();
    pipeline.files.alter((await pipeline.part(1)).request!.key, (bytes) => bytes.subarray(0, -13));
    await expect(pipeline.send(1)).rejects.toMatchObject({ name: 'FileAltered' });
    expect(pipeline.mesh.sent).toEqual([]);
    expect((await pipeline.part(1)).state).toBe('staged');
  });

  it('that the ledger has lost is an inconsistency, not a message', async () => {
    const pipeline = await staged();
    const { request, ...row } = await pipeline.part(1);
    expect(request).toBeDefined();
    await pipeline.ledger.parts.put(pipeline.runId, row);
    await expect(pipeline.send(1)).rejects.toMatchObject({ name: 'LedgerInconsistent' });
  });
});

test.each(partState.options.filter((state) => state !== 'staged' && state !== 'sending'))(
  'a part that is %s sends nothing',
  async (state) => {
    const pipeline = await staged();
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['staged'], { state });
    expect(await pipeline.send(1)).toBe(state);
    expect(pipeline.mesh.sent).toEqual([]);
    expect((await pipeline.part(1)).state).toBe(state);
  },
);

describe('the handshake', () => {
  test.each([
    { hours: 0, handshakes: 1 },
    { hours: 23, handshakes: 1 },
    { hours: 24, handshakes: 2 },
    { hours: 700, handshakes: 2 },
  ])('$hours hours after the last one is the number $handshakes', async ({ hours, handshakes }) => {
    const pipeline = await staged({ partRows: 4 });
    await pipeline.send(1);
    pipeline.clock.advance(hours * 3600);
    await pipeline.send(2);
    expect(pipeline.mesh.handshakes).toBe(handshakes);
  });

  it('that fails stops the step before anything is on record as sent', async () => {
    const pipeline = await staged();
    pipeline.mesh.handshake = () => Promise.reject(new RetryableError('MeshUnavailable', 'Handshake: 503'));
    await expect(pipeline.send(1)).rejects.toMatchObject({ name: 'MeshUnavailable' });
    const { state, sentAt } = await pipeline.part(1);
    expect({ state, sentAt }).toEqual({ state: 'staged', sentAt: undefined });
    expect(pipeline.ledger.mailbox.handshakeAt).toBeUndefined();
  });
});

describe('a send that goes wrong', () => {
  it('with an unknown outcome that MESH knows nothing of is waited for and never repeated', async () => {
    const pipeline = await staged();
    let sends = 0;
    pipeline.mesh.send = () => {
      sends += 1;
      return Promise.resolve({ outcome: 'unknown', reason: 'Send: no answer from MESH (ECONNRESET)' });
    };
    expect(await pipeline.send(1)).toBe('send-unknown');
    expect(await pipeline.send(1)).toBe('send-unknown');
    expect(sends).toBe(1);
    expect((await pipeline.part(1)).messageId).toBeUndefined();
    expect((await pipeline.check()).waiting).toBe(1);
  });

  it('with an unknown outcome is sent after all where MESH tracks it by its LocalID', async () => {
    const pipeline = await staged();
    const send = pipeline.mesh.send.bind(pipeline.mesh);
    pipeline.mesh.send = async (...given) => {
      await send(...given);
      return { outcome: 'unknown', reason: 'Send: no answer from MESH (ECONNRESET)' };
    };
    expect(await pipeline.send(1)).toBe('sent');
    expect(await pipeline.part(1)).toMatchObject({ state: 'sent', messageId: pipeline.mesh.sent[0]!.messageId });
    expect(pipeline.mesh.sent).toHaveLength(1);
  });

  it('with an unknown outcome, of which MESH knows several, is waited for', async () => {
    const pipeline = await staged();
    pipeline.mesh.send = () => Promise.resolve({ outcome: 'unknown', reason: 'lost' });
    pipeline.mesh.trackLocalId = () => Promise.reject(new PermanentError('MeshRequestRefused', 'Track: 300'));
    expect(await pipeline.send(1)).toBe('send-unknown');
  });

  it('whose upload broke off is sent again: MESH delivers no half of a message', async () => {
    const pipeline = await staged();
    pipeline.mesh.send = () => Promise.resolve({ outcome: 'unknown', reason: 'lost' });
    pipeline.mesh.trackLocalId = () => Promise.resolve({ messageId: 'half', status: 'uploading' });
    await expect(pipeline.send(1)).rejects.toMatchObject({ name: 'MeshConnectionLost' });
    expect((await pipeline.part(1)).state).toBe('staged');
    Reflect.deleteProperty(pipeline.mesh, 'send');
    expect(await pipeline.send(1)).toBe('sent');
  });

  test.each([
    new RetryableError('MeshThrottled', 'Send: MESH answered 429'),
    new PermanentError('MeshRecipientUnknown', 'Send: MESH answered 417 (12 SEND)'),
  ])('since MESH refused it ($name) is staged again, for a retry or a resume', async (error) => {
    const pipeline = await staged();
    pipeline.mesh.send = () => Promise.reject(error);
    await expect(pipeline.send(1)).rejects.toBe(error);
    expect((await pipeline.part(1)).state).toBe('staged');

    Reflect.deleteProperty(pipeline.mesh, 'send');
    pipeline.clock.advance(60);
    expect(await pipeline.send(1)).toBe('sent');
    expect(pipeline.mesh.sent).toHaveLength(1);
    expect((await pipeline.part(1)).sentAt).toBe('2026-09-01T02:01:00.000Z');
  });
});

describe('a run that lost the mailbox', () => {
  it('sends nothing', async () => {
    const pipeline = await staged();
    pipeline.loseMailbox();
    await expect(pipeline.send(1)).rejects.toMatchObject({ name: 'LeaseLost' });
    expect(pipeline.mesh).toMatchObject({ sent: [], handshakes: 0 });
    expect((await pipeline.part(1)).state).toBe('staged');
  });
});

test.each(
  [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].flatMap((call) => (['before', 'after'] as const).map((when) => ({ call, when }))),
)('a stop $when call $call leads to one message at most, and to a part that is waited for', async (stopAt) => {
  const pipeline = await staged();
  const observer = new Observer(stopAt);
  // A process that stops dead inside the call to MESH runs no handler for its failure either.
  const { parts } = pipeline.ledger;
  const dead = { read: parts.read.bind(parts), move: parts.move.bind(parts) };
  const move: typeof parts.move = (...given) =>
    observer.calls.length >= stopAt.call ? Promise.reject(new Stopped()) : dead.move(...given);
  await expect(watched(pipeline, observer, { read: dead.read, move })).rejects.toThrow(Stopped);

  const state = await pipeline.send(1);
  const { messageId } = await pipeline.part(1);
  expect(messageId === undefined ? undefined : pipeline.ledger.mailbox.sentRequests.get(messageId)).toEqual(
    state === 'sent' ? { runId: pipeline.runId, part: 1 } : undefined,
  );
  expect(pipeline.mesh.sent.length).toBeLessThanOrEqual(1);
  expect(['sent', 'send-unknown']).toContain(state);
  expect(state === 'sent' ? pipeline.mesh.sent.length : 1).toBe(1);
  expect((await pipeline.check()).waiting).toBe(1);
});

async function staged(settings: ConstructorParameters<typeof InMemoryPipeline>[0] = {}): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline(settings);
  pipeline.cohort = samplePeople;
  await pipeline.open();
  for (const part of (await pipeline.build()).parts) await pipeline.stage(part);
  return pipeline;
}

/** Sends part 1 and notes every call in its order. */
async function watched(
  pipeline: InMemoryPipeline,
  observer = new Observer(),
  parts: Pick<InMemoryPipeline['ledger']['parts'], 'read' | 'move'> = pipeline.ledger.parts,
): Promise<Observer> {
  const { ledger, files, ...rest } = pipeline.deps();
  const mesh: Parameters<typeof sendRequest>[1]['mesh'] = pipeline.mesh;
  await sendRequest(
    { runId: pipeline.runId, part: 1, execution: pipeline.execution, waitedSeconds: 0 },
    {
      ...rest,
      parts: observer.watch('parts', parts),
      ledger: observer.watch('ledger', ledger),
      files: observer.watch('files', files),
      mesh: observer.watch('mesh', mesh),
    },
  );
  return observer;
}
