import { afterEach, describe, expect, it, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { readBody, serve, type StandIn } from '../../../local/stand-in.ts';
import { PermanentError } from '../../../shared/errors.ts';
import type { MeshCall } from '../../../shared/mesh/call.ts';
import { Mailbox, type MailboxOptions } from '../../../shared/mesh/mailbox.ts';
import type { DownloadedMessage } from '../../../shared/mesh/message.ts';
import { requestControl } from '../../../shared/ndop/request.ts';
import { bodyOf, bytesOf, listed } from '../../support/bodies.ts';

const control = requestControl(
  'RZZ99OT001-050126-0001',
  { from: 'RZZ99OT001', to: 'X26OT154' },
  { runId: '20260105T143000Z-7f3a', part: 1, attempt: 1 },
);
const body = Buffer.from('9993395633,\r\n');
const messageId = '20260105143001123456_A1B2C3';
const accepted = JSON.stringify({ message_id: messageId });

let servers: Pick<StandIn, 'close'>[] = [];
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
});

type Answer = (response: ServerResponse, request: IncomingMessage, body: Buffer) => void;

/** A mailbox at a MESH that misbehaves like this; `asked` is what it was asked for. */
async function meshAt(answer: Answer, options: Partial<MailboxOptions> = {}) {
  const asked: string[] = [];
  const pauses: number[] = [];
  const server = await serve(async (request, response) => {
    asked.push(`${request.method ?? ''} ${(request.url ?? '').replace('/messageexchange/RZZ99OT001', '')}`);
    const sent = await readBody(request);
    const [, named] = /\/inbox\/([^/?]+)/.exec(request.url ?? '') ?? [];
    // As MESH does in whatever it says of a message.
    if (named !== undefined) response.setHeader('mex-messageid', named);
    answer(response, request, sent);
  });
  servers.push(server);
  const pause = (milliseconds: number) => Promise.resolve(pauses.push(milliseconds));
  return { mailbox: mailboxAt(server.url, { pause, ...options }), asked, pauses };
}
const mailboxAt = (baseUrl: string, options: Partial<MailboxOptions> = {}) =>
  new Mailbox({
    baseUrl,
    mailboxId: 'RZZ99OT001',
    credentials: { password: 'p', sharedKey: 'k' },
    pause: () => Promise.resolve(),
    ...options,
  });
/** Answers one after another, the last one from then on. */
const inTurn = (...answers: Answer[]): Answer => {
  let turn = 0;
  return (...call) => {
    answers[Math.min(turn++, answers.length - 1)]!(...call);
  };
};
const status =
  (code: number, headers: Record<string, string> = {}, text = ''): Answer =>
  (response) =>
    response.writeHead(code, headers).end(text);
const reset: Answer = (response) => response.socket?.resetAndDestroy();
const json = (response: ServerResponse, value: unknown) => response.writeHead(200).end(JSON.stringify(value));
const outgoing = (content = body) => ({ bytes: content.length, content: bodyOf(content) });
const send = (mailbox: Mailbox, content = body) => mailbox.send(control, outgoing(content));
const whole = ({ body }: DownloadedMessage) => bytesOf(body);

describe('a message whose fate nobody knows', () => {
  test.each<{ name: string; answer: Answer }>([
    { name: 'the connection is reset once all was read', answer: reset },
    { name: 'the connection ends without an answer', answer: (response) => response.socket?.end() },
    {
      name: 'the answer is cut off',
      answer: (r) => r.writeHead(202, { 'content-length': 99 }).write('{"mess', () => r.destroy()),
    },
    { name: 'MESH fails behind its gateway', answer: status(502, {}, '<html>') },
    {
      name: 'MESH fails in XML',
      answer: status(500, { 'content-type': 'text/xml' }, '<soap:Fault>9993395633</soap:Fault>'),
    },
    { name: 'MESH accepts it without an id', answer: status(202, {}, '{}') },
    { name: 'MESH accepts it in no JSON', answer: status(202, {}, 'ok') },
  ])('is an outcome and no error, and is never sent again: $name', async ({ answer }) => {
    const { mailbox, asked } = await meshAt(answer);
    const outcome = await send(mailbox);
    expect(outcome).toEqual({ outcome: 'unknown', reason: expect.stringMatching(/^Send: ./) });
    expect(JSON.stringify(outcome)).not.toMatch(/\d{10}/);
    expect(asked).toEqual(['POST /outbox']);
  });

  it('is so where MESH says nothing for too long', async () => {
    const { mailbox } = await meshAt(() => undefined, { timeoutMilliseconds: 50 });
    expect(await send(mailbox)).toEqual({
      outcome: 'unknown',
      reason: 'Send: MESH said nothing for too long: try again later',
    });
  });
});

/** A server below HTTP. */
async function rawServer(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) =>
        server.close(() => {
          resolve();
        }),
      );
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a message that certainly was not sent', () => {
  const long = { compress: false, chunkBytes: 50_000_000 };

  it('is MeshUnavailable where nobody listens', async () => {
    const server = await serve(() => Promise.resolve());
    await server.close();
    await expect(send(mailboxAt(server.url))).rejects.toMatchObject({
      name: 'MeshUnavailable',
      message: expect.stringContaining('Send: MESH cannot be reached (ECONNREFUSED)'),
    });
  });

  it('is MeshConnectionLost where the connection breaks while it is on its way', async () => {
    const url = await rawServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await expect(send(mailboxAt(url, long), randomBytes(30_000_000))).rejects.toMatchObject({
      name: 'MeshConnectionLost',
    });
  });

  it('is MeshTimedOut where MESH stops reading', async () => {
    const url = await rawServer((socket) => socket.pause());
    const mailbox = mailboxAt(url, { ...long, timeoutMilliseconds: 100 });
    await expect(send(mailbox, randomBytes(30_000_000))).rejects.toMatchObject({ name: 'MeshTimedOut' });
  });

  it('is refused where MESH refuses it before it has read all of it', async () => {
    const url = await rawServer((socket) =>
      socket.once('data', () => socket.pause().write('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n')),
    );
    await expect(send(mailboxAt(url, long), randomBytes(30_000_000))).rejects.toMatchObject({
      name: 'MeshRequestRefused',
      message: expect.stringContaining('smaller chunks'),
    });
  });

  test.each([
    { code: 429, name: 'MeshThrottled' },
    { code: 425, name: 'MeshThrottled' },
    { code: 400, name: 'MeshRequestRefused' },
    { code: 403, name: 'MeshAuthenticationRefused' },
    { code: 301, name: 'MeshRequestRefused' },
  ])('is $name where MESH answers $code, and is not sent again by itself', async ({ code, name }) => {
    const { mailbox, asked } = await meshAt(status(code, { location: '/elsewhere' }));
    await expect(send(mailbox)).rejects.toMatchObject({ name });
    expect(asked).toEqual(['POST /outbox']);
  });

  it('fails with what its content fails with, and MESH has not heard of it', async () => {
    const { mailbox, asked } = await meshAt(status(202, {}, accepted));
    async function* altered(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(body);
      throw new PermanentError('FileAltered', 'changed');
    }
    const sending = mailbox.send(control, { bytes: body.length, content: altered() });
    await expect(sending).rejects.toMatchObject({ name: 'FileAltered', message: 'changed' });
    for (const bytes of [body.length - 1, body.length + 1]) {
      const other = mailbox.send(control, { bytes, content: bodyOf(body, [3]) });
      await expect(other).rejects.toMatchObject({ name: 'FileAltered' });
    }
    expect(asked).toEqual([]);
  });
});

describe('a message of several chunks', () => {
  const options = { chunkBytes: 6, compress: false };
  const tracked = (word: string) => JSON.stringify({ message_id: messageId, status: word });
  const chunk = (number: number) => `POST /outbox/${messageId}/${number}`;
  const track = `GET /outbox/tracking?messageID=${messageId}`;
  const by =
    (answers: Record<string, Answer>): Answer =>
    (response, request, sent) => {
      const path = (request.url ?? '').replace('/messageexchange/RZZ99OT001/outbox', '');
      const key = path.startsWith('/tracking') ? 'track' : path === '' ? '1' : path.split('/').at(-1)!;
      (answers[key] ?? status(202, {}, key === '1' ? accepted : 'null'))(response, request, sent);
    };

  it('goes on with a chunk that failed, and with the same bytes', async () => {
    const bodies: string[] = [];
    const answer: Answer = (response, request, sent) => {
      bodies.push(sent.toString());
      inSecond(response, request, sent);
    };
    const inSecond = by({ 2: inTurn(status(503), reset, status(202)) });
    const { mailbox, asked, pauses } = await meshAt(answer, options);
    expect(await send(mailbox)).toEqual({ outcome: 'accepted', messageId });
    expect(asked).toEqual(['POST /outbox', chunk(2), chunk(2), chunk(2), chunk(3)]);
    expect(bodies).toEqual(['999339', '5633,\r', '5633,\r', '5633,\r', '\n']);
    expect(pauses).toHaveLength(2);
  });

  it('is unfinished, not unknown, where the first chunk may have arrived: without the others it is no message', async () => {
    for (const answer of [reset, status(500), status(202, {}, '{}')]) {
      const { mailbox, asked } = await meshAt(answer, options);
      await expect(send(mailbox)).rejects.toMatchObject({ name: expect.stringMatching(/^Mesh(ConnectionLost|Unav)/) });
      expect(asked).toEqual(['POST /outbox']);
    }
  });

  it('is unfinished where a chunk in the middle does not get through', async () => {
    const { mailbox, asked } = await meshAt(by({ 2: status(503) }), options);
    await expect(send(mailbox)).rejects.toMatchObject({ name: 'MeshUnavailable' });
    expect(asked).toEqual(['POST /outbox', chunk(2), chunk(2), chunk(2)]);
  });

  it('had arrived where MESH calls it complete when the last chunk is repeated', async () => {
    const { mailbox } = await meshAt(by({ 3: inTurn(reset, status(423)) }), options);
    expect(await send(mailbox)).toEqual({ outcome: 'accepted', messageId });
  });

  test.each([2, 3])('is refused where MESH calls it complete before chunk %s was sent', async (number) => {
    const { mailbox } = await meshAt(by({ [number]: status(423) }), options);
    await expect(send(mailbox)).rejects.toMatchObject({ name: 'MeshUploadComplete' });
  });

  test.each(['accepted', 'acknowledged', 'undeliverable'])(
    'had arrived where nothing came of the last chunk and MESH says %s',
    async (word) => {
      const { mailbox, asked } = await meshAt(by({ 3: reset, track: status(200, {}, tracked(word)) }), options);
      expect(await send(mailbox)).toEqual({ outcome: 'accepted', messageId });
      expect(asked).toEqual(['POST /outbox', chunk(2), chunk(3), chunk(3), chunk(3), track]);
    },
  );

  it('is unfinished where MESH says that it is', async () => {
    const { mailbox } = await meshAt(by({ 3: reset, track: status(200, {}, tracked('uploading')) }), options);
    await expect(send(mailbox)).rejects.toMatchObject({ name: 'MeshConnectionLost' });
  });

  test.each([503, 404])('is unknown where MESH answers %s to that, too', async (code) => {
    const { mailbox } = await meshAt(by({ 3: reset, track: status(code) }), options);
    expect(await send(mailbox)).toEqual({ outcome: 'unknown', reason: expect.stringContaining('Send a chunk') });
  });

  it('fails with what its content fails with, and never gets its last chunk', async () => {
    const { mailbox, asked } = await meshAt(by({}), options);
    let isClosed = false;
    async function* altered(): AsyncGenerator<Uint8Array> {
      try {
        yield await Promise.resolve(body);
        throw new PermanentError('FileAltered', 'changed');
      } finally {
        isClosed = true;
      }
    }
    const sending = mailbox.send(control, { bytes: body.length, content: altered() });
    await expect(sending).rejects.toMatchObject({ name: 'FileAltered' });
    expect(asked).toEqual(['POST /outbox', chunk(2)]);
    expect(isClosed).toBe(true);
  });

  it('lets go of its content where MESH refuses it', async () => {
    const { mailbox } = await meshAt(status(400), options);
    let isClosed = false;
    async function* content(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(body);
      } finally {
        isClosed = true;
      }
    }
    await expect(mailbox.send(control, { bytes: 1_000, content: content() })).rejects.toThrow();
    expect(isClosed).toBe(true);
  });
});

it('never puts a message on a connection that MESH may be closing just then', async () => {
  // Answers the first request of each connection and resets it at the first byte of a second one.
  const url = await rawServer((socket) => {
    let isUsed = false;
    socket.on('data', (data) => {
      if (isUsed) {
        socket.resetAndDestroy();
        return;
      }
      if (!data.includes('\r\n\r\n')) return;
      isUsed = true;
      const text = data.includes('/outbox') ? accepted : '{}';
      socket.write(`HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
    });
  });
  const ours = mailboxAt(url);
  await ours.handshake();
  expect(await send(ours)).toMatchObject({ outcome: 'accepted' });
  // What may be repeated is, on a new connection.
  await ours.handshake();
});

test.each([0, 10, 60_000, 100_000, 5_000_000])(
  'gives the connection back after a message of %s bytes that was not read to its end',
  async (length) => {
    const connections = new Set<unknown>();
    const { mailbox, asked } = await meshAt((response, { socket, method }) => {
      connections.add(socket);
      response.end(Buffer.alloc(method === 'GET' ? length : 0));
    });
    const takes: ((message: DownloadedMessage) => Promise<unknown>)[] = [
      () => new Promise((resolve) => setTimeout(resolve, 20)),
      async ({ body }) => (await body[Symbol.asyncIterator]().next()).done,
      whole,
    ];
    for (const take of takes) {
      await mailbox.download('m', take);
      const started = performance.now();
      await mailbox.handshake();
      expect(performance.now() - started).toBeLessThan(1_000);
    }
    expect(asked).toHaveLength(6);
    if (length <= 10) expect(connections.size).toBe(1);
  },
);

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

describe('a download', () => {
  const download = async (answer: Answer, options: Partial<MailboxOptions> = {}) =>
    (await meshAt(answer, options)).mailbox.download('m', whole);
  const evidence = async (answer: Answer) => (await meshAt(answer)).mailbox.download('m', whole, { asReceived: true });
  const chunks =
    (...all: { code: number; range?: string; content?: Buffer; headers?: Record<string, string> }[]): Answer =>
    (response, { url = '' }) => {
      const { code, range, content = body, headers = {} } = all[Number(/\/m\/(\d+)$/.exec(url)?.[1] ?? 1) - 1]!;
      response
        .writeHead(code, { ...(range === undefined ? {} : { 'mex-chunk-range': range }), ...headers })
        .end(content);
    };
  const gzip = { 'content-encoding': 'gzip' };

  it('that breaks off is MeshConnectionLost and never a shorter body', async () => {
    const cut: Answer = (r) => r.writeHead(200, { 'content-length': 500 }).write(body, () => r.destroy());
    await expect(download(cut)).rejects.toMatchObject({ name: 'MeshConnectionLost' });
    const endless: Answer = (r) => r.writeHead(200).write(body, () => r.destroy());
    await expect(download(endless)).rejects.toMatchObject({ name: 'MeshConnectionLost' });
  });

  it('that stops coming is MeshTimedOut', async () => {
    const stuck: Answer = (response) => response.writeHead(200).write(body);
    await expect(download(stuck, { timeoutMilliseconds: 50 })).rejects.toMatchObject({ name: 'MeshTimedOut' });
  });

  it('is attempted again until its first byte was passed on', async () => {
    const early = inTurn(
      (r) => {
        r.writeHead(200, { 'content-length': 13 }).flushHeaders();
      },
      status(200, {}, 'x'),
    );
    expect((await download(early, { timeoutMilliseconds: 50 })).toString()).toBe('x');
  });

  it('takes a body that is not compressed as it is', async () => {
    expect((await download(status(200, {}, 'x'))).toString()).toBe('x');
    expect((await download(status(200, { 'content-encoding': 'identity' }, 'x'))).toString()).toBe('x');
  });

  it('goes by the status where there are no chunk ranges', async () => {
    const joined = await download(
      chunks({ code: 206 }, { code: 206, headers: gzip, content: gzipSync('x') }, { code: 200 }),
    );
    expect(joined.toString()).toBe(`${body.toString()}x${body.toString()}`);
  });

  it('takes chunk ranges as they are meant', async () => {
    const joined = await download(chunks({ code: 206, range: '1:2' }, { code: 200, range: '2:2' }));
    expect(joined.toString()).toBe(body.toString().repeat(2));
    expect((await download(chunks({ code: 200, range: '1:1' }))).equals(body)).toBe(true);
  });

  test.each([{}, gzip])('of an empty report counts chunks 1:0 with the headers %j and has no body', async (headers) => {
    const report = chunks({ code: 200, range: '1:0', content: Buffer.alloc(0), headers });
    expect(await download(report)).toHaveLength(0);
  });

  const long = Buffer.from(Array.from({ length: 4_000 }, (_, row) => `${row},\r\n`).join(''));
  const wrongSum = Buffer.concat([gzipSync(long).subarray(0, -8), Buffer.alloc(4, 0x5a), gzipSync(long).subarray(-4)]);
  const damaged: { name: string; answer: Answer; says: string; kept: Buffer | string }[] = [
    {
      name: 'calls plain bytes gzip',
      answer: chunks({ code: 200, headers: gzip }),
      says: 'not the gzip',
      kept: body,
    },
    {
      name: 'is gzip cut off',
      answer: chunks({ code: 200, headers: gzip, content: gzipSync(long).subarray(0, -6) }),
      says: 'not the gzip',
      kept: gzipSync(long).subarray(0, -6),
    },
    {
      name: 'is gzip with a wrong check sum',
      answer: chunks({ code: 200, headers: gzip, content: wrongSum }),
      says: 'not the gzip',
      kept: wrongSum,
    },
    {
      name: 'has plain bytes after its gzip',
      answer: chunks({ code: 200, headers: gzip, content: Buffer.concat([gzipSync(body), body]) }),
      says: 'not the gzip',
      kept: Buffer.concat([gzipSync(body), body]),
    },
    {
      name: 'has another encoding',
      answer: chunks({ code: 200, headers: { 'content-encoding': 'br' } }),
      says: 'encoding',
      kept: body,
    },
    { name: 'has no right chunk range', answer: chunks({ code: 200, range: 'all' }), says: 'n:total', kept: body },
    {
      name: 'begins with its second chunk',
      answer: chunks({ code: 206, range: '2:3' }, { code: 200 }),
      says: 'itself another',
      kept: `${body.toString()}${body.toString()}`,
    },
    {
      name: 'ends before its last chunk',
      answer: chunks({ code: 200, range: '1:2' }),
      says: 'chunk 1 of 2 came with status 200',
      kept: body,
    },
    {
      name: 'goes on after its last chunk',
      answer: chunks({ code: 206, range: '1:1' }, { code: 404 }),
      says: 'chunk 1 of 1 came with status 206',
      kept: body,
    },
    {
      name: 'changes how many chunks it has',
      answer: chunks({ code: 206, range: '1:3' }, { code: 206, range: '2:4' }, { code: 200, range: '3:3' }),
      says: 'changes',
      kept: body.toString().repeat(3),
    },
    {
      name: 'lacks a chunk',
      answer: chunks({ code: 206, range: '1:2' }, { code: 404 }),
      says: 'announced a chunk 2',
      kept: body,
    },
  ];

  test.each(damaged)('of a body that $name is MeshBodyDamaged', async ({ answer, says }) => {
    const { mailbox } = await meshAt(answer);
    const failure = await mailbox.download('m', whole).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure).toMatchObject({ name: 'MeshBodyDamaged', message: expect.stringContaining(says) });
    expect((failure as Error).message).toContain('message m');
    expect((failure as Error).message).not.toMatch(/\d{10}/);
    // The mailbox goes on.
    await expect(mailbox.download('m', () => Promise.resolve('taken'))).resolves.toBe('taken');
  });

  test.each(damaged)('as received keeps a body that $name', async ({ answer, kept }) => {
    expect((await evidence(answer)).toString('latin1')).toBe(Buffer.from(kept).toString('latin1'));
  });

  it('of a body that is longer than any may be is MeshBodyDamaged, however small it travels', async () => {
    const bomb = chunks({ code: 200, headers: gzip, content: gzipSync(Buffer.alloc(50_000_000)) });
    await expect(download(bomb, { largestBodyBytes: 1_000_000 })).rejects.toMatchObject({
      name: 'MeshBodyDamaged',
      message: expect.stringContaining('longer than 1000000 bytes'),
    });
    expect(await download(bomb, { largestBodyBytes: 50_000_000 })).toHaveLength(50_000_000);
  });

  it('of a body without an end stops, damaged or not', async () => {
    const endless: Answer = (response) => response.writeHead(206).end(Buffer.alloc(500));
    await expect(download(endless, { largestBodyBytes: 5_000 })).rejects.toMatchObject({ name: 'MeshBodyDamaged' });
    const { mailbox } = await meshAt(endless, { largestBodyBytes: 5_000 });
    expect(await mailbox.download('m', whole, { asReceived: true })).toHaveLength(5_000);
  });

  it('of a message of several chunks ends with no chunk that does not say which it is', async () => {
    const unsaid = chunks({ code: 206, range: '1:3' }, { code: 200, content: Buffer.from('<html>') });
    await expect(download(unsaid)).rejects.toMatchObject({
      name: 'MeshBodyDamaged',
      message: expect.stringContaining('chunk 2 of 3 does not say which it is'),
    });
  });

  test.each<{ what: string; answer: Answer }>([
    {
      what: 'a page of a gateway',
      answer: (r) => {
        r.removeHeader('mex-messageid');
        r.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      },
    },
    { what: 'another message', answer: status(200, { 'mex-messageid': 'OTHER' }, 'x') },
    { what: 'a status of no download', answer: status(204) },
    {
      what: 'a body that only the end of the connection ends',
      answer: (r) => {
        r.shouldKeepAlive = false;
        r.useChunkedEncodingByDefault = false;
        r.writeHead(200).end('half of it');
      },
    },
  ])('that brings $what is MeshUnavailable, after three attempts', async ({ answer }) => {
    const { mailbox, asked } = await meshAt(answer);
    await expect(mailbox.download('m', whole)).rejects.toMatchObject({ name: 'MeshUnavailable' });
    await expect(mailbox.download('m', whole, { asReceived: true })).rejects.toMatchObject({ name: 'MeshUnavailable' });
    expect(asked).toEqual(Array(6).fill('GET /inbox/m'));
  });

  it('of a page and then of the message brings the message', async () => {
    const page: Answer = (r) => {
      r.removeHeader('mex-messageid');
      r.writeHead(200).end('<html>');
    };
    expect((await download(inTurn(page, status(200, {}, 'x')))).toString()).toBe('x');
  });

  it('whose second chunk fails fails as a whole, after three attempts', async () => {
    const { mailbox, asked } = await meshAt((response, { url = '' }) => {
      if (url.endsWith('/2')) response.writeHead(503).end();
      else response.writeHead(206).end(body);
    });
    await expect(mailbox.download('m', whole)).rejects.toMatchObject({ name: 'MeshUnavailable' });
    expect(asked).toEqual(['GET /inbox/m', 'GET /inbox/m/2', 'GET /inbox/m/2', 'GET /inbox/m/2']);
  });

  it('whose message is acknowledged by somebody else meanwhile is MeshMessageGone', async () => {
    await expect(download(chunks({ code: 206 }, { code: 410 }))).rejects.toMatchObject({ name: 'MeshMessageGone' });
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
  /** A server that speaks as it likes once it was asked. */
  async function rawAt(answer: (socket: Socket) => void): Promise<string> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        answer(socket);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push({
      close: () =>
        new Promise((resolve) => {
          server.close();
          resolve();
        }),
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('as another protocol fails the call, and the calls behind it go on', async () => {
    const url = await rawAt((socket) =>
      socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
    );
    const mailbox = mailboxAt(url, { timeoutMilliseconds: 200 });
    const failures = await Promise.all([mailbox.track('m'), mailbox.handshake()].map((call) => call.catch(nameOf)));
    for (const failure of failures) expect(['MeshConnectionLost', 'MeshTimedOut']).toContain(failure);
  });

  it('a byte now and then is given up after ten times the patience', async () => {
    const url = await rawAt((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
      const drip = setInterval(() => socket.write('x'), 30);
      socket.once('close', () => {
        clearInterval(drip);
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
