import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { type MeshStandIn, startMesh } from '../../../local/mesh/mesh.ts';
import { alice, bob, mailboxes, rawMailbox, sharedKey, text, toBob } from './raw-mailbox.ts';

let mesh: MeshStandIn;
const client = (owner = alice) => rawMailbox(mesh.url, owner);

beforeEach(async () => {
  mesh = await startMesh({ mailboxes, sharedKey });
});
afterEach(() => mesh.close());

/** An order as a test in any language gives it: plain HTTP, no Authorization. */
async function order(method: string, path: string, json?: unknown): Promise<{ status: number; json: unknown }> {
  const body = json === undefined ? {} : { body: JSON.stringify(json) };
  const response = await fetch(`${mesh.url}/messageexchange${path}`, { method, ...body });
  const answered = await response.text();
  return { status: response.status, json: answered === '' ? undefined : JSON.parse(answered) };
}

test.each(['/health', '/_ping', '/messageexchange/_ping'])('%s tells that it runs', async (path) => {
  expect(await (await fetch(`${mesh.url}${path}`)).json()).toEqual({ status: 'running', outcome: 'Yes' });
});

describe('reset', () => {
  it('forgets every message', async () => {
    const id = await client().sent(toBob, text);
    expect((await order('DELETE', '/admin/reset')).status).toBe(200);
    expect(mesh.messages()).toEqual([]);
    expect((await client().call('GET', `/outbox/tracking?messageID=${id}`)).status).toBe(404);
  });

  it('forgets those of one inbox', async () => {
    await client().sent(toBob, text);
    const kept = await client(bob).sent({ ...toBob, 'mex-to': 'RZZ99OT001', 'mex-from': 'X26OT154' }, text);
    expect(await order('DELETE', '/admin/reset/x26ot154')).toEqual({
      status: 200,
      json: { message: 'mailbox X26OT154 reset' },
    });
    expect(mesh.messages().map(({ messageId }) => messageId)).toEqual([kept]);
    expect((await order('DELETE', '/admin/reset/NOBODY01')).status).toBe(404);
  });
});

describe('a report', () => {
  const asked = { mailbox_id: 'RZZ99OT001', code: '14', description: 'Not collected', workflow_id: 'WORKFLOW' };

  it('lies in the inbox as ordered', async () => {
    const more = { subject: 'S', local_id: 'L', file_name: 'f.dat', linked_message_id: 'ABC', status: 'error' };
    const { status, json } = await order('POST', '/admin/report', { ...asked, ...more });
    expect(status).toBe(200);
    const { message_id: id } = json as { message_id: string };
    expect((await client().list()).messages).toEqual([id]);
    const { headers, body } = await client().download(id);
    expect(body).toHaveLength(0);
    expect(Object.fromEntries(headers)).toMatchObject({
      'mex-messagetype': 'REPORT',
      'mex-statuscode': '14',
      'mex-statusdescription': 'Not collected',
      'mex-statusevent': 'TRANSFER',
      'mex-statussuccess': 'ERROR',
      'mex-linkedmsgid': 'ABC',
      'mex-localid': 'L',
      'mex-subject': 'S',
      'mex-filename': 'f.dat',
    });
  });

  test.each([
    { json: { ...asked, mailbox_id: 'NOBODY01' }, status: 404 },
    { json: { ...asked, code: undefined }, status: 400 },
    { json: { ...asked, status: 'lost' }, status: 400 },
    { json: 'text', status: 400 },
  ])('of another form is answered $status: $json', async ({ json, status }) => {
    expect((await order('POST', '/admin/report', json)).status).toBe(status);
    expect(mesh.messages()).toEqual([]);
  });
});

describe('an event', () => {
  it('makes a message undeliverable, with its reason, and brings it back', async () => {
    const id = await client().sent(toBob, text);
    const failed = { status: 'undeliverable', code: '14', event: 'SEND', description: 'Not collected' };
    expect((await order('POST', `/admin/message/${id}/event`, failed)).status).toBe(200);
    expect((await client(bob).call('GET', `/inbox/${id}`)).status).toBe(410);
    expect((await order('GET', `/admin/message/${id}`)).json).toMatchObject({
      message_id: id,
      status: 'Undeliverable',
      status_success: 'ERROR',
      status_code: '14',
      sender: 'RZZ99OT001',
      recipient: 'X26OT154',
      file_size: text.length,
      chunk_count: 1,
    });
    await order('POST', `/admin/message/${id}/event`, { status: 'accepted' });
    expect((await client(bob).download(id)).body).toEqual(text);
    const tracking = await client().call('GET', `/outbox/tracking?messageID=${id}`);
    expect(await tracking.json()).toMatchObject({ status: 'accepted', status_success: true });
  });

  it('of an unknown message is answered 404, an unknown status 400', async () => {
    const id = await client().sent(toBob, text);
    expect((await order('POST', '/admin/message/NONE/event', { status: 'accepted' })).status).toBe(404);
    expect((await order('POST', `/admin/message/${id}/event`, { status: 'lost' })).status).toBe(400);
    expect((await order('GET', '/admin/message/NONE')).status).toBe(404);
  });
});

describe('a mailbox', () => {
  it('is shown, switched off and on', async () => {
    const shown = { mailbox_id: 'X26OT154', mailbox_name: 'X26OT154', ods_code: '', org_code: '', org_name: '' };
    expect((await order('GET', '/mailbox/X26OT154')).json).toEqual({ ...shown, active: true });
    const off = await order('POST', '/admin/mailbox/X26OT154', { disabled: true });
    expect(off).toEqual({ status: 200, json: { ...shown, active: false } });
    expect((await client(bob).call('GET', '/inbox')).status).toBe(403);
    await order('POST', '/admin/mailbox/X26OT154', { disabled: false });
    expect((await client(bob).call('GET', '/inbox')).status).toBe(200);
    expect((await order('POST', '/admin/mailbox/NOBODY01', { disabled: true })).status).toBe(404);
    expect((await order('GET', '/mailbox/NOBODY01')).status).toBe(404);
  });
});

it('moves the clock', async () => {
  const id = await client().sent(toBob, text);
  const { json } = await order('POST', '/admin/clock', { advanceSeconds: 432_001 });
  const ahead = Date.parse((json as { now: string }).now) - Date.now();
  expect(Math.abs(ahead - 432_001_000)).toBeLessThan(10_000);
  expect((await client(bob).call('GET', `/inbox/${id}`)).status).toBe(410);
  expect((await order('POST', '/admin/clock', { advanceSeconds: -1 })).status).toBe(400);
});

it('takes faults and forgets them', async () => {
  const fault = { kind: 'status', status: 504, operation: 'list', times: 3 };
  expect((await order('POST', '/admin/faults', fault)).status).toBe(200);
  expect((await client().call('GET', '/inbox')).status).toBe(504);
  expect((await order('DELETE', '/admin/faults')).status).toBe(200);
  expect((await client().call('GET', '/inbox')).status).toBe(200);
  expect((await order('POST', '/admin/faults', { kind: 'earthquake' })).status).toBe(400);
  expect((await order('POST', '/admin/faults', { kind: 'refuse-certificate' })).status).toBe(400);
});

test.each([
  { path: 'deliver', more: { subject: '\u017dlu\u0165' }, at: ['subject'], says: 'no HTTP header can carry' },
  { path: 'deliver', more: { file_name: 'a\n.dat' }, at: ['file_name'], says: 'no HTTP header can carry' },
  { path: 'deliver', more: { local_id: '\u2013' }, at: ['local_id'], says: 'no HTTP header can carry' },
  { path: 'deliver', more: { headers: { 'x-a': '\u017d' } }, at: ['headers', 'x-a'], says: 'no HTTP header can carry' },
  { path: 'deliver', more: { headers: { 'x a': 'a' } }, at: ['headers', 'x a'], says: 'Invalid key' },
  { path: 'report', more: { description: 'not\r\ncollected' }, at: ['description'], says: 'no HTTP header can carry' },
])('an order to $path what no download could say is refused: $more', async ({ path, more, at, says }) => {
  const orders = {
    deliver: { to: 'RZZ99OT001', from: 'X26OT154', workflow_id: 'W' },
    report: { mailbox_id: 'RZZ99OT001', code: '14', description: 'D', workflow_id: 'W' },
  };
  const { status, json } = await order('POST', `/admin/${path}`, { ...orders[path as 'deliver'], ...more });
  expect(status).toBe(400);
  expect(json).toMatchObject({ detail: [{ loc: ['body', ...at], msg: expect.stringContaining(says) as unknown }] });
  expect(mesh.messages()).toEqual([]);
});

it('delivers what headers carry, beyond ASCII too', async () => {
  const asked = { to: 'RZZ99OT001', from: 'X26OT154', workflow_id: 'W', subject: 'caf\u00e9' };
  const { json } = await order('POST', '/admin/deliver', asked);
  const { message_ids: ids } = json as { message_ids: string[] };
  expect((await client().download(ids[0]!)).headers.get('mex-subject')).toBe('caf\u00e9');
});

it('delivers as many messages as told, foreign ones too', async () => {
  const { json } = await order('POST', '/admin/deliver', {
    ...{ to: 'RZZ99OT001', from: 'ZZ9OT001', workflow_id: 'FOREIGN', count: 600 },
    ...{ body: 'one of many', local_id: 'L', headers: { 'Mex-Content-Checksum': 'abc' } },
  });
  const { message_ids: ids } = json as { message_ids: string[] };
  expect(new Set(ids).size).toBe(600);
  expect((await client().list()).messages).toEqual(ids.slice(0, 500));
  const message = await client().download(ids[599]!);
  expect(message.body.toString()).toBe('one of many');
  expect(Object.fromEntries(message.headers)).toMatchObject({
    'mex-from': 'ZZ9OT001',
    'mex-workflowid': 'FOREIGN',
    'mex-localid': 'L',
    'mex-content-checksum': 'abc',
  });
  expect((await order('POST', '/admin/deliver', { to: 'NOBODY01', from: 'X', workflow_id: 'W' })).status).toBe(404);
  expect((await order('POST', '/admin/deliver', { to: 'RZZ99OT001' })).status).toBe(400);
});
