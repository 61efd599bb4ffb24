import { describe, expect, it, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { PermanentError } from '../../../shared/errors.ts';
import { type MailboxOptions } from '../../../shared/mesh/mailbox.ts';
import type { DownloadedMessage } from '../../../shared/mesh/message.ts';
import { body, inTurn, meshAt, status, whole, type Answer } from './misbehaving-mesh.ts';

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
