import { describe, expect, it, test } from '@jest/globals';
import { takeInMessages } from '../../../shared/inbox/take-in.ts';
import { PermanentError, RetryableError } from '../../../shared/errors.ts';
import { Observer, Stopped } from '../../support/observed.ts';
import { InMemoryPipeline } from '../../support/pipeline.ts';

const body = '9993395633,\r\n';

describe('a message in the inbox', () => {
  it('is stored and recorded before it is acknowledged, whoever sent it', async () => {
    const pipeline = new InMemoryPipeline();
    const messages = [pipeline.mesh.deliver({}, body), pipeline.mesh.deliver({ from: 'ANY99OT001' }, 'hello')];
    const observer = new Observer();
    expect(await takeIn(pipeline, observer)).toBe(2);
    expect(observer.calls).toEqual([
      'mesh.listInbox',
      ...messages.flatMap((id) => [
        `ledger.isRecorded ${id}`,
        `mesh.download ${id}`,
        `files.writeStreamOnce inbox/${id}/body`,
        expect.stringContaining(`inbox/${id}/headers.json`),
        'ledger.recordMessage',
        `mesh.acknowledge ${id}`,
      ]),
    ]);
    expect(pipeline.mesh.waiting).toEqual([]);
  });

  it('is kept whole: its bytes, its headers, and all that MESH said beside them', async () => {
    const pipeline = new InMemoryPipeline();
    const id = pipeline.mesh.deliver({ localId: 'NDOP-20260901T020000Z-7f3a-0001-1', subject: 'S' }, body);
    await takeIn(pipeline);
    expect(pipeline.files.text(`inbox/${id}/body`)).toBe(body);
    expect(JSON.parse(pipeline.files.text(`inbox/${id}/headers.json`))).toMatchObject({
      messageId: id,
      messageType: 'DATA',
      from: 'X26OT154',
      workflowId: 'SPINE_NTT_UPHOLDING',
      localId: 'NDOP-20260901T020000Z-7f3a-0001-1',
      subject: 'S',
      raw: { 'mex-to': 'RZZ99OT001' },
    });
    expect(await pipeline.ledger.mailbox.unsettledMessages()).toEqual([
      {
        messageId: id,
        headersKey: `inbox/${id}/headers.json`,
        body: await pipeline.files.writeOnce(`inbox/${id}/body`, body),
        receivedAt: '2026-09-01T02:00:00.000Z',
      },
    ]);
  });

  it('that is recorded only lost its acknowledgement: it is not fetched again', async () => {
    const pipeline = new InMemoryPipeline();
    const id = pipeline.mesh.deliver({}, body);
    pipeline.mesh.acknowledge = () => Promise.reject(new RetryableError('MeshUnavailable', 'Acknowledge: 503'));
    expect(await look(pipeline)).toEqual({ stored: 0, left: 1 });
    Reflect.deleteProperty(pipeline.mesh, 'acknowledge');
    expect(await look(pipeline)).toEqual({ stored: 0, left: 0 });
    expect(pipeline.mesh).toMatchObject({ downloads: [id], acknowledged: [id], waiting: [] });
  });

  it.each(['MeshMessageGone', 'MeshMessageUnknown'] as const)(
    'that is %s when it is fetched is passed over',
    async (name) => {
      const pipeline = new InMemoryPipeline();
      const [gone, next] = [pipeline.mesh.deliver({}, body), pipeline.mesh.deliver({}, body)];
      const download = pipeline.mesh.download.bind(pipeline.mesh);
      pipeline.mesh.download = (id, take) => {
        if (id === gone) return Promise.reject(new PermanentError(name, 'Download: MESH answered'));
        return download(id, take);
      };
      expect(await takeIn(pipeline)).toBe(1);
      expect(pipeline.mesh.acknowledged).toEqual([next]);
      expect([...pipeline.ledger.mailbox.messages.keys()]).toEqual([next]);
    },
  );

  it('whose body is not what its headers claim is kept as it travelled, and acknowledged', async () => {
    const pipeline = new InMemoryPipeline();
    const id = pipeline.mesh.deliver({}, 'no gzip');
    const download = pipeline.mesh.download.bind(pipeline.mesh);
    const asked: (boolean | undefined)[] = [];
    const damage = `Download: message ${id} says gzip and is not`;
    pipeline.mesh.download = (messageId, take, options?: { asReceived?: boolean }) => {
      asked.push(options?.asReceived);
      if (options?.asReceived === true) return download(messageId, take);
      return Promise.reject(new PermanentError('MeshBodyDamaged', damage));
    };
    expect(await takeIn(pipeline)).toBe(1);
    expect(asked).toEqual([undefined, true]);
    expect(pipeline.files.text(`inbox/${id}/body-as-received`)).toBe('no gzip');
    expect(pipeline.files.keysBelow(`inbox/${id}/`)).toEqual([
      `inbox/${id}/body-as-received`,
      `inbox/${id}/headers.json`,
    ]);
    expect(pipeline.ledger.mailbox.messages.get(id)).toMatchObject({ damage });
    expect(pipeline.mesh.waiting).toEqual([]);
  });

  test.each([
    new RetryableError('MeshConnectionLost', 'cut'),
    new RetryableError('MeshUnavailable', 'Download: MESH answered 500'),
    new PermanentError('MeshRequestRefused', 'Download: MESH answered 422'),
  ])('that cannot be had ($name) stays for the next look, and keeps none behind it waiting', async (failure) => {
    const pipeline = new InMemoryPipeline();
    const ids = ['a', 'b', 'c'].map((text) => pipeline.mesh.deliver({}, text));
    const download = pipeline.mesh.download.bind(pipeline.mesh);
    pipeline.mesh.download = (id, take) => (id === ids[1] ? Promise.reject(failure) : download(id, take));
    expect(await look(pipeline)).toEqual({ stored: 2, left: 1 });
    expect(pipeline.mesh).toMatchObject({ acknowledged: [ids[0], ids[2]], waiting: [ids[1]] });
    Reflect.deleteProperty(pipeline.mesh, 'download');
    expect(await look(pipeline)).toEqual({ stored: 1, left: 0 });
    expect(pipeline.mesh.waiting).toEqual([]);
  });

  it('whose acknowledgement fails is stored, and acknowledged at the next look', async () => {
    const pipeline = new InMemoryPipeline();
    const ids = ['a', 'b'].map((text) => pipeline.mesh.deliver({}, text));
    const acknowledge = pipeline.mesh.acknowledge.bind(pipeline.mesh);
    pipeline.mesh.acknowledge = (id) =>
      id === ids[0] ? Promise.reject(new RetryableError('MeshUnavailable', '503')) : acknowledge(id);
    expect(await look(pipeline)).toEqual({ stored: 1, left: 1 });
    Reflect.deleteProperty(pipeline.mesh, 'acknowledge');
    expect(await look(pipeline)).toEqual({ stored: 0, left: 0 });
    expect(pipeline.mesh).toMatchObject({ downloads: ids, waiting: [] });
  });

  test.each([
    { failure: new RetryableError('MeshTimedOut', 'silence'), downloads: 3 },
    { failure: new RetryableError('MeshThrottled', '429'), downloads: 1 },
    { failure: new PermanentError('MeshCertificateRefused', 'unknown ca'), downloads: 1 },
  ])('cannot be had in an outage, as all others: $failure.name is told after $downloads', async (expected) => {
    const pipeline = new InMemoryPipeline();
    for (let count = 0; count < 9; count += 1) pipeline.mesh.deliver({}, body);
    let downloads = 0;
    pipeline.mesh.download = () => {
      downloads += 1;
      return Promise.reject(expected.failure);
    };
    await expect(look(pipeline)).rejects.toBe(expected.failure);
    expect({ downloads, waiting: pipeline.mesh.waiting.length }).toEqual({ downloads: expected.downloads, waiting: 9 });
    expect(pipeline.ledger.mailbox.messages.size).toBe(0);
  });
});

it('an empty inbox takes one call', async () => {
  const observer = new Observer();
  expect(await takeIn(new InMemoryPipeline(), observer)).toBe(0);
  expect(observer.calls).toEqual(['mesh.listInbox']);
});

const callsForTwoMessages = 13;

test.each(
  Array.from({ length: callsForTwoMessages - 1 }, (_, index) => index + 2).flatMap((call) =>
    (['before', 'after'] as const).map((when) => ({ call, when })),
  ),
)('a stop $when call $call of the intake loses nothing, and nothing recorded is fetched again', async (stopAt) => {
  const pipeline = new InMemoryPipeline();
  const messages = [pipeline.mesh.deliver({}, body), pipeline.mesh.deliver({}, 'another body')];
  await expect(takeIn(pipeline, new Observer(stopAt))).rejects.toThrow(Stopped);
  const recorded = new Set(pipeline.ledger.mailbox.messages.keys());
  for (const id of pipeline.mesh.acknowledged) expect(recorded).toContain(id);

  pipeline.mesh.downloads.length = 0;
  await takeIn(pipeline);
  for (const id of pipeline.mesh.downloads) expect(recorded).not.toContain(id);
  expect(pipeline.mesh).toMatchObject({ waiting: [], acknowledged: messages });
  expect([...pipeline.ledger.mailbox.unsettled.keys()]).toEqual(messages);
  expect(messages.map((id) => pipeline.files.text(`inbox/${id}/body`))).toEqual([body, 'another body']);
});

/** How many messages were stored. */
async function takeIn(pipeline: InMemoryPipeline, observer = new Observer()): Promise<number> {
  return (await look(pipeline, observer)).stored;
}

function look({ mesh, files, ledger, clock }: InMemoryPipeline, observer = new Observer()) {
  return takeInMessages({
    now: clock.now,
    mesh: observer.watch('mesh', mesh),
    files: observer.watch('files', files),
    ledger: observer.watch('ledger', ledger.mailbox),
  });
}
