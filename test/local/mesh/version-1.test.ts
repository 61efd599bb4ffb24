import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { type MeshStandIn, startMesh } from '../../../local/mesh/mesh.ts';
import { alice, bob, type Headers, mailboxes, rawMailbox, sharedKey, text, toBob } from './raw-mailbox.ts';

let mesh: MeshStandIn;

beforeEach(async () => {
  mesh = await startMesh({ mailboxes, sharedKey });
});
afterEach(() => mesh.close());

/** As a client of version 1 calls: it names no version, and takes what comes as it comes. */
async function call(
  method: string,
  path: string,
  { owner = alice, headers = {}, body }: { owner?: typeof alice; headers?: Headers; body?: Uint8Array } = {},
): Promise<{ status: number; headers: globalThis.Headers; body: Buffer; json: () => unknown }> {
  const plain = { accept: '*/*', 'accept-encoding': 'identity', ...headers };
  const response = await rawMailbox(mesh.url, owner).call(method, path, plain, body);
  const bytes = Buffer.from(await response.arrayBuffer());
  return {
    status: response.status,
    headers: response.headers,
    body: bytes,
    json: (): unknown => JSON.parse(bytes.toString()),
  };
}

const send = async (headers: Headers = {}, body: Uint8Array = text): Promise<string> => {
  const { status, json } = await call('POST', '/outbox', { headers: { ...toBob, ...headers }, body });
  expect(status).toBe(202);
  const { messageID } = json() as { messageID: string };
  expect(json()).toEqual({ messageID });
  return messageID;
};

describe('version 1', () => {
  it('names the mailbox in the handshake', async () => {
    const about = { 'mex-clientversion': 'test==1', 'mex-osname': 'Linux', 'mex-osversion': '6' };
    expect((await call('POST', '', { headers: about })).json()).toEqual({ mailboxId: 'RZZ99OT001' });
    expect((await call('GET', '', { headers: about })).json()).toEqual({ mailboxId: 'RZZ99OT001' });
  });

  it('sends, lists, counts, downloads and acknowledges in its own words', async () => {
    const id = await send({ 'content-type': 'text/csv' });
    expect((await call('GET', '/inbox', { owner: bob })).json()).toEqual({ messages: [id] });
    expect((await call('GET', '/count', { owner: bob })).json()).toEqual({
      count: 1,
      internalID: expect.stringMatching(/./) as unknown,
      allResultsIncluded: true,
    });
    const message = await call('GET', `/inbox/${id}`, { owner: bob });
    expect(message.body).toEqual(text);
    expect(message.headers.get('content-type')).toBe('application/octet-stream');
    expect(message.headers.get('mex-content-type')).toBe('text/csv');
    const acknowledged = await call('PUT', `/inbox/${id}/status/acknowledged`, { owner: bob });
    expect(acknowledged.json()).toEqual({ messageId: id });
  });

  it('compresses nothing that was not sent compressed', async () => {
    const [plain, zipped] = [await send(), await send({ 'content-encoding': 'gzip' }, gzipSync(text))];
    const encoding = async (id: string) =>
      (await call('GET', `/inbox/${id}`, { owner: bob, headers: { 'accept-encoding': 'gzip' } })).headers.get(
        'content-encoding',
      );
    expect(await encoding(plain)).toBeNull();
    expect(await encoding(zipped)).toBe('gzip');
  });

  it('numbers the blocks of an upload', async () => {
    const id = await send({ 'mex-chunk-range': '1:2' });
    const second = await call('POST', `/outbox/${id}/2`, { headers: { 'mex-chunk-range': '2:2' }, body: text });
    expect([second.status, second.json()]).toEqual([202, { messageID: id, blockID: 2 }]);
  });

  it('lists on from the last message that the client has', async () => {
    const ids = [await send(), await send(), await send()];
    const rest = await call('GET', `/inbox?continue_from=${ids[0]!}`, { owner: bob });
    expect(rest.json()).toEqual({ messages: ids.slice(1) });
  });

  it('tracks with capitals and stamps', async () => {
    const about = { 'mex-localid': 'LOCAL-1', 'mex-content-checksum': 'abc', 'mex-content-compressed': 'Y' };
    const id = await send(about);
    await call('PUT', `/inbox/${id}/status/acknowledged`, { owner: bob });
    const byId = (await call('GET', `/outbox/tracking?messageID=${id}`)).json();
    expect(byId).toMatchObject({
      messageId: id,
      dtsId: id,
      localId: 'LOCAL-1',
      checksum: 'abc',
      isCompressed: 'Y',
      status: 'Acknowledged',
      statusSuccess: 'SUCCESS',
      recipient: 'X26OT154',
      sender: 'RZZ99OT001',
      fileSize: text.length,
      chunkCount: 1,
      uploadTimestamp: expect.stringMatching(/^\d{14}$/) as unknown,
      downloadTimestamp: expect.stringMatching(/^\d{14}$/) as unknown,
    });
    expect((await call('GET', '/outbox/tracking/LOCAL-1')).json()).toEqual(byId);
  });

  it('says in its own shape what it refuses', async () => {
    const unknown = await call('POST', '/outbox', { headers: { ...toBob, 'mex-to': 'NOBODY01' }, body: text });
    expect([unknown.status, unknown.json()]).toEqual([
      417,
      { errorEvent: 'SEND', errorCode: '12', errorDescription: 'Unregistered to address' },
    ]);
    const missing = await call('GET', '/inbox/NONE');
    expect([missing.status, missing.json()]).toEqual([
      404,
      { messageID: 'NONE', errorEvent: 'RECEIVE', errorCode: '20', errorDescription: 'Message does not exist' },
    ]);
  });

  it('looks up addresses', async () => {
    const response = await fetch(`${mesh.url}/messageexchange/endpointlookup/X26/W`);
    expect(await response.json()).toEqual({
      query_id: expect.stringMatching(/./) as unknown,
      results: [{ address: 'X26OT154', description: 'X26OT154', endpoint_type: 'MESH' }],
    });
  });
});
