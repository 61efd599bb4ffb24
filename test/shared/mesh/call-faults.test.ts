import { describe, expect, it, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import type { MeshCall } from '../../../shared/mesh/call.ts';
import { type Mailbox } from '../../../shared/mesh/mailbox.ts';
import { listed } from '../../support/bodies.ts';
import { inTurn, json, mailboxAt, meshAt, rawServer, reset, status, whole, type Answer } from './misbehaving-mesh.ts';

const repeatable: { name: string; call: (mailbox: Mailbox) => Promise<unknown>; good: Answer }[] = [
  { name: 'a handshake', call: (mailbox) => mailbox.handshake(), good: status(200) },
  { name: 'a list', call: (mailbox) => listed(mailbox.listInbox()), good: status(200, {}, '{"messages":[]}') },
  { name: 'a HEAD', call: (mailbox) => mailbox.head('m'), good: status(200) },
  { name: 'a download', call: (mailbox) => mailbox.download('m', whole), good: status(200, {}, 'x') },
  { name: 'an acknowledgement', call: (mailbox) => mailbox.acknowledge('m'), good: status(200) },
  {
    name: 'tracking',
    call: (mailbox) => mailbox.track('m'),
    good: status(200, {}, '{"message_id":"m","status":"accepted"}'),
  },
  {
    name: 'tracking by local id',
    call: (mailbox) => mailbox.trackLocalId('l'),
    good: status(200, {}, '{"messageId":"m","status":"Accepted"}'),
  },
  { name: 'a look-up', call: (mailbox) => mailbox.lookUp('X26', 'W'), good: status(200, {}, '{"results":[]}') },
  { name: 'a search', call: (mailbox) => mailbox.searchWorkflow('W'), good: status(200, {}, '{"results":[]}') },
];

describe('calls that may be repeated', () => {
  test.each(repeatable)('succeed at the third attempt, each with a token of its own: $name', async ({ call, good }) => {
    const tokens = new Set<string>();
    const turns = inTurn(reset, status(503), good);
    const { mailbox, asked, pauses } = await meshAt((response, request, sent) => {
      tokens.add(request.headers.authorization ?? '');
      turns(response, request, sent);
    });
    await call(mailbox);
    expect(asked).toHaveLength(3);
    expect(new Set(asked).size).toBe(1);
    expect(tokens.size).toBe(3);
    expect(pauses[0]).toBeGreaterThanOrEqual(375);
    expect(pauses[0]).toBeLessThanOrEqual(625);
    expect(pauses[1]).toBeGreaterThanOrEqual(750);
    expect(pauses[1]).toBeLessThanOrEqual(1_250);
  });

  test.each(repeatable)('fail with the name of the third failure: $name', async ({ call }) => {
    const lost = await meshAt(reset);
    await expect(call(lost.mailbox)).rejects.toMatchObject({ name: 'MeshConnectionLost' });
    expect(lost.asked).toHaveLength(3);
    const failing = await meshAt(status(503));
    await expect(call(failing.mailbox)).rejects.toMatchObject({ name: 'MeshUnavailable' });
    const silent = await meshAt(() => undefined, { timeoutMilliseconds: 20 });
    await expect(call(silent.mailbox)).rejects.toMatchObject({ name: 'MeshTimedOut' });
    expect(silent.asked).toHaveLength(3);
  });

  test.each(repeatable)('are not repeated where MESH refuses them: $name', async ({ call }) => {
    const { mailbox, asked } = await meshAt(status(403));
    await expect(call(mailbox)).rejects.toMatchObject({ name: 'MeshAuthenticationRefused' });
    expect(asked).toHaveLength(1);
  });

  it('wait as long as MESH asks for, up to ten seconds', async () => {
    const patient = await meshAt(inTurn(status(429, { 'retry-after': '7' }), status(200)));
    await patient.mailbox.handshake();
    expect(patient.pauses).toEqual([7_000]);
    const inADate = new Date(Date.now() + 5_000).toUTCString();
    const dated = await meshAt(inTurn(status(503, { 'retry-after': inADate }), status(200)));
    await dated.mailbox.handshake();
    expect(dated.pauses[0]).toBeGreaterThan(3_000);
    expect(dated.pauses[0]).toBeLessThanOrEqual(5_000);
    const tooLong = await meshAt(status(429, { 'retry-after': '11' }));
    await expect(tooLong.mailbox.handshake()).rejects.toMatchObject({ name: 'MeshThrottled' });
    expect(tooLong.asked).toHaveLength(1);
  });

  it('are each told of', async () => {
    const calls: MeshCall[] = [];
    const { mailbox } = await meshAt(inTurn(reset, status(503), status(200, {}, 'x')), {
      onCall: (call) => calls.push(call),
    });
    await mailbox.download('m', whole);
    expect(calls.map(({ status, error }) => ({ status, error }))).toEqual([
      { status: undefined, error: 'MeshConnectionLost' },
      { status: 503, error: 'MeshUnavailable' },
      { status: 200, error: undefined },
    ]);
  });
});

describe('a list', () => {
  test.each([
    '/messageexchange/X26OT154/inbox?continue_from=x',
    '/messageexchange/RZZ99OT0012/inbox',
    '/messageexchange/RZZ99OT001/../X26OT154/inbox',
    '/elsewhere',
    'http://[',
  ])('whose next page is %s is not followed out of our mailbox', async (next) => {
    const { mailbox, asked } = await meshAt((response) =>
      json(response, { messages: ['m'], links: { self: '', next } }),
    );
    await expect(listed(mailbox.listInbox())).rejects.toMatchObject({ name: 'MeshRequestRefused' });
    expect(asked).toEqual(['GET /inbox']);
  });

  it('whose next page names a host asks our own', async () => {
    const next = 'https://elsewhere.example/messageexchange/RZZ99OT001/inbox?continue_from=x';
    const { mailbox } = await meshAt((response, { url = '' }) => {
      json(response, url.includes('continue_from') ? { messages: ['b'] } : { messages: ['a'], links: { next } });
    });
    expect(await listed(mailbox.listInbox())).toEqual(['a', 'b']);
  });

  it('that goes in a circle ends', async () => {
    const link = (to: string) => `/messageexchange/RZZ99OT001/inbox?continue_from=${to}`;
    const { mailbox, asked } = await meshAt((response, { url = '' }) => {
      json(response, { messages: ['m'], links: { next: url.endsWith('a') ? link('b') : link('a') } });
    });
    await expect(listed(mailbox.listInbox())).rejects.toMatchObject({
      name: 'MeshRequestRefused',
      message: expect.stringContaining('read before'),
    });
    expect(asked).toHaveLength(3);
  });

  it('may come gzipped, since we accept that', async () => {
    const { mailbox } = await meshAt((response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"messages":["m"]}')),
    );
    expect(await listed(mailbox.listInbox())).toEqual(['m']);
  });

  test.each(['', 'no JSON', '{"messages":"none"}', '{"messages":[""]}'])(
    'that is %j is MeshUnavailable: the next one may be well',
    async (text) => {
      const { mailbox } = await meshAt(status(200, {}, text));
      await expect(listed(mailbox.listInbox())).rejects.toMatchObject({ name: 'MeshUnavailable' });
    },
  );

  it('without end is MeshUnavailable', async () => {
    const { mailbox } = await meshAt((response) => {
      const more = () => {
        if (!response.destroyed) response.write(Buffer.alloc(1 << 20, 0x20), more);
      };
      more();
    });
    await expect(listed(mailbox.listInbox())).rejects.toMatchObject({ name: 'MeshUnavailable' });
  });
});

it('tells tracking and look-up that make no sense apart from answers', async () => {
  const { mailbox } = await meshAt(status(200, {}, '{"message_id":"m","status":"lost"}'));
  await expect(mailbox.track('m')).rejects.toMatchObject({ name: 'MeshUnavailable' });
  await expect(mailbox.lookUp('X26', 'W')).rejects.toMatchObject({ name: 'MeshUnavailable' });
});

it('reads a look-up in the words of version 1, too', async () => {
  const { mailbox, asked } = await meshAt(
    status(200, {}, '{"query_id":"1","results":[{"address":"X26OT154","description":"NDOP","endpoint_type":"MESH"}]}'),
  );
  const found = [{ mailboxId: 'X26OT154', mailboxName: 'NDOP' }];
  expect(await mailbox.lookUp('X/26', 'W F')).toEqual(found);
  expect(await mailbox.searchWorkflow('W F')).toEqual(found);
  expect(asked).toEqual([
    'GET /messageexchange/endpointlookup/X%2F26/W%20F',
    'GET /messageexchange/workflowsearch/W%20F',
  ]);
});

describe('an answer that never ends', () => {
  it('as another protocol fails the call, and the calls behind it go on', async () => {
    const url = await rawServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      });
    });
    const mailbox = mailboxAt(url, { timeoutMilliseconds: 200 });
    const failures = await Promise.all([mailbox.track('m'), mailbox.handshake()].map((call) => call.catch(nameOf)));
    for (const failure of failures) expect(['MeshConnectionLost', 'MeshTimedOut']).toContain(failure);
  });

  it('a byte now and then is given up after ten times the patience', async () => {
    const url = await rawServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
        const drip = setInterval(() => socket.write('x'), 30);
        socket.once('close', () => {
          clearInterval(drip);
        });
      });
    });
    const mailbox = mailboxAt(url, { timeoutMilliseconds: 50 });
    const began = performance.now();
    await expect(mailbox.track('m')).rejects.toMatchObject({ name: 'MeshTimedOut' });
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}
