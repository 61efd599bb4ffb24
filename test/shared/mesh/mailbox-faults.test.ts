import { afterEach, describe, expect, it, test } from '@jest/globals';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { readBody, serve, type StandIn } from '../../../local/stand-in.ts';
import { Mailbox, type MailboxOptions } from '../../../shared/mesh/mailbox.ts';
import { requestControl } from '../../../shared/ndop/request.ts';
import { bytesOf, listed } from '../../support/bodies.ts';

const control = requestControl(
  'RZZ99OT001-050126-0001',
  { from: 'RZZ99OT001', to: 'X26OT154' },
  { runId: '20260105T143000Z-7f3a', part: 1, attempt: 1 },
);
const body = Buffer.from('9993395633,\r\n');
const accepted = JSON.stringify({ message_id: '20260105143001123456_A1B2C3' });

let servers: StandIn[] = [];
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
});

/** A mailbox at a MESH that misbehaves like this. */
async function mailboxAt(
  answer: (response: ServerResponse, request: IncomingMessage) => void,
  options: Partial<MailboxOptions> = {},
): Promise<Mailbox> {
  const server = await serve(async (request, response) => {
    await readBody(request);
    answer(response, request);
  });
  servers.push(server);
  return mailbox(server.url, options);
}
const mailbox = (baseUrl: string, options: Partial<MailboxOptions> = {}) =>
  new Mailbox({ baseUrl, mailboxId: 'RZZ99OT001', credentials: { password: 'p', sharedKey: 'k' }, ...options });
const json = (response: ServerResponse, value: unknown) => response.writeHead(200).end(JSON.stringify(value));

describe('a message whose fate nobody knows', () => {
  test.each<{ name: string; answer: (response: ServerResponse) => void }>([
    { name: 'the connection is reset once all was read', answer: (response) => response.socket?.resetAndDestroy() },
    { name: 'the connection ends without an answer', answer: (response) => response.socket?.end() },
    {
      name: 'the answer is cut off',
      answer: (r) => r.writeHead(202, { 'content-length': 99 }).write('{"mess', () => r.destroy()),
    },
    { name: 'MESH fails behind its gateway', answer: (response) => response.writeHead(502).end('<html>') },
    { name: 'MESH accepts it without an id', answer: (response) => response.writeHead(202).end('{}') },
    { name: 'MESH accepts it in no JSON', answer: (response) => response.writeHead(202).end('ok') },
  ])('is an outcome and no error: $name', async ({ answer }) => {
    const outcome = await (await mailboxAt(answer)).send(control, body);
    expect(outcome).toEqual({ outcome: 'unknown', reason: expect.stringMatching(/./) });
    expect(JSON.stringify(outcome)).not.toMatch(/\d{10}/);
  });

  it('is so where MESH says nothing for too long', async () => {
    const silent = await mailboxAt(() => undefined, { timeoutMilliseconds: 50 });
    expect(await silent.send(control, body)).toEqual({
      outcome: 'unknown',
      reason: 'Send: no answer from MESH (ETIMEDOUT)',
    });
  });
});

describe('a message that certainly was not sent', () => {
  it('is MeshUnavailable where nobody listens', async () => {
    const server = await serve(() => Promise.resolve());
    await server.close();
    await expect(mailbox(server.url).send(control, body)).rejects.toMatchObject({
      name: 'MeshUnavailable',
      message: 'Send: no answer from MESH (ECONNREFUSED)',
    });
  });

  it('is MeshUnavailable where the host has no address', async () => {
    await expect(mailbox('http://mesh.invalid').send(control, body)).rejects.toMatchObject({ name: 'MeshUnavailable' });
  });

  it('is MeshThrottled where MESH asks for patience', async () => {
    const throttled = await mailboxAt((response) => response.writeHead(429).end());
    await expect(throttled.send(control, body)).rejects.toMatchObject({ name: 'MeshThrottled' });
  });

  it('is refused where MESH refuses it', async () => {
    const refused = await mailboxAt((response) => response.writeHead(400).end());
    await expect(refused.send(control, body)).rejects.toMatchObject({ name: 'MeshRequestRefused' });
  });
});

it('never puts a message on a connection that MESH may be closing just then', async () => {
  // Answers the first request of each connection and resets it at the first byte of a second one.
  const server = createServer((socket) => {
    let isUsed = false;
    socket.on('error', () => undefined);
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const ours = mailbox(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await ours.handshake();
    expect(await ours.send(control, body)).toMatchObject({ outcome: 'accepted' });
  } finally {
    server.close();
  }
});

describe('calls that may be repeated', () => {
  test.each<{ name: string; call: (mailbox: Mailbox) => Promise<unknown> }>([
    { name: 'a handshake', call: (mailbox) => mailbox.handshake() },
    { name: 'a list', call: (mailbox) => listed(mailbox.listInbox()) },
    { name: 'a download', call: (mailbox) => mailbox.download('m') },
    { name: 'an acknowledgement', call: (mailbox) => mailbox.acknowledge('m') },
  ])('fail as MeshUnavailable: $name', async ({ call }) => {
    const reset = await mailboxAt((response) => response.socket?.resetAndDestroy());
    await expect(call(reset)).rejects.toMatchObject({ name: 'MeshUnavailable' });
    const failing = await mailboxAt((response) => response.writeHead(503).end());
    await expect(call(failing)).rejects.toMatchObject({ name: 'MeshUnavailable' });
  });
});

describe('a download', () => {
  const download = async (mailbox: Mailbox) => bytesOf((await mailbox.download('m')).body);

  it('that breaks off is MeshUnavailable and never a shorter body', async () => {
    const broken = await mailboxAt((r) => r.writeHead(200, { 'content-length': 500 }).write(body, () => r.destroy()));
    await expect(download(broken)).rejects.toMatchObject({ name: 'MeshUnavailable' });
  });

  it('that says gzip and is not is kept as it came, so that it does not keep the messages behind it waiting', async () => {
    const wrong = await mailboxAt((response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(body));
    expect((await download(wrong)).equals(body)).toBe(true);
  });

  it('of gzip that is cut off is kept as it came, and is never a shorter body', async () => {
    const half = gzipSync(body).subarray(0, -6);
    const cut = await mailboxAt((response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(half));
    expect((await download(cut)).equals(half)).toBe(true);
  });

  it('takes a body that is not compressed as it is', async () => {
    expect((await download(await mailboxAt((response) => response.writeHead(200).end(body)))).equals(body)).toBe(true);
  });

  it('whose second chunk fails fails as a whole', async () => {
    const halved = await mailboxAt((response, { url = '' }) => {
      if (url.endsWith('/2')) response.writeHead(503).end();
      else response.writeHead(206).end(body);
    });
    await expect(download(halved)).rejects.toMatchObject({ name: 'MeshUnavailable' });
  });
});

describe('a list', () => {
  test.each(['/messageexchange/X26OT154/inbox?continue_from=x', '/messageexchange/RZZ99OT0012/inbox', '/elsewhere'])(
    'whose next page is %s is not followed out of our mailbox',
    async (next) => {
      const asked: string[] = [];
      const astray = await mailboxAt((response, { url = '' }) => {
        asked.push(url);
        json(response, { messages: ['m'], links: { self: '', next } });
      });
      await expect(listed(astray.listInbox())).rejects.toMatchObject({ name: 'MeshRequestRefused' });
      expect(asked).toEqual(['/messageexchange/RZZ99OT001/inbox']);
    },
  );

  it('whose next page names a host asks our own', async () => {
    const next = 'https://elsewhere.example/messageexchange/RZZ99OT001/inbox?continue_from=x';
    const pages = await mailboxAt((response, { url = '' }) => {
      json(response, url.includes('continue_from') ? { messages: ['b'] } : { messages: ['a'], links: { next } });
    });
    expect(await listed(pages.listInbox())).toEqual(['a', 'b']);
  });

  test.each(['', 'no JSON', '{"messages":"none"}'])(
    'that is %j is MeshUnavailable: the next one may be well',
    async (text) => {
      const odd = await mailboxAt((response) => response.writeHead(200).end(text));
      await expect(listed(odd.listInbox())).rejects.toMatchObject({ name: 'MeshUnavailable' });
    },
  );
});
