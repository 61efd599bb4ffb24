import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type MeshStandIn, startMesh } from '../../../local/mesh/mesh.ts';
import type { MeshRequest } from '../../../local/mesh/request-log.ts';
import type { MeshCall } from '../../../shared/mesh/call.ts';
import { Mailbox, type MailboxOptions } from '../../../shared/mesh/mailbox.ts';
import type { DownloadedMessage } from '../../../shared/mesh/message.ts';
import { buildRequest, requestControl } from '../../../shared/ndop/request.ts';
import { alice, bob, carol, mailboxes, rawMailbox, sharedKey } from '../../local/mesh/raw-mailbox.ts';
import { bodyOf, bytesOf, listed, sha256 } from '../../support/bodies.ts';
import { samplePeople } from '../../support/nhs-numbers.ts';

const control = requestControl(
  'RZZ99OT001-050126-0001',
  { from: alice.mailboxId, to: bob.mailboxId },
  { runId: '20260105T143000Z-7f3a', part: 1, attempt: 1 },
);
const body = buildRequest(Float64Array.from(samplePeople), 'CRLF');
const unknownId = '20260105144117123456_FFFFFF';

let mesh: MeshStandIn;
let requests: MeshRequest[];

beforeEach(async () => {
  requests = [];
  mesh = await startMesh({ mailboxes, sharedKey, pageSize: 2, onRequest: (entry) => requests.push(entry) });
});
afterEach(() => mesh.close());

const ours = (options: Partial<MailboxOptions> = {}) =>
  new Mailbox({
    baseUrl: mesh.url,
    mailboxId: alice.mailboxId,
    credentials: alice,
    pause: () => Promise.resolve(),
    ...options,
  });
const deliver = (content: Buffer, fields: { localId?: string; workflowId?: string } = {}) =>
  mesh.deliver({
    from: bob.mailboxId,
    to: alice.mailboxId,
    workflowId: 'SPINE_NTT_UPHOLDING',
    body: content,
    ...fields,
  });
const outgoing = (content: Buffer) => ({ bytes: content.length, content: bodyOf(content, [5, 1, 0, 70]) });
const sendOne = async (mailbox: Mailbox, content = body): Promise<string> => {
  const outcome = await mailbox.send(control, outgoing(content));
  if (outcome.outcome !== 'accepted') throw new Error(outcome.reason);
  return outcome.messageId;
};
const whole = async ({ headers, rawHeaders, body }: DownloadedMessage) => ({
  headers,
  rawHeaders,
  bytes: await bytesOf(body),
});

describe('a mailbox', () => {
  test.each([
    { name: 'an id in lower case', options: { mailboxId: 'rzz99ot001' } },
    { name: 'an id that leads elsewhere', options: { mailboxId: '../ADMIN' } },
    { name: 'plain HTTP to another machine', options: { baseUrl: 'http://mesh-sync.spineservices.nhs.uk' } },
    { name: 'no URL', options: { baseUrl: 'mesh-sync.spineservices.nhs.uk' } },
    { name: 'another protocol', options: { baseUrl: 'ftp://127.0.0.1' } },
    { name: 'a path', options: { baseUrl: 'https://127.0.0.1/messageexchange' } },
    { name: 'chunks of no bytes', options: { chunkBytes: 0 } },
    {
      name: 'a certificate that is none',
      options: { baseUrl: 'https://127.0.0.1', credentials: { ...alice, clientCertificate: 'CERT' } },
    },
  ])('cannot be opened with $name', ({ options }) => {
    expect(() => ours(options)).toThrow(expect.objectContaining({ name: 'ConfigurationInvalid' }));
  });

  test.each(['http://127.0.0.1:1', 'http://localhost:1', 'http://[::1]:1'])('may be on this machine: %s', (baseUrl) => {
    expect(() => ours({ baseUrl })).not.toThrow();
  });
});

describe('handshake', () => {
  it('proves reach and credentials and says what we are', async () => {
    await ours().handshake();
    expect(requests).toMatchObject([{ method: 'POST', path: '/messageexchange/RZZ99OT001', status: 200 }]);
    expect(requests[0]!.requestHeaders).toMatchObject({
      accept: 'application/vnd.mesh.v2+json',
      'mex-clientversion': expect.stringMatching(/./),
      'mex-osname': 'Linux',
      'mex-osversion': expect.stringMatching(/./),
    });
  });

  test.each([
    { name: 'a wrong password', options: { credentials: { ...alice, password: 'wrong' } } },
    { name: 'another shared key', options: { credentials: { ...alice, sharedKey: 'wrong' } } },
    { name: 'an unknown mailbox', options: { mailboxId: 'RZZ99OT009' } },
    { name: 'a clock that is a day off', options: { now: () => new Date(Date.now() - 86_400_000) } },
  ])('with $name is MeshAuthenticationRefused, at once', async ({ options }) => {
    await expect(ours(options).handshake()).rejects.toMatchObject({ name: 'MeshAuthenticationRefused' });
    expect(requests).toHaveLength(1);
  });

  it('of a mailbox that is disabled is MeshMailboxDisabled', async () => {
    mesh.setDisabled(alice.mailboxId, true);
    await expect(ours().handshake()).rejects.toMatchObject({ name: 'MeshMailboxDisabled' });
  });

  it('with a token that was used before is refused, so each call takes a new nonce', async () => {
    const stuck = ours({ nonce: () => '2c001608-5f09-4840-9611-bea43e666a30' });
    await stuck.handshake();
    await expect(stuck.handshake()).rejects.toMatchObject({
      name: 'MeshAuthenticationRefused',
      message: expect.stringContaining('the token was used before'),
    });
    const mailbox = ours();
    for (let call = 0; call < 3; call += 1) await mailbox.handshake();
  });
});

describe('send', () => {
  it('brings bytes and headers to the other side, gzipped on the way', async () => {
    const messageId = await sendOne(ours());
    const [message] = mesh.messages();
    expect(message).toMatchObject({
      messageId,
      from: 'RZZ99OT001',
      to: 'X26OT154',
      workflowId: 'SPINE_NTT_UPHOLDING',
      subject: 'RZZ99OT001-050126-0001',
      localId: 'NDOP-20260105T143000Z-7f3a-0001-1',
      fileName: 'RZZ99OT001-050126-0001.dat',
      contentEncoding: 'gzip',
    });
    expect(message!.body.equals(body)).toBe(true);
    expect(requests[0]!.requestHeaders).toMatchObject({
      'content-type': 'application/octet-stream',
      'mex-from': 'RZZ99OT001',
      'mex-chunk-range': '1:1',
      'mex-content-compressed': 'Y',
    });
  });

  it('sends bytes as they are where it is told not to compress', async () => {
    await sendOne(ours({ compress: false }));
    expect(mesh.messages()[0]!.contentEncoding).toBeUndefined();
    expect(mesh.messages()[0]!.body.equals(body)).toBe(true);
    expect(requests[0]).toMatchObject({ requestBytes: body.length });
    expect(Object.keys(requests[0]!.requestHeaders)).not.toContain('mex-content-compressed');
  });

  test.each([true, false])('cuts a body into chunks, compressed each by itself: %s', async (compress) => {
    const messageId = await sendOne(ours({ chunkBytes: 40, compress }));
    const total = Math.ceil(body.length / 40);
    expect(mesh.messages()[0]!.body.equals(body)).toBe(true);
    expect(requests.map(({ path }) => path)).toEqual([
      '/messageexchange/RZZ99OT001/outbox',
      ...Array.from(
        { length: total - 1 },
        (_, index) => `/messageexchange/RZZ99OT001/outbox/${messageId}/${index + 2}`,
      ),
    ]);
    expect(requests.map(({ requestHeaders }) => requestHeaders['mex-chunk-range'])).toEqual(
      Array.from({ length: total }, (_, index) => `${index + 1}:${total}`),
    );
    expect(requests[1]!.requestHeaders['mex-to']).toBeUndefined();
  });

  it('to a mailbox that does not exist is MeshRecipientUnknown, and nothing was sent', async () => {
    const sending = ours().send({ ...control, to: 'X26OT999' }, outgoing(body));
    await expect(sending).rejects.toMatchObject({
      name: 'MeshRecipientUnknown',
      message: expect.stringContaining('417 (12 SEND)'),
    });
    expect(mesh.messages()).toEqual([]);
  });

  it('of nothing is refused before MESH does', async () => {
    await expect(ours().send(control, outgoing(Buffer.alloc(0)))).rejects.toMatchObject({ name: 'MeshRequestRefused' });
    expect(requests).toEqual([]);
  });

  it('of a header that HTTP cannot carry is refused', async () => {
    const sending = ours().send({ ...control, subject: 'Ndop\u0007' }, outgoing(body));
    await expect(sending).rejects.toMatchObject({ name: 'MeshRequestRefused' });
  });
});

describe('the list of the inbox', () => {
  it('goes over all pages, in order', async () => {
    const ids = Array.from({ length: 7 }, (_, index) => deliver(Buffer.from(String(index))));
    expect(await listed(ours().listInbox())).toEqual(ids);
    expect(requests.map(({ path }) => path.split('?')[0])).toEqual(Array(4).fill('/messageexchange/RZZ99OT001/inbox'));
  });

  it('asks for one workflow alone, and goes on over pages on which it has none', async () => {
    const other = Array.from({ length: 5 }, () => deliver(Buffer.from('x'), { workflowId: 'OTHER' }));
    const wanted = deliver(Buffer.from('x'));
    expect(await listed(ours().listInbox({ workflowFilter: 'SPINE_NTT_UPHOLDING' }))).toEqual([wanted]);
    expect(requests).toHaveLength(3);
    expect(await listed(ours().listInbox({ workflowFilter: '!SPINE_*' }))).toEqual(other);
  });

  it('asks for pages of a size', async () => {
    await listed(ours().listInbox({ maxResults: 10 }));
    expect(requests[0]!.path).toBe('/messageexchange/RZZ99OT001/inbox?max_results=10');
    await expect(listed(ours().listInbox({ maxResults: 9 }))).rejects.toMatchObject({ name: 'MeshRequestRefused' });
  });

  it('is read only as far as it is asked for', async () => {
    const ids = Array.from({ length: 5 }, () => deliver(Buffer.from('x')));
    const first = await ours().listInbox().next();
    expect(first.value).toBe(ids[0]);
    expect(requests).toHaveLength(1);
  });

  it('may be worked off while it is read', async () => {
    Array.from({ length: 5 }, () => deliver(Buffer.from('x')));
    const mailbox = ours();
    for await (const id of mailbox.listInbox()) await mailbox.acknowledge(id);
    expect(await listed(mailbox.listInbox())).toEqual([]);
  });
});

describe('head', () => {
  it('says what a download would, without the body', async () => {
    const id = deliver(body, { localId: control.localId });
    expect(await ours().head(id)).toMatchObject({ messageId: id, messageType: 'DATA', localId: control.localId });
    expect(requests).toMatchObject([{ method: 'HEAD', responseBytes: 0 }]);
  });

  it('of a message that never was is MeshMessageUnknown', async () => {
    await expect(ours().head(unknownId)).rejects.toMatchObject({ name: 'MeshMessageUnknown' });
  });
});

describe('download', () => {
  it('gives the body and what MESH says about it', async () => {
    const id = deliver(body, { localId: control.localId });
    const message = await ours().download(id, whole);
    expect(message.headers).toMatchObject({
      messageId: id,
      messageType: 'DATA',
      from: 'X26OT154',
      workflowId: 'SPINE_NTT_UPHOLDING',
      localId: control.localId,
      linkedMessageId: undefined,
    });
    expect(message.rawHeaders).toMatchObject({ 'mex-messageid': id, 'content-encoding': 'gzip' });
    expect(message.bytes.equals(body)).toBe(true);
  });

  it('joins chunks, each compressed by itself', async () => {
    const sender = rawMailbox(mesh.url, bob);
    const pieces = [body.subarray(0, 40), body.subarray(40, 41), body.subarray(41)];
    const about = { 'mex-to': alice.mailboxId, 'mex-workflowid': 'SPINE_NTT_UPHOLDING', 'content-encoding': 'gzip' };
    const id = await sender.sent({ ...about, 'mex-chunk-range': '1:3' }, gzipSync(pieces[0]!));
    for (const number of [2, 3]) {
      const headers = { 'mex-chunk-range': `${number}:3`, 'content-encoding': 'gzip' };
      const chunk = await sender.call('POST', `/outbox/${id}/${number}`, headers, gzipSync(pieces[number - 1]!));
      expect(chunk.status).toBe(202);
    }
    expect((await ours().download(id, whole)).bytes.equals(body)).toBe(true);
  });

  it('as received gives the bytes as they travelled', async () => {
    const sender = rawMailbox(mesh.url, bob);
    const compressed = gzipSync(body);
    const about = { 'mex-to': alice.mailboxId, 'mex-workflowid': 'SPINE_NTT_UPHOLDING', 'content-encoding': 'gzip' };
    const id = await sender.sent(about, compressed);
    expect((await ours().download(id, whole, { asReceived: true })).bytes.equals(compressed)).toBe(true);
  });

  it('of a report gives no body and says which message failed', async () => {
    const mailbox = ours();
    const messageId = await sendOne(mailbox);
    const id = mesh.reportNonDelivery(messageId, { code: '14', description: 'Message not collected' });
    const report = await mailbox.download(id, whole);
    expect(report.headers).toMatchObject({
      messageType: 'REPORT',
      linkedMessageId: messageId,
      statusCode: '14',
      statusDescription: 'Message not collected',
      localId: control.localId,
    });
    expect(report.bytes).toHaveLength(0);
  });

  it('of a message that was acknowledged before is MeshMessageGone, and of one that never was MeshMessageUnknown', async () => {
    const id = deliver(body);
    await ours().acknowledge(id);
    await expect(ours().download(id, whole)).rejects.toMatchObject({
      name: 'MeshMessageGone',
      message: expect.stringContaining(`Download ${id}: MESH answered 410`),
    });
    await expect(ours().download(unknownId, whole)).rejects.toMatchObject({
      name: 'MeshMessageUnknown',
      message: expect.stringContaining(`Download ${unknownId}: MESH answered 404`),
    });
  });

  test.each(['../../X26OT154/inbox', 'a/b', 'a b', 'ä%2F?#'])('asks for %j by that id and no other', async (odd) => {
    await expect(ours().download(odd, whole)).rejects.toMatchObject({ name: 'MeshMessageUnknown' });
    expect(requests).toMatchObject([{ path: `/messageexchange/RZZ99OT001/inbox/${encodeURIComponent(odd)}` }]);
  });

  it("of another mailbox's message is refused", async () => {
    const messageId = await sendOne(ours());
    await expect(ours().download(messageId, whole)).rejects.toMatchObject({ name: 'MeshAuthenticationRefused' });
  });

  it('gives what it was handed over to returns, and throws what that throws', async () => {
    const id = deliver(body);
    expect(await ours().download(id, ({ headers }) => Promise.resolve(headers.messageId))).toBe(id);
    const failing = ours().download(id, () => Promise.reject(new TypeError('no room')));
    await expect(failing).rejects.toThrow(new TypeError('no room'));
  });
});

describe('acknowledge', () => {
  it('takes the message out of the inbox, and may be repeated', async () => {
    const id = deliver(body);
    const mailbox = ours();
    await mailbox.acknowledge(id);
    await mailbox.acknowledge(id);
    expect(await listed(mailbox.listInbox())).toEqual([]);
  });

  it('of a message that does not exist any more is done already', async () => {
    await ours().acknowledge(unknownId);
    expect(requests).toMatchObject([{ status: 404 }]);
  });
});

describe('tracking', () => {
  it('says how far a message has got, by either id', async () => {
    const messageId = await sendOne(ours());
    const accepted = { messageId, status: 'accepted', localId: control.localId };
    expect(await ours().track(messageId)).toMatchObject(accepted);
    expect(await ours().trackLocalId(control.localId)).toMatchObject(accepted);
    mesh.acknowledge(messageId);
    expect(await ours().track(messageId)).toMatchObject({ status: 'acknowledged' });
    expect(await ours().trackLocalId(control.localId)).toMatchObject({ status: 'acknowledged' });
  });

  it('says with which code a message failed', async () => {
    const messageId = await sendOne(ours());
    mesh.reportNonDelivery(messageId, { code: '14', description: 'Message not collected' });
    expect(await ours().track(messageId)).toMatchObject({ status: 'undeliverable', statusCode: '14' });
  });

  it('of a message that is not in our outbox is MeshMessageUnknown, and undefined by local id', async () => {
    await expect(ours().track(unknownId)).rejects.toMatchObject({ name: 'MeshMessageUnknown' });
    expect(await ours().trackLocalId('NDOP-20260105T143000Z-7f3a-0001-9')).toBeUndefined();
  });

  it('by a local id that several messages carry is refused', async () => {
    await sendOne(ours());
    await sendOne(ours());
    await expect(ours().trackLocalId(control.localId)).rejects.toMatchObject({
      name: 'MeshRequestRefused',
      message: expect.stringContaining('several messages'),
    });
  });
});

describe('the look-up', () => {
  beforeEach(async () => {
    await mesh.close();
    mesh = await startMesh({
      mailboxes: [alice, { ...bob, odsCode: 'X26', mailboxName: 'NDOP', workflows: ['SPINE_NTT_UPHOLDING'] }, carol],
      sharedKey,
    });
  });

  it('finds the mailbox of an organisation for a workflow, or none', async () => {
    const found = [{ mailboxId: 'X26OT154', mailboxName: 'NDOP' }];
    expect(await ours().lookUp('X26', 'SPINE_NTT_UPHOLDING')).toEqual(found);
    expect(await ours().lookUp('X26', 'OTHER')).toEqual([]);
  });

  it('finds every mailbox of a workflow', async () => {
    expect(await ours().searchWorkflow('SPINE_NTT_UPHOLDING')).toContainEqual({
      mailboxId: 'X26OT154',
      mailboxName: 'NDOP',
    });
  });
});

describe('one call at a time', () => {
  it('holds however many are asked for at once', async () => {
    const ids = Array.from({ length: 4 }, () => deliver(body));
    const mailbox = ours({ chunkBytes: 100 });
    await Promise.all([
      mailbox.handshake(),
      ...ids.map(async (id) => mailbox.download(id, whole)),
      mailbox.send(control, outgoing(body)),
      mailbox.head(ids[0]!),
      listed(mailbox.listInbox()),
      mailbox.acknowledge(unknownId),
      mailbox.trackLocalId(control.localId),
    ]);
    expect(mesh.violations).toEqual([]);
  });

  it('holds until a message was taken, however slowly', async () => {
    const long = randomBytes(4_000_000);
    const ids = [deliver(long), deliver(long)];
    const mailbox = ours({ timeoutMilliseconds: 50 });
    const slowly = async ({ body }: DownloadedMessage) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of body) {
        if (pieces.push(piece) === 1) await new Promise((resolve) => setTimeout(resolve, 150));
      }
      return Buffer.concat(pieces);
    };
    const taken = Promise.all(ids.map((id) => mailbox.download(id, slowly)));
    await mailbox.handshake();
    for (const bytes of await taken) expect(bytes.equals(long)).toBe(true);
    expect(requests.map(({ method }) => method)).toEqual(['GET', 'GET', 'POST']);
    expect(mesh.violations).toEqual([]);
  });

  it('holds where a message was not read to its end', async () => {
    const long = randomBytes(4_000_000);
    const mailbox = ours();
    for (let time = 0; time < 3; time += 1) {
      const id = deliver(long);
      await mailbox.download(id, async ({ body }) => {
        for await (const piece of body) return piece.length;
        return 0;
      });
      await mailbox.acknowledge(id);
    }
    expect(mesh.violations).toEqual([]);
  });

  it('ends a body that somebody kept for later', async () => {
    const mailbox = ours();
    const body = await mailbox.download(deliver(randomBytes(4_000_000)), (message) => Promise.resolve(message.body));
    await expect(bytesOf(body)).rejects.toMatchObject({ name: 'MeshConnectionLost' });
    await mailbox.handshake();
    expect(requests).toHaveLength(2);
    expect(mesh.violations).toEqual([]);
  });

  it('goes on after a call that failed', async () => {
    const mailbox = ours();
    const failing = mailbox.download(unknownId, whole);
    const following = mailbox.handshake();
    await expect(failing).rejects.toMatchObject({ name: 'MeshMessageUnknown' });
    await following;
  });
});

it('tells of every call what it was and came to, without a secret', async () => {
  const calls: MeshCall[] = [];
  const mailbox = ours({ onCall: (call) => calls.push(call), chunkBytes: 40, compress: false });
  await sendOne(mailbox);
  await mailbox.download(deliver(body), whole);
  await expect(mailbox.download(unknownId, whole)).rejects.toThrow();
  await expect(mailbox.listInbox({ maxResults: 1 }).next()).rejects.toThrow();
  expect(calls.map(({ name, status, error }) => ({ name, status, error }))).toEqual([
    { name: 'Send', status: 202, error: undefined },
    ...[2, 3].map(() => ({ name: 'Send a chunk', status: 202, error: undefined })),
    { name: 'Download', status: 200, error: undefined },
    { name: 'Download', status: 404, error: 'MeshMessageUnknown' },
    { name: 'List the inbox', status: 400, error: 'MeshRequestRefused' },
  ]);
  const [first] = calls;
  expect(first).toMatchObject({
    method: 'POST',
    path: '/messageexchange/RZZ99OT001/outbox',
    requestBody: { bytes: 40, sha256: sha256(body.subarray(0, 40)) },
    requestHeaders: { 'mex-localid': control.localId, 'content-length': '40' },
    responseHeaders: { 'content-type': 'application/json' },
  });
  expect(Date.parse(first!.endedAt)).toBeGreaterThanOrEqual(Date.parse(first!.startedAt));
  expect(calls.at(-1)!.path).toBe('/messageexchange/RZZ99OT001/inbox?max_results=1');
  const download = calls.find(({ name }) => name === 'Download')!;
  expect(download.requestBody).toEqual({ bytes: 0, sha256: sha256('') });
  expect(download.responseBody!.bytes).toBeGreaterThan(0);
  expect(JSON.stringify(calls)).not.toMatch(/NHSMESH|authorization|"alice"|TestKey/i);
});
