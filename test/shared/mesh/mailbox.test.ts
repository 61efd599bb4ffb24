import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type MeshStandIn, startMesh } from '../../../local/mesh/mesh.ts';
import type { MeshRequest } from '../../../local/mesh/request-log.ts';
import { Mailbox, type MailboxOptions } from '../../../shared/mesh/mailbox.ts';
import { buildRequest, requestControl } from '../../../shared/ndop/request.ts';
import { alice, bob, mailboxes, rawMailbox, sharedKey } from '../../local/mesh/raw-mailbox.ts';
import { bytesOf, listed } from '../../support/bodies.ts';
import { samplePeople } from '../../support/nhs-numbers.ts';

const control = requestControl(
  'RZZ99OT001-050126-0001',
  { from: alice.mailboxId, to: bob.mailboxId },
  { runId: '20260105T143000Z-7f3a', part: 1, attempt: 1 },
);
const body = buildRequest(Float64Array.from(samplePeople), 'CRLF');

let mesh: MeshStandIn;
let requests: MeshRequest[];

beforeEach(async () => {
  requests = [];
  mesh = await startMesh({ mailboxes, sharedKey, pageSize: 2, onRequest: (entry) => requests.push(entry) });
});
afterEach(() => mesh.close());

const ours = (options: Partial<MailboxOptions> = {}) =>
  new Mailbox({ baseUrl: mesh.url, mailboxId: alice.mailboxId, credentials: alice, ...options });
const deliver = (content: Buffer, fields: { localId?: string; workflowId?: string } = {}) =>
  mesh.deliver({
    from: bob.mailboxId,
    to: alice.mailboxId,
    workflowId: 'SPINE_NTT_UPHOLDING',
    body: content,
    ...fields,
  });

describe('handshake', () => {
  it('proves reach and credentials and says what we are', async () => {
    await ours().handshake();
    expect(requests).toMatchObject([{ method: 'POST', path: '/messageexchange/RZZ99OT001', status: 200 }]);
    expect(requests[0]!.requestHeaders).toMatchObject({
      accept: 'application/vnd.mesh.v2+json',
      'mex-clientversion': expect.stringMatching(/./),
      'mex-osname': 'Linux',
    });
  });

  test.each([
    { name: 'a wrong password', options: { credentials: { ...alice, password: 'wrong' } } },
    { name: 'another shared key', options: { credentials: { ...alice, sharedKey: 'wrong' } } },
    { name: 'an unknown mailbox', options: { mailboxId: 'RZZ99OT009' } },
    { name: 'a clock that is a day off', options: { now: () => new Date(Date.now() - 86_400_000) } },
  ])('with $name is MeshAuthenticationRefused', async ({ options }) => {
    await expect(ours(options).handshake()).rejects.toMatchObject({ name: 'MeshAuthenticationRefused' });
  });

  it('with a token that was used before is refused, so each call takes a new nonce', async () => {
    const stuck = ours({ nonce: () => '2c001608-5f09-4840-9611-bea43e666a30' });
    await stuck.handshake();
    await expect(stuck.handshake()).rejects.toMatchObject({ name: 'MeshAuthenticationRefused' });
    const mailbox = ours();
    for (let call = 0; call < 3; call += 1) await mailbox.handshake();
  });
});

describe('send', () => {
  it('brings bytes and headers to the other side, gzipped on the way', async () => {
    const outcome = await ours().send(control, body);
    const [message] = mesh.messages();
    expect(outcome).toEqual({ outcome: 'accepted', messageId: message!.messageId });
    expect(message).toMatchObject({
      from: 'RZZ99OT001',
      to: 'X26OT154',
      workflowId: 'SPINE_NTT_UPHOLDING',
      subject: 'RZZ99OT001-050126-0001',
      localId: 'NDOP-20260105T143000Z-7f3a-0001-1',
      fileName: 'RZZ99OT001-050126-0001.dat',
      contentEncoding: 'gzip',
    });
    expect(message!.body.equals(body)).toBe(true);
    expect(requests[0]!.requestHeaders).toMatchObject({ 'mex-chunk-range': '1:1', 'mex-content-compressed': 'Y' });
  });

  it('to a mailbox that does not exist is MeshRecipientUnknown, and nothing was sent', async () => {
    const sending = ours().send({ ...control, to: 'X26OT999' }, body);
    await expect(sending).rejects.toMatchObject({
      name: 'MeshRecipientUnknown',
      message: expect.stringContaining('417 (12 SEND)'),
    });
    expect(mesh.messages()).toEqual([]);
  });
});

describe('the list of the inbox', () => {
  it('goes over all pages, in order', async () => {
    const ids = Array.from({ length: 7 }, (_, index) => deliver(Buffer.from(String(index))));
    expect(await listed(ours().listInbox())).toEqual(ids);
    expect(requests.map(({ path }) => path.split('?')[0])).toEqual(Array(4).fill('/messageexchange/RZZ99OT001/inbox'));
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

describe('download', () => {
  it('gives the body and what MESH says about it', async () => {
    const id = deliver(body, { localId: control.localId });
    const message = await ours().download(id);
    expect(message.headers).toMatchObject({
      messageId: id,
      messageType: 'DATA',
      from: 'X26OT154',
      workflowId: 'SPINE_NTT_UPHOLDING',
      localId: control.localId,
      linkedMessageId: undefined,
    });
    expect(message.rawHeaders).toMatchObject({ 'mex-messageid': id, 'content-encoding': 'gzip' });
    expect((await bytesOf(message.body)).equals(body)).toBe(true);
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
    const message = await ours().download(id);
    expect((await bytesOf(message.body)).equals(body)).toBe(true);
  });

  it('of a report gives no body and says which message failed', async () => {
    const mailbox = ours();
    const outcome = await mailbox.send(control, body);
    const messageId = outcome.outcome === 'accepted' ? outcome.messageId : '';
    const id = mesh.reportNonDelivery(messageId, { code: '14', description: 'Message not collected' });
    const report = await mailbox.download(id);
    expect(report.headers).toMatchObject({
      messageType: 'REPORT',
      linkedMessageId: messageId,
      statusCode: '14',
      statusDescription: 'Message not collected',
      localId: control.localId,
    });
    expect(await bytesOf(report.body)).toHaveLength(0);
  });

  it('of a message that is gone or never was is MeshMessageGone', async () => {
    const id = deliver(body);
    await ours().acknowledge(id);
    await expect(ours().download(id)).rejects.toMatchObject({
      name: 'MeshMessageGone',
      message: expect.stringContaining('410'),
    });
    await expect(ours().download('20260105144117123456_FFFFFF')).rejects.toMatchObject({ name: 'MeshMessageGone' });
  });

  it("of another mailbox's message is refused", async () => {
    const outcome = await ours().send(control, body);
    const messageId = outcome.outcome === 'accepted' ? outcome.messageId : '';
    await expect(ours().download(messageId)).rejects.toMatchObject({ name: 'MeshAuthenticationRefused' });
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
    await ours().acknowledge('20260105144117123456_FFFFFF');
    expect(requests).toMatchObject([{ status: 404 }]);
  });
});

describe('one call at a time', () => {
  it('holds however many are asked for at once', async () => {
    const ids = Array.from({ length: 4 }, () => deliver(body));
    const mailbox = ours();
    await Promise.all([
      mailbox.handshake(),
      ...ids.map(async (id) => bytesOf((await mailbox.download(id)).body)),
      mailbox.send(control, body),
      listed(mailbox.listInbox()),
      mailbox.acknowledge('20260105144117123456_FFFFFF'),
    ]);
    expect(mesh.violations).toEqual([]);
  });

  it('holds while a long body is still on its way', async () => {
    const long = randomBytes(4_000_000);
    const ids = [deliver(long), deliver(long)];
    const mailbox = ours();
    const [first, second] = await Promise.all(ids.map((id) => mailbox.download(id)));
    await mailbox.handshake();
    expect((await bytesOf(first!.body)).equals(long)).toBe(true);
    expect((await bytesOf(second!.body)).equals(long)).toBe(true);
    expect(mesh.violations).toEqual([]);
  });

  it('goes on after a call that failed', async () => {
    const mailbox = ours();
    const failing = mailbox.download('20260105144117123456_FFFFFF');
    const following = mailbox.handshake();
    await expect(failing).rejects.toMatchObject({ name: 'MeshMessageGone' });
    await following;
  });
});
