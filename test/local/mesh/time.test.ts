import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MeshStandIn, startMesh } from '../../../local/mesh/mesh.ts';
import { alice, bob, errorOf, mailboxes, rawMailbox, sharedKey, text, toBob } from './raw-mailbox.ts';

const fiveDays = 5 * 24 * 60 * 60;
let mesh: MeshStandIn;
const client = (owner = alice) => rawMailbox(mesh.url, owner);
const track = async (id: string): Promise<unknown> =>
  (await client().call('GET', `/outbox/tracking?messageID=${id}`)).json();

beforeEach(async () => {
  mesh = await startMesh({ mailboxes, sharedKey });
});
afterEach(() => mesh.close());

describe('after five days', () => {
  it('a message that nobody collected is gone and its sender has the report with code 14', async () => {
    const about = { 'mex-localid': 'LOCAL-1', 'mex-subject': 'SUBJECT-1' };
    const id = await client().sent({ ...toBob, ...about }, text);
    mesh.advanceClock(fiveDays - 60);
    expect((await client(bob).list()).messages).toEqual([id]);
    mesh.advanceClock(61);

    expect((await client(bob).list()).messages).toEqual([]);
    const gone = await client(bob).call('GET', `/inbox/${id}`);
    expect([gone.status, (await errorOf(gone))?.code]).toEqual([410, 'Message already accepted']);
    const [reportId = '', ...more] = (await client().list()).messages;
    expect(more).toEqual([]);
    const report = await client().download(reportId);
    expect(report.body).toHaveLength(0);
    expect(Object.fromEntries(report.headers)).toMatchObject({
      ...about,
      'mex-messagetype': 'REPORT',
      'mex-statussuccess': 'ERROR',
      'mex-statuscode': '14',
      'mex-statusevent': 'SEND',
      'mex-statusdescription': 'Message not collected by recipient after 5 days',
      'mex-linkedmsgid': id,
      'mex-workflowid': 'WORKFLOW',
    });
    expect(await track(id)).toMatchObject({ status: 'undeliverable', status_success: false, status_code: '14' });
  });

  it('one that was collected stays so, and a report goes without another', async () => {
    const read = await client().sent(toBob, text);
    await client(bob).acknowledge(read);
    await client().sent(toBob, text);
    mesh.advanceClock(fiveDays);
    expect(await track(read)).toMatchObject({ status: 'acknowledged', status_success: true });
    const [reportId = ''] = (await client().list()).messages;
    mesh.advanceClock(fiveDays);
    expect((await client().list()).messages).toEqual([]);
    expect((await client().call('GET', `/inbox/${reportId}`)).status).toBe(410);
    expect(mesh.messages()).toHaveLength(3);
  });
});

it('tells the sender where the recipient was switched off', async () => {
  const id = await client().sent(toBob, text);
  mesh.setDisabled('X26OT154', true);
  mesh.advanceClock(fiveDays);
  expect(await track(id)).toMatchObject({
    status_code: '14',
    status_description: 'Message was not collected as the mailbox is deactivated',
  });
});

it('dates what happens by the moved clock, and judges tokens by the real one', async () => {
  mesh.advanceClock(30 * 24 * 60 * 60);
  const id = await client().sent(toBob, text);
  const inAMonth = new Date(Date.now() + 30 * 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
  expect(id.slice(0, 8)).toBe(inAMonth.replaceAll('-', ''));
  expect(await track(id)).toMatchObject({ upload_timestamp: expect.stringContaining(inAMonth) as unknown });
  const { headers } = await client(bob).download(id);
  expect(headers.get('mex-statustimestamp')?.slice(0, 8)).toBe(inAMonth.replaceAll('-', ''));
});

it('goes on from the moved clock after a restart', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'mesh-'));
  const first = await startMesh({ mailboxes, sharedKey, directory });
  first.advanceClock(2 * fiveDays);
  const id = await rawMailbox(first.url, alice).sent(toBob, text);
  await first.close();
  const second = await startMesh({ mailboxes, sharedKey, directory });
  expect((await rawMailbox(second.url, bob).list()).messages).toEqual([id]);
  const later = await rawMailbox(second.url, alice).sent(toBob, text);
  expect((await rawMailbox(second.url, bob).list()).messages).toEqual([id, later]);
  expect(later > id).toBe(true);
  await second.close();
  rmSync(directory, { recursive: true });
});

it('moves forward only', () => {
  expect(() => {
    mesh.advanceClock(-1);
  }).toThrow(RangeError);
});

describe('on its way', () => {
  it('a message is accepted, and unknown to its recipient until it arrives', async () => {
    const slow = await startMesh({ mailboxes, sharedKey, deliveryDelaySeconds: 600 });
    const [sender, recipient] = [rawMailbox(slow.url, alice), rawMailbox(slow.url, bob)];
    const id = await sender.sent(toBob, text);
    expect((await recipient.list()).messages).toEqual([]);
    expect((await recipient.call('GET', `/inbox/${id}`)).status).toBe(404);
    expect((await recipient.call('HEAD', `/inbox/${id}`)).status).toBe(404);
    expect((await recipient.acknowledge(id)).status).toBe(404);
    expect((await sender.call('HEAD', `/inbox/${id}`)).status).toBe(200);
    const tracking = await sender.call('GET', `/outbox/tracking?messageID=${id}`);
    expect(await tracking.json()).toMatchObject({ status: 'accepted' });
    slow.advanceClock(599);
    expect((await recipient.list()).messages).toEqual([]);
    slow.advanceClock(2);
    expect((await recipient.list()).messages).toEqual([id]);
    expect((await recipient.download(id)).body).toEqual(text);
    await slow.close();
  });
});

it('a mailbox can be switched off and on again, and gets what it was sent meanwhile', async () => {
  mesh.setDisabled('X26OT154', true);
  const id = await client().sent(toBob, text);
  const refused = await client(bob).call('GET', '/inbox');
  expect([refused.status, (await errorOf(refused))?.msg]).toEqual([403, 'Request Received from Inactive Mailbox']);
  mesh.setDisabled('X26OT154', false);
  expect((await client(bob).list()).messages).toEqual([id]);
  expect(() => {
    mesh.setDisabled('NOBODY01', true);
  }).toThrow('no mailbox NOBODY01');
});
