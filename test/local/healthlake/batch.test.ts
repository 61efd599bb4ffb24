import { afterEach, beforeEach, expect, it, test } from '@jest/globals';
import { startHealthLake, type HealthLake } from '../../../local/healthlake/healthlake.ts';
import { batch, consent } from './resources.ts';
import { credentials, post, put, signedFetch, type Reply } from './signed-fetch.ts';

let healthLake: HealthLake;
let base: string;

beforeEach(async () => {
  healthLake = await startHealthLake({ datastoreId: 'b'.repeat(32), credentials });
  base = healthLake.baseUrl;
});
afterEach(() => healthLake.close());

const consents = (count: number) => Array.from({ length: count }, (_, at) => ({ resource: consent(`c${at}`) }));
const statuses = ({ body }: Reply) => body.entry.map(({ response }) => response?.status);

it('answers every entry by its position', async () => {
  const reply = await post(base, batch(...consents(2)));
  expect([reply.status, reply.body.type]).toEqual([200, 'batch-response']);
  expect(reply.body.entry.map(({ response }) => response)).toEqual(
    ['c0', 'c1'].map((id) => ({
      status: '201',
      location: `Consent/${id}/_history/1`,
      etag: 'W/"1"',
      lastModified: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    })),
  );
});

it('writes the good entries and refuses the bad one with its outcome', async () => {
  const reply = await post(base, batch({ resource: consent('c0') }, { resource: consent('c1', { status: 'no' }) }));
  expect([reply.status, ...statuses(reply)]).toEqual([200, '201', '400']);
  expect(reply.body.entry[1]?.response?.outcome).toMatchObject({ resourceType: 'OperationOutcome' });
  expect((await signedFetch(`${base}Consent/c0`)).status).toBe(200);
  expect((await signedFetch(`${base}Consent/c1`)).status).toBe(404);
});

it('takes POST, GET, DELETE and searches as entries', async () => {
  await put(`${base}Consent/c0`, consent('c0'));
  const entries: readonly object[] = [
    { request: { method: 'POST', url: 'Consent' }, resource: consent('x') },
    { request: { method: 'GET', url: 'Consent/c0' } },
    { request: { method: 'GET', url: 'Consent?identifier=urn:test:c0' } },
    { request: { method: 'DELETE', url: 'Consent/c0' } },
    { request: { method: 'GET', url: 'Consent/c0' } },
    { resource: consent('no-request') },
    { request: { method: 'PUT', url: 'Consent/c0', ifMatch: 'W/"1"' }, resource: consent('c0') },
  ];
  const reply = await post(base, { resourceType: 'Bundle', type: 'batch', entry: entries });
  expect(statuses(reply)).toEqual(['201', '200', '200', '204', '410', '400', '501']);
  expect(reply.body.entry[1]?.resource?.id).toBe('c0');
  expect(reply.body.entry[2]?.resource?.entry).toHaveLength(1);
});

it('takes 500 entries and no more', async () => {
  expect((await post(base, batch(...consents(500)))).status).toBe(200);
  expect((await post(base, batch(...consents(501)))).status).toBe(422);
});

it('refuses a transaction, as HealthLake does when it is over 100 entries', async () => {
  expect((await post(base, { ...batch(...consents(101)), type: 'transaction' })).status).toBe(422);
  expect((await post(base, { ...batch(...consents(2)), type: 'transaction' })).status).toBe(501);
});

test.each([
  ['not a Bundle', { resourceType: 'Consent' }],
  ['of another type', { resourceType: 'Bundle', type: 'collection' }],
])('refuses a body that is %s', async (_, body) => {
  expect((await post(base, body)).status).toBe(400);
});

it('counts requests, bundles and versions written', async () => {
  await post(base, batch(...consents(3), { resource: consent('bad', { status: 'no' }) }));
  await put(`${base}Consent/c0`, consent('c0'));
  await signedFetch(`${base}Consent/c0`);
  expect(healthLake.counters).toMatchObject({ requests: 3, batches: 1, writes: 4 });
});
