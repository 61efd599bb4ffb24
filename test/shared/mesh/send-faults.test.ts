import { describe, expect, it, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { serve } from '../../../local/stand-in.ts';
import { PermanentError } from '../../../shared/errors.ts';
import { bodyOf } from '../../support/bodies.ts';
import {
  accepted,
  body,
  control,
  inTurn,
  mailboxAt,
  meshAt,
  messageId,
  rawServer,
  reset,
  send,
  status,
  type Answer,
} from './misbehaving-mesh.ts';

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
