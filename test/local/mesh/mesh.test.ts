import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type MeshStandIn, startMesh } from '../../../local/mesh/mesh.ts';
import type { MeshMessage } from '../../../local/mesh/message.ts';
import type { MeshRequest } from '../../../local/mesh/request-log.ts';
import { alice, authorization, bob, carol, mailboxes, rawMailbox, sharedKey, text, toBob } from './raw-mailbox.ts';

let mesh: MeshStandIn;
let requests: MeshRequest[];
const client = (owner = alice) => rawMailbox(mesh.url, owner);

beforeEach(async () => {
  requests = [];
  mesh = await startMesh({ mailboxes, sharedKey, onRequest: (entry) => requests.push(entry) });
});
afterEach(() => mesh.close());

describe('handshake', () => {
  const about = { 'mex-clientversion': 'test==1', 'mex-osname': 'Linux', 'mex-osversion': '6' };

  it('answers 200 with an empty body to POST and to GET', async () => {
    const post = await client().call('POST', '', about);
    expect([post.status, await post.text()]).toEqual([200, '']);
    const get = await client().call('GET', '');
    expect([get.status, await get.text()]).toEqual([200, '']);
  });

  test.each(Object.keys(about))('answers 400 to a POST without %s', async (name) => {
    const response = await client().call('POST', '', { ...about, [name]: undefined });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      detail: [{ type: 'missing', loc: ['header', name], msg: 'Field required' }],
    });
  });
});

describe('the Accept header', () => {
  test.each([
    { accept: 'application/vnd.mesh.v2+json', status: 200 },
    { accept: 'application/vnd.mesh.v2+json, */*', status: 400 },
    { accept: 'application/vnd.mesh.v3+json', status: 400 },
    { accept: 'application/vnd.mesh.v2+json; charset=utf-8', status: 200 },
    { accept: 'application/vnd.mesh.v1+json', status: 200 },
    { accept: '*/*', status: 200 },
  ])('$accept is answered $status', async ({ accept, status }) => {
    expect((await client().call('GET', '/inbox', { accept })).status).toBe(status);
  });
});

describe('what needs no authorization', () => {
  it('answers a ping', async () => {
    expect((await fetch(`${mesh.url}/messageexchange/_ping`)).status).toBe(200);
  });

  const accept = { accept: 'application/vnd.mesh.v2+json' };

  test.each([
    { path: 'endpointlookup/X26/SPINE_NTT_UPHOLDING', found: ['X26OT154'] },
    { path: 'endpointlookup/A00/SPINE_NTT_UPHOLDING', found: [] },
    { path: 'workflowsearch/SPINE_NTT_UPHOLDING', found: ['RZZ99OT001', 'X26OT154', 'RZZ99OT003'] },
  ])('looks up $path', async ({ path, found }) => {
    const response = await fetch(`${mesh.url}/messageexchange/${path}`, { headers: accept });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ results: found.map((id) => ({ mailbox_id: id, mailbox_name: id })) });
  });

  it('looks up by what a mailbox says of itself: its ODS code, its name, its workflows', async () => {
    const about = { mailboxName: 'OUR MAILBOX', odsCode: 'A00', workflows: ['ONE', 'TWO'] };
    const named = await startMesh({ mailboxes: [{ ...alice, ...about }, bob], sharedKey });
    const found = async (path: string) => {
      const response = await fetch(`${named.url}/messageexchange/${path}`, { headers: accept });
      return ((await response.json()) as { results: unknown[] }).results;
    };
    const ours = { mailbox_id: 'RZZ99OT001', mailbox_name: 'OUR MAILBOX' };
    expect(await found('endpointlookup/a00/TWO')).toEqual([ours]);
    expect(await found('endpointlookup/A00/THREE')).toEqual([]);
    expect(await found('endpointlookup/RZZ99/ONE')).toEqual([]);
    expect(await found('workflowsearch/ONE')).toEqual([ours, { mailbox_id: 'X26OT154', mailbox_name: 'X26OT154' }]);
    await named.close();
  });
});

test.each([
  ['GET', '/messageexchange/RZZ99OT001/inbox/rich'],
  ['POST', '/messageexchange/RZZ99OT001/update'],
  ['GET', '/messageexchange/RZZ99OT001/outbox/rich'],
  ['GET', '/messageexchange/RZZ99OT001/inbox/'],
  ['GET', '/messageexchange/admin/elsewhere'],
  ['GET', '/elsewhere'],
])('%s %s is answered 404, and the log says why', async (method, path) => {
  const response = await fetch(`${mesh.url}${path}`, { method });
  expect([response.status, await response.json()]).toEqual([404, { detail: 'Not Found' }]);
  expect(requests).toMatchObject([{ method, path, status: 404, remark: 'no path of the MESH API' }]);
});

test.each([
  ['PATCH', '/messageexchange/RZZ99OT001/inbox', 'GET'],
  ['DELETE', '/messageexchange/RZZ99OT001', 'POST, GET'],
  ['PUT', '/messageexchange/RZZ99OT001/inbox/A', 'HEAD, GET'],
  ['POST', '/messageexchange/_ping', 'GET'],
  ['GET', '/messageexchange/admin/faults', 'POST, DELETE'],
])('%s %s is answered 405, which names %s', async (method, path, allow) => {
  const response = await fetch(`${mesh.url}${path}`, { method });
  expect([response.status, await response.json()]).toEqual([405, { detail: 'Method Not Allowed' }]);
  expect(response.headers.get('allow')).toBe(allow);
  expect(requests).toMatchObject([{ method, path, status: 405, remark: `this path takes ${allow}` }]);
});

describe('one call at a time for one mailbox', () => {
  it('refuses calls made together but for one and records them', async () => {
    const calls = Array.from({ length: 4 }, () => client().call('GET', '/inbox'));
    const statuses = (await Promise.all(calls)).map((response) => response.status);
    const refused = statuses.filter((status) => status === 403).length;
    expect(refused).toBeGreaterThan(0);
    expect(statuses.filter((status) => status === 200)).toHaveLength(4 - refused);
    expect(mesh.violations).toHaveLength(refused);
    expect(mesh.violations[0]).toMatchObject({
      mailboxId: 'RZZ99OT001',
      rule: 'one call at a time for one mailbox',
      call: 'GET /messageexchange/RZZ99OT001/inbox',
      during: 'GET /messageexchange/RZZ99OT001/inbox',
    });
  });

  it('counts an upload that has only begun', async () => {
    const upload = request(`${mesh.url}/messageexchange/RZZ99OT001/outbox`, {
      method: 'POST',
      headers: { accept: 'application/vnd.mesh.v2+json', authorization: authorization(alice), ...toBob },
    });
    const answered = new Promise<number | undefined>((resolve) => {
      upload.once('response', (response) => {
        response.resume().once('end', () => {
          resolve(response.statusCode);
        });
      });
    });
    upload.write('one\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await client().call('GET', '/inbox')).status).toBe(403);
    upload.end('two\n');
    expect(await answered).toBe(202);
    expect((await client().call('GET', '/inbox')).status).toBe(200);
  });

  it('lets different mailboxes call together and one mailbox call again at once', async () => {
    const three = await Promise.all([alice, bob, carol].map((owner) => client(owner).call('GET', '/inbox')));
    expect(three.map((response) => response.status)).toEqual([200, 200, 200]);
    for (let count = 0; count < 50; count += 1) await client().list();
    expect(mesh.violations).toEqual([]);
  });
});

it('tells of each answered request, without body or Authorization', async () => {
  await client().send(toBob, text);
  await client(bob).call('GET', '/inbox?max_results=10');
  await fetch(`${mesh.url}/elsewhere`);
  expect(requests.map(({ method, path, status }) => [method, path, status])).toEqual([
    ['POST', '/messageexchange/RZZ99OT001/outbox', 202],
    ['GET', '/messageexchange/X26OT154/inbox?max_results=10', 200],
    ['GET', '/elsewhere', 404],
  ]);
  const [sent] = requests;
  expect(sent?.requestHeaders).toMatchObject(toBob);
  expect(sent?.responseHeaders['content-type']).toBe('application/json');
  expect(sent?.requestBytes).toBe(text.length);
  expect(sent?.responseBytes).toBe(Number(sent?.responseHeaders['content-length']));
  expect(Date.parse(sent?.at ?? '')).toBeGreaterThan(Date.now() - 10_000);
  expect(JSON.stringify(requests).toLowerCase()).not.toContain('authorization');
});

it('tells listeners of what was sent, decoded and whole, and not of what was delivered', async () => {
  const seen: MeshMessage[] = [];
  const stop = mesh.onAccepted((message) => seen.push(message));
  const about = { 'mex-localid': 'LOCAL-1', 'mex-subject': 'SUBJECT-1', 'mex-filename': 'a.dat' };
  const id = await client().sent({ ...toBob, ...about, 'content-encoding': 'gzip' }, gzipSync(text));
  mesh.deliver({ from: 'X26OT154', to: 'RZZ99OT001', workflowId: 'WORKFLOW', body: text });
  stop();
  await client().send(toBob, text);
  expect(seen).toEqual([
    {
      messageId: id,
      messageType: 'DATA',
      status: 'accepted',
      from: 'RZZ99OT001',
      to: 'X26OT154',
      workflowId: 'WORKFLOW',
      localId: 'LOCAL-1',
      subject: 'SUBJECT-1',
      fileName: 'a.dat',
      contentEncoding: 'gzip',
      body: text,
    },
  ]);
});

it('delivers what MESH itself could not carry: an empty body, and headers of any kind', async () => {
  const headers = { 'Mex-Content-Compressed': 'N' };
  const id = mesh.deliver({ from: 'X', to: 'RZZ99OT001', workflowId: 'W', body: Buffer.alloc(0), headers });
  const response = await client().call('GET', `/inbox/${id}`, { 'accept-encoding': 'identity' });
  expect(response.headers.get('mex-content-compressed')).toBe('N');
  expect(await response.text()).toBe('');
  expect(() => mesh.deliver({ from: 'X', to: 'NOBODY01', workflowId: 'W', body: text })).toThrow('no mailbox NOBODY01');
});

it('keeps messages, their order and their status over a restart where it has a directory', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'mesh-'));
  const first = await startMesh({ mailboxes, sharedKey, directory });
  const before = rawMailbox(first.url, alice);
  const gzip = { 'content-encoding': 'gzip' };
  const chunked = await before.sent({ ...toBob, ...gzip, 'mex-chunk-range': '1:2' }, gzipSync(text));
  const plain = await before.sent(toBob, text);
  const read = await before.sent(toBob, text);
  const range = { 'mex-chunk-range': '2:2' };
  await before.call('POST', `/outbox/${chunked}/2`, { ...gzip, ...range }, gzipSync(text));
  await before.sent({ ...toBob, 'mex-chunk-range': '1:2' }, text);
  await rawMailbox(first.url, bob).acknowledge(read);
  const lost = await before.sent(toBob, text);
  const report = first.reportNonDelivery(lost, { code: '14', description: 'Not collected' });
  await first.close();

  const second = await startMesh({ mailboxes, sharedKey, directory });
  const after = rawMailbox(second.url, bob);
  expect((await after.list()).messages).toEqual([plain, chunked]);
  expect((await rawMailbox(second.url, alice).list()).messages).toEqual([report]);
  expect((await after.call('GET', `/inbox/${chunked}`)).status).toBe(206);
  expect((await after.call('GET', `/inbox/${read}`)).status).toBe(410);
  expect(second.messages().find(({ messageId }) => messageId === chunked)?.body).toEqual(Buffer.concat([text, text]));
  const later = await rawMailbox(second.url, alice).sent(toBob, text);
  expect((await after.list()).messages).toEqual([plain, chunked, later]);
  await second.close();
  rmSync(directory, { recursive: true });
});

it('leaves nothing of an upload that breaks off, at once or over a restart, and nothing else alone', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'mesh-'));
  const first = await startMesh({ mailboxes, sharedKey, directory });
  const upload = request(`${first.url}/messageexchange/RZZ99OT001/outbox`, {
    method: 'POST',
    headers: { accept: 'application/vnd.mesh.v2+json', authorization: authorization(alice), ...toBob },
  }).on('error', () => undefined);
  upload.write('one\n');
  const isWritten = () => readdirSync(directory).some((name) => name.endsWith('.part'));
  await until(isWritten);
  upload.destroy();
  await until(() => !isWritten());
  expect(readdirSync(directory)).toEqual([]);

  const before = rawMailbox(first.url, alice);
  const unfinished = await before.sent({ ...toBob, 'mex-chunk-range': '1:2' }, text);
  const whole = await before.sent(toBob, text);
  expect((await before.send({ ...toBob, 'content-encoding': 'gzip' }, text)).status).toBe(400);
  await first.close();
  writeFileSync(join(directory, 'notes.txt'), 'not ours');
  expect(readdirSync(directory)).toContain(`${unfinished}.1`);
  const second = await startMesh({ mailboxes, sharedKey, directory });
  expect(readdirSync(directory).sort()).toEqual([`${whole}.1`, `${whole}.json`, 'notes.txt']);
  await second.close();
  rmSync(directory, { recursive: true });
});

async function until(isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 10) {
    if (waited > 5_000) throw new Error('Waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it('removes its messages with it where it was given no directory', async () => {
  const named = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`mesh-standin-${process.pid}-`));
  const others = named().length;
  const passing = await startMesh({ mailboxes, sharedKey });
  await rawMailbox(passing.url, alice).sent(toBob, text);
  expect(named()).toHaveLength(others + 1);
  await passing.close();
  expect(named()).toHaveLength(others);
});

test.each([
  { given: [{ mailboxId: 'rzz99ot001', password: 'x' }], error: 'not in upper case' },
  { given: [alice, alice], error: 'given twice' },
])('refuses mailboxes that are $error', async ({ given, error }) => {
  await expect(startMesh({ mailboxes: given, sharedKey })).rejects.toThrow(error);
});
