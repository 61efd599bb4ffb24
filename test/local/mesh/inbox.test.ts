import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { type MeshStandIn, startMesh } from '../../../local/mesh/mesh.ts';
import { alice, mailboxes, rawMailbox, sharedKey, text } from './raw-mailbox.ts';

let mesh: MeshStandIn;
const client = (owner = alice) => rawMailbox(mesh.url, owner);

beforeEach(async () => {
  mesh = await startMesh({ mailboxes, sharedKey, maxBodyBytes: 1000 });
});
afterEach(() => mesh.close());

describe('the inbox', () => {
  const deliver = (workflowId = 'WORKFLOW') =>
    mesh.deliver({ from: 'X26OT154', to: 'RZZ99OT001', workflowId, body: text });

  it('lists 600 messages as 500 and, once those are acknowledged, 100', async () => {
    const ids = Array.from({ length: 600 }, () => deliver());
    const first = await client().list();
    expect(first.messages).toEqual(ids.slice(0, 500));
    expect(first.approx_inbox_count).toBe(600);
    for (const id of first.messages) mesh.acknowledge(id);
    const second = await client().list();
    expect(second).toEqual({
      messages: ids.slice(500),
      links: { self: '/messageexchange/RZZ99OT001/inbox' },
      approx_inbox_count: 100,
    });
  });

  it('links to the next page by a path without host, and to none from the last', async () => {
    const ids = Array.from({ length: 25 }, () => deliver());
    const seen: string[] = [];
    let query: string | undefined = '?max_results=10';
    for (let pages = 0; query !== undefined; pages += 1) {
      expect(pages).toBeLessThan(3);
      const page = await client().list(query);
      seen.push(...page.messages);
      const next: string | undefined = page.links.next;
      if (next !== undefined) expect(next).toMatch(/^\/messageexchange\/RZZ99OT001\/inbox\?/);
      query = next?.slice(next.indexOf('?'));
    }
    expect(seen).toEqual(ids);
  });

  it('keeps its place in the pages while messages are acknowledged', async () => {
    const ids = Array.from({ length: 15 }, () => deliver());
    const first = await client().list('?max_results=10');
    for (const id of first.messages) await client().acknowledge(id);
    const next = first.links.next ?? '';
    expect((await client().list(next.slice(next.indexOf('?')))).messages).toEqual(ids.slice(10));
  });

  test.each([
    ['AB_ONE', ['AB_ONE']],
    ['!AB_ONE', ['AB_TWO', 'XY_ONE']],
    ['AB*', ['AB_ONE', 'AB_TWO']],
    ['!AB*', ['XY_ONE']],
    ['*_ON*', ['AB_ONE', 'XY_ONE']],
    ['!*_ON*', ['AB_TWO']],
  ])('filtered by %s lists %j', async (filter, workflows) => {
    const ids = new Map(['AB_ONE', 'AB_TWO', 'XY_ONE'].map((workflowId) => [workflowId, deliver(workflowId)]));
    const { messages } = await client().list(`?workflow_filter=${encodeURIComponent(filter)}`);
    expect(messages).toEqual(workflows.map((workflowId) => ids.get(workflowId)));
  });

  it('gives an empty page that has a next one when the filter lets none of it through', async () => {
    for (let count = 0; count < 10; count += 1) deliver('OTHER');
    const wanted = deliver('WORKFLOW');
    const first = await client().list('?workflow_filter=WORKFLOW&max_results=10');
    expect(first.messages).toEqual([]);
    const next = first.links.next ?? '';
    expect(await client().list(next.slice(next.indexOf('?')))).toMatchObject({ messages: [wanted] });
  });

  test.each([
    ['max_results=9', 400],
    ['max_results=5001', 400],
    ['max_results=many', 400],
    ['workflow_filter=W', 400],
    ['workflow_filter=*ENDS', 501],
    ['continue_from=123456789012345678901234', 400],
  ])('?%s is answered %i', async (query, status) => {
    expect((await client().call('GET', `/inbox?${query}`)).status).toBe(status);
  });

  it('counts', async () => {
    deliver();
    expect(await (await client().call('GET', '/count')).json()).toEqual({ count: 1 });
  });
});
