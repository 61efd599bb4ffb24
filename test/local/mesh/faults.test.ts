import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { type MeshStandIn, startMesh } from '../../../local/mesh/mesh.ts';
import type { MeshRequest } from '../../../local/mesh/request-log.ts';
import { alice, authorization, bob, errorOf, mailboxes, rawMailbox, sharedKey, text, toBob } from './raw-mailbox.ts';

let mesh: MeshStandIn;
let requests: MeshRequest[];
const client = (owner = alice) => rawMailbox(mesh.url, owner);
const deliver = () => mesh.deliver({ from: 'X26OT154', to: 'RZZ99OT001', workflowId: 'WORKFLOW', body: text });

beforeEach(async () => {
  requests = [];
  mesh = await startMesh({ mailboxes, sharedKey, onRequest: (entry) => requests.push(entry) });
});
afterEach(() => mesh.close());

/** A download with nothing decoded, and whether it came whole. */
function rawDownload(id: string): Promise<{ isWhole: boolean; body: Buffer; encoding: string | undefined }> {
  return new Promise((resolve, reject) => {
    const headers = {
      accept: 'application/vnd.mesh.v2+json',
      'accept-encoding': 'gzip',
      authorization: authorization(alice),
    };
    request(`${mesh.url}/messageexchange/RZZ99OT001/inbox/${id}`, { headers }, (response) => {
      const pieces: Buffer[] = [];
      response
        .on('data', (piece: Buffer) => pieces.push(piece))
        .on('error', () => undefined)
        .once('close', () => {
          const encoding = response.headers['content-encoding'];
          resolve({ isWhole: response.complete, body: Buffer.concat(pieces), encoding });
        });
    })
      .once('error', reject)
      .end();
  });
}

describe('a status', () => {
  test.each([
    { body: 'json', type: 'application/json', holds: 'An internal error occurred' },
    { body: 'xml', type: 'text/xml', holds: '<SOAP-ENV:Fault>' },
    { body: 'none', type: null, holds: '' },
  ] as const)('comes with a body of $body, once', async ({ body, type, holds }) => {
    mesh.faults.add({ kind: 'status', status: 503, body, retryAfterSeconds: 7 });
    const response = await client().call('GET', '/inbox');
    expect(response.status).toBe(503);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('retry-after')).toBe('7');
    const answered = await response.text();
    if (holds === '') expect(answered).toBe('');
    else expect(answered).toContain(holds);
    expect((await client().call('GET', '/inbox')).status).toBe(200);
  });

  it('keeps to its operation, its mailbox and its place in the calls, and carries nothing out', async () => {
    mesh.faults.add({ kind: 'status', status: 429, operation: 'send', mailboxId: 'RZZ99OT001', after: 1, times: 2 });
    const toAlice = { ...toBob, 'mex-to': 'RZZ99OT001', 'mex-from': 'X26OT154' };
    expect((await client(bob).send(toAlice, text)).status).toBe(202);
    expect((await client().call('GET', '/inbox')).status).toBe(200);
    const statuses: number[] = [];
    for (let count = 0; count < 4; count += 1) statuses.push((await client().send(toBob, text)).status);
    expect(statuses).toEqual([202, 429, 429, 202]);
    expect(mesh.messages().filter(({ from }) => from === 'RZZ99OT001')).toHaveLength(2);
    expect(requests.map(({ fault }) => fault)).toEqual([
      undefined,
      undefined,
      undefined,
      'status',
      'status',
      undefined,
    ]);
  });

  it('can befall the look-up, and is forgotten when told', async () => {
    const lookUp = async () => (await fetch(`${mesh.url}/messageexchange/endpointlookup/X26/W`)).status;
    mesh.faults.add({ kind: 'status', status: 502, operation: 'lookUp', times: 5 });
    expect(await lookUp()).toBe(502);
    mesh.faults.clear();
    expect(await lookUp()).toBe(200);
  });
});

describe('a broken connection', () => {
  it('before the body leaves nothing behind', async () => {
    mesh.faults.add({ kind: 'reset-before', operation: 'send' });
    await expect(client().send(toBob, text)).rejects.toThrow('fetch failed');
    expect(mesh.messages()).toEqual([]);
    expect(requests).toMatchObject([{ status: 0, fault: 'reset-before' }]);
    expect((await client().send(toBob, text)).status).toBe(202);
  });

  it('after the body leaves the message, and its sender without an answer', async () => {
    mesh.faults.add({ kind: 'reset-after', operation: 'send' });
    await expect(client().send({ ...toBob, 'mex-localid': 'LOCAL-1' }, text)).rejects.toThrow('fetch failed');
    expect(mesh.messages()).toMatchObject([{ localId: 'LOCAL-1', status: 'accepted' }]);
    const found = await client().call('GET', '/outbox/tracking/LOCAL-1');
    expect(await found.json()).toMatchObject({ messageId: mesh.messages()[0]?.messageId });
  });
});

describe('a download', () => {
  it('is cut halfway, and comes whole the next time', async () => {
    const id = deliver();
    mesh.faults.add({ kind: 'cut-body' });
    const cut = await rawDownload(id);
    expect(cut.isWhole).toBe(false);
    const whole = await rawDownload(id);
    expect(whole.isWhole).toBe(true);
    expect(gunzipSync(whole.body)).toEqual(text);
    expect(cut.body.length).toBeLessThan(whole.body.length);
  });

  it('is slow, a pause before each kilobyte', async () => {
    const id = deliver();
    mesh.faults.add({ kind: 'slow-body', millisecondsPerPiece: 150 });
    const started = performance.now();
    expect((await rawDownload(id)).isWhole).toBe(true);
    expect(performance.now() - started).toBeGreaterThan(145);
  });

  it('says gzip and is none', async () => {
    const id = deliver();
    mesh.faults.add({ kind: 'corrupt-gzip' });
    expect((await client().call('GET', '/inbox')).status).toBe(200);
    const damaged = await rawDownload(id);
    expect([damaged.encoding, damaged.isWhole]).toEqual(['gzip', true]);
    expect(() => gunzipSync(damaged.body)).toThrow();
    expect(gunzipSync((await rawDownload(id)).body)).toEqual(text);
  });

  it('claims to be another chunk', async () => {
    const id = deliver();
    mesh.faults.add({ kind: 'wrong-chunk-range' });
    expect((await client().download(id)).headers.get('mex-chunk-range')).toBe('2:3');
    expect((await client().download(id)).headers.get('mex-chunk-range')).toBe('1:1');
  });
});

it('cuts even an answer that has no body', async () => {
  mesh.faults.add({ kind: 'cut-body', operation: 'acknowledge' });
  const id = deliver();
  await expect(
    client()
      .acknowledge(id)
      .then((response) => response.text()),
  ).rejects.toThrow();
  expect(mesh.messages()[0]?.status).toBe('acknowledged');
});

it('takes a token for one that was used before', async () => {
  mesh.faults.add({ kind: 'duplicate-token' });
  const response = await client().call('GET', '/inbox');
  expect(response.status).toBe(403);
  expect(await errorOf(response)).toMatchObject({ msg: 'Error Duplicated Authentication Token' });
  expect((await client().call('GET', '/inbox')).status).toBe(200);
});

test.each([
  { fault: { kind: 'status' }, why: 'no status' },
  { fault: { kind: 'earthquake' }, why: 'an unknown kind' },
  { fault: { kind: 'cut-body', operation: 'fetch' }, why: 'an unknown operation' },
  { fault: { kind: 'cut-body', times: 0 }, why: 'no times' },
  { fault: { kind: 'corrupt-gzip', operation: 'send' }, why: 'an operation that it is not about' },
])('a script with $why is refused', ({ fault }) => {
  expect(() => {
    mesh.faults.add(fault as never);
  }).toThrow();
});
