import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { request } from 'node:http';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type MeshStandIn, startMesh } from '../../../local/mesh/mesh.ts';
import {
  alice,
  authorization,
  bob,
  carol,
  errorOf,
  type Headers,
  mailboxes,
  rawMailbox,
  sharedKey,
  text,
  toBob,
} from './raw-mailbox.ts';

let mesh: MeshStandIn;
const client = (owner = alice) => rawMailbox(mesh.url, owner);

beforeEach(async () => {
  mesh = await startMesh({ mailboxes, sharedKey, maxBodyBytes: 1000 });
});
afterEach(() => mesh.close());

describe('send, download, acknowledge', () => {
  it('brings the bytes and the headers to the recipient', async () => {
    const headers = {
      ...toBob,
      'mex-localid': 'LOCAL-1',
      'mex-subject': 'SUBJECT-1',
      'mex-filename': 'a.dat',
      'mex-content-checksum': 'b10a8db1',
      'mex-chunk-range': '1:1',
      'content-type': 'text/csv',
    };
    const id = await client().sent(headers, text);
    expect(id).toMatch(/^\d{20}_[0-9A-F]{6}$/);
    expect((await client(bob).list()).messages).toEqual([id]);
    const message = await client(bob).download(id);
    expect(message.status).toBe(200);
    expect(message.body).toEqual(text);
    expect(Object.fromEntries(message.headers)).toMatchObject({
      'content-type': 'text/csv',
      'mex-from': 'RZZ99OT001',
      'mex-to': 'X26OT154',
      'mex-workflowid': 'WORKFLOW',
      'mex-chunk-range': '1:1',
      'mex-total-chunks': '1',
      'mex-addresstype': 'ALL',
      'mex-localid': 'LOCAL-1',
      'mex-subject': 'SUBJECT-1',
      'mex-filename': 'a.dat',
      'mex-version': '1.0',
      'mex-messagetype': 'DATA',
      'mex-messageid': id,
      'mex-statuscode': '00',
      'mex-statusevent': 'TRANSFER',
      'mex-statussuccess': 'SUCCESS',
      'mex-statustimestamp': expect.stringMatching(/^\d{14}$/) as unknown,
      'mex-content-checksum': 'b10a8db1',
    });
  });

  it('names a file after the message where the sender gave no name', async () => {
    const id = await client().sent(toBob, text);
    expect((await client(bob).download(id)).headers.get('mex-filename')).toBe(`${id}.dat`);
  });

  it('compresses for those who accept it and for nobody else, whatever the sender did', async () => {
    const plain = await client().sent(toBob, text);
    const zipped = await client().sent({ ...toBob, 'content-encoding': 'gzip' }, gzipSync(text));
    for (const id of [plain, zipped]) {
      const accepted = await client(bob).call('GET', `/inbox/${id}`, { 'accept-encoding': 'gzip' });
      expect(accepted.headers.get('content-encoding')).toBe('gzip');
      expect(Buffer.from(await accepted.arrayBuffer())).toEqual(text);
      const refused = await client(bob).call('GET', `/inbox/${id}`, { 'accept-encoding': 'identity' });
      expect(refused.headers.get('content-encoding')).toBeNull();
      expect(Buffer.from(await refused.arrayBuffer())).toEqual(text);
    }
  });

  it('ends a message with its acknowledgement: off the list, 410 on download, 200 on a second one', async () => {
    const id = await client().sent(toBob, text);
    const first = await client(bob).acknowledge(id);
    expect([first.status, await first.text()]).toEqual([200, '']);
    expect((await client(bob).list()).messages).toEqual([]);
    const gone = await client(bob).call('GET', `/inbox/${id}`);
    expect(gone.status).toBe(410);
    expect(await gone.json()).toEqual({
      message_id: id,
      detail: [{ event: 'SEND', code: 'Message already accepted', msg: 'Message no longer available for download' }],
    });
    expect((await client(bob).acknowledge(id)).status).toBe(200);
  });

  it('tells 404 for no message from 403 for the message of another', async () => {
    const id = await client().sent(toBob, text);
    for (const [method, suffix] of [
      ['GET', ''],
      ['PUT', '/status/acknowledged'],
    ] as const) {
      const unknown = await client(bob).call(method, `/inbox/20260105143801123456_A1B2C3${suffix}`);
      expect(unknown.status).toBe(404);
      expect(await errorOf(unknown)).toMatchObject({ event: 'RECEIVE', code: '20' });
      expect((await client(carol).call(method, `/inbox/${id}${suffix}`)).status).toBe(403);
    }
    expect((await client(bob).call('GET', `/inbox/${id}/2`)).status).toBe(404);
  });

  it('shows the headers to recipient and sender, and 404 to anyone else', async () => {
    const id = await client().sent({ ...toBob, 'mex-localid': 'LOCAL-1' }, text);
    for (const owner of [alice, bob]) {
      const response = await client(owner).call('HEAD', `/inbox/${id}`);
      expect([response.status, response.headers.get('mex-localid')]).toEqual([200, 'LOCAL-1']);
      expect(await response.text()).toBe('');
    }
    expect((await client(carol).call('HEAD', `/inbox/${id}`)).status).toBe(404);
  });

  describe.each(['application/vnd.mesh.v1+json', 'application/vnd.mesh.v2+json'])('in %s', (accept) => {
    test.each([
      { sent: 'plain', asked: 'gzip' },
      { sent: 'plain', asked: 'identity' },
      { sent: 'gzip', asked: 'gzip' },
      { sent: 'gzip', asked: 'identity' },
    ])('a HEAD has the headers of the GET: sent $sent, asked for as $asked', async ({ sent, asked }) => {
      const isGzip = sent === 'gzip';
      const coding: Headers = isGzip ? { 'content-encoding': 'gzip' } : {};
      const id = await client().sent({ ...toBob, ...coding }, isGzip ? gzipSync(text) : text);
      const headersOf = async (method: string) => {
        const response = await client(bob).call(method, `/inbox/${id}`, { accept, 'accept-encoding': asked });
        const ofMessage = [...response.headers].filter(([name]) =>
          /^(?:mex-|content-(?:type|encoding)|last-)/.test(name),
        );
        return Object.fromEntries(ofMessage);
      };
      const headers = await headersOf('HEAD');
      expect(headers).toEqual(await headersOf('GET'));
      const isCompressed = asked === 'gzip' && (isGzip || accept.includes('v2'));
      expect(headers['content-encoding']).toBe(isCompressed ? 'gzip' : undefined);
      expect(headers['mex-content-compressed']).toBe(isCompressed ? 'Y' : undefined);
    });
  });

  test.each([
    { what: 'no recipient', headers: { 'mex-to': undefined }, status: 400 },
    { what: 'no workflow', headers: { 'mex-workflowid': undefined }, status: 400 },
    { what: 'another sender', headers: { 'mex-from': 'X26OT154' }, status: 400, code: '07' },
    { what: 'an unknown recipient', headers: { 'mex-to': 'NOBODY01' }, status: 417, code: '12' },
    { what: 'an address on the web', headers: { 'mex-to': 'https://x.example' }, status: 400, code: '06' },
    { what: 'a tab in the subject', headers: { 'mex-subject': 'a\tb' }, status: 400, code: '06' },
    { what: 'a long local id', headers: { 'mex-localid': 'x'.repeat(301) }, status: 400 },
    { what: 'an odd checksum', headers: { 'mex-content-checksum': 'a=b' }, status: 400, code: 'Invalid checksum' },
    { what: 'brotli', headers: { 'content-encoding': 'br' }, status: 422, code: 'UnsupportedContentEncoding' },
    { what: 'gzip that is none', headers: { 'content-encoding': 'gzip' }, status: 400, code: 'Invalid file format' },
    { what: 'a later chunk first', headers: { 'mex-chunk-range': '2:2' }, status: 417, code: 'InvalidHeaderChunks' },
    { what: 'a range of words', headers: { 'mex-chunk-range': 'a:b' }, status: 417, code: 'InvalidHeaderChunks' },
    { what: 'a range of none', headers: { 'mex-chunk-range': '1:0' }, status: 417, code: 'InvalidHeaderChunks' },
  ])('answers $status to a message with $what and stores nothing', async ({ headers, status, code }) => {
    const response = await client().send({ ...toBob, ...headers }, text);
    expect(response.status).toBe(status);
    expect((await errorOf(response))?.code).toBe(code);
    expect(mesh.messages()).toEqual([]);
  });

  it('answers 417, code 02, to an empty body', async () => {
    const response = await client().send(toBob, Buffer.alloc(0));
    expect(response.status).toBe(417);
    expect(await errorOf(response)).toMatchObject({ event: 'COLLECT', code: '02' });
  });

  it('answers 413 to a body over the limit and takes one at the limit', async () => {
    expect((await client().send(toBob, Buffer.alloc(1001, 'x'))).status).toBe(413);
    expect((await client().send(toBob, Buffer.alloc(1000, 'x'))).status).toBe(202);
  });
});

describe('chunks', () => {
  const chunk = (id: string, number: number, total: number, body: Uint8Array, headers: Headers = {}) =>
    client().call('POST', `/outbox/${id}/${number}`, { 'mex-chunk-range': `${number}:${total}`, ...headers }, body);

  it('travel one by one, each compressed by itself, and the last one completes the message', async () => {
    const gzip = { 'content-encoding': 'gzip' };
    const pieces = [text.subarray(0, 5), text.subarray(5, 6), text.subarray(6)];
    const [first, second, third] = pieces.map((piece) => gzipSync(piece));
    const id = await client().sent({ ...toBob, ...gzip, 'mex-chunk-range': '1:3', 'content-type': 'text/csv' }, first!);
    expect((await chunk(id, 2, 3, second!, gzip)).status).toBe(202);
    expect((await client(bob).list()).messages).toEqual([]);
    expect((await client(bob).call('HEAD', `/inbox/${id}`)).status).toBe(410);
    expect((await client(bob).call('GET', `/inbox/${id}`)).status).toBe(410);
    expect((await chunk(id, 3, 3, third!, gzip)).status).toBe(202);

    const seen: [number, string | null, string][] = [];
    for (const path of ['', '/2', '/3']) {
      const response = await client(bob).call('GET', `/inbox/${id}${path}`);
      seen.push([response.status, response.headers.get('mex-chunk-range'), await response.text()]);
      expect(response.headers.get('content-type')).toBe('application/octet-stream');
      expect(response.headers.get('mex-content-type')).toBe('text/csv');
    }
    const bodies = pieces.map(String);
    expect(seen).toEqual([
      [206, '1:3', bodies[0]],
      [206, '2:3', bodies[1]],
      [200, '3:3', bodies[2]],
    ]);
    expect(mesh.messages()[0]?.body).toEqual(text);
  });

  it('may have blanks in their range', async () => {
    const id = await client().sent({ ...toBob, 'mex-chunk-range': '1: 2' }, text);
    expect((await chunk(id, 2, 2, text, { 'mex-chunk-range': '2 : 2' })).status).toBe(202);
    expect(mesh.messages()[0]?.body).toHaveLength(2 * text.length);
  });

  it('may be sent again while the upload goes on', async () => {
    const id = await client().sent({ ...toBob, 'mex-chunk-range': '1:3' }, text);
    for (const number of [2, 2, 3]) expect((await chunk(id, number, 3, text)).status).toBe(202);
    expect(mesh.messages()[0]?.body).toHaveLength(3 * text.length);
  });

  test.each([
    { what: 'no range', number: 2, total: 3, headers: { 'mex-chunk-range': undefined }, status: 417 },
    { what: 'a range of another chunk', number: 2, total: 3, headers: { 'mex-chunk-range': '3:3' }, status: 417 },
    { what: 'another total', number: 2, total: 4, headers: {}, status: 417 },
    { what: 'the number one', number: 1, total: 3, headers: {}, status: 417 },
    { what: 'a hole before it', number: 3, total: 3, headers: {}, status: 417 },
    { what: 'a number over the total', number: 4, total: 4, headers: {}, status: 406 },
    { what: 'another encoding', number: 2, total: 3, headers: { 'content-encoding': 'gzip' }, status: 417 },
  ])('with $what are answered $status', async ({ number, total, headers, status }) => {
    const id = await client().sent({ ...toBob, 'mex-chunk-range': '1:3' }, text);
    expect((await chunk(id, number, total, gzipSync(text), headers)).status).toBe(status);
  });

  it('are refused for unknown, foreign and complete messages', async () => {
    expect((await chunk('20260105143801123456_A1B2C3', 2, 2, text)).status).toBe(404);
    const id = await client().sent({ ...toBob, 'mex-chunk-range': '1:2' }, text);
    const range = { 'mex-chunk-range': '2:2' };
    expect((await client(bob).call('POST', `/outbox/${id}/2`, range, text)).status).toBe(403);
    expect((await chunk(id, 2, 2, text)).status).toBe(202);
    expect((await chunk(id, 2, 2, text)).status).toBe(423);
  });
});

describe('tracking', () => {
  const track = async (id: string, owner = alice) => client(owner).call('GET', `/outbox/tracking?messageID=${id}`);

  it('follows a message to its acknowledgement, for the sender only', async () => {
    const id = await client().sent({ ...toBob, 'mex-localid': 'LOCAL-1' }, text);
    expect(await (await track(id)).json()).toMatchObject({
      message_id: id,
      local_id: 'LOCAL-1',
      workflow_id: 'WORKFLOW',
      filename: `${id}.dat`,
      recipient: 'X26OT154',
      status: 'accepted',
      status_success: true,
    });
    await client(bob).acknowledge(id);
    expect(await (await track(id)).json()).toMatchObject({ status: 'acknowledged', status_success: true });
    expect((await track(id, bob)).status).toBe(404);
    expect((await client().call('GET', '/outbox/tracking')).status).toBe(400);
  });

  it('finds a message by local id, unless there are several or none', async () => {
    const byLocalId = (localId: string) => client().call('GET', `/outbox/tracking/${localId}`);
    const id = await client().sent({ ...toBob, 'mex-localid': 'LOCAL-1' }, text);
    expect(await (await byLocalId('LOCAL-1')).json()).toMatchObject({ messageId: id, status: 'Accepted' });
    await client().sent({ ...toBob, 'mex-localid': 'LOCAL-1' }, text);
    expect((await byLocalId('LOCAL-1')).status).toBe(300);
    expect((await byLocalId('LOCAL-2')).status).toBe(404);
  });
});

it('reports a message that was not delivered to its sender and takes it from the recipient', async () => {
  const about = { 'mex-localid': 'LOCAL-1', 'mex-subject': 'SUBJECT-1', 'mex-filename': 'a.dat' };
  const id = await client().sent({ ...toBob, ...about }, text);
  const reportId = mesh.reportNonDelivery(id, { code: '14', description: 'Not collected' });

  expect((await client().list()).messages).toEqual([reportId]);
  const report = await client().download(reportId);
  expect(report.status).toBe(200);
  expect(report.body).toHaveLength(0);
  expect(report.headers.get('mex-from')).toBeNull();
  expect(Object.fromEntries(report.headers)).toMatchObject({
    ...about,
    'mex-to': 'RZZ99OT001',
    'mex-messagetype': 'REPORT',
    'mex-workflowid': 'WORKFLOW',
    'mex-statussuccess': 'ERROR',
    'mex-statuscode': '14',
    'mex-statusevent': 'SEND',
    'mex-statusdescription': 'Not collected',
    'mex-linkedmsgid': id,
    'mex-chunk-range': '1:0',
    'mex-total-chunks': '0',
  });
  expect((await client(bob).list()).messages).toEqual([]);
  expect((await client(bob).call('GET', `/inbox/${id}`)).status).toBe(410);
  expect(await (await client().call('GET', `/outbox/tracking?messageID=${id}`)).json()).toMatchObject({
    status: 'undeliverable',
    status_success: false,
    status_code: '14',
  });
});

it('sends the gzip bytes of a chunk as they came', async () => {
  const zipped = gzipSync(text);
  const id = await client().sent({ ...toBob, 'content-encoding': 'gzip' }, zipped);
  const raw = await new Promise<Buffer>((resolve, reject) => {
    const headers = {
      accept: 'application/vnd.mesh.v2+json',
      'accept-encoding': 'gzip',
      authorization: authorization(bob),
    };
    request(`${mesh.url}/messageexchange/X26OT154/inbox/${id}`, { headers }, (response) => {
      const chunks: Buffer[] = [];
      response
        .on('data', (data: Buffer) => chunks.push(data))
        .once('end', () => {
          resolve(Buffer.concat(chunks));
        });
    })
      .once('error', reject)
      .end();
  });
  expect(raw).toEqual(zipped);
  expect(gunzipSync(raw)).toEqual(text);
});
