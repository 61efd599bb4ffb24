import { afterEach, beforeEach, expect, it, test } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { startHealthLake, type HealthLake } from '../../../local/healthlake/healthlake.ts';
import { writeUnits } from '../../../local/healthlake/quota.ts';
import { batch, consent } from './resources.ts';
import { credentials, post, put, signedFetch, type Reply } from './signed-fetch.ts';

let healthLake: HealthLake;
let base: string;

beforeEach(async () => {
  healthLake = await startHealthLake({ datastoreId: '9'.repeat(32), credentials });
  base = healthLake.baseUrl;
});
afterEach(() => healthLake.close());

const unitsOfOne = writeUnits(consent('c0'));
const consents = (count: number) => Array.from({ length: count }, (_, at) => ({ resource: consent(`c${at}`) }));
const count = (reply: Reply, status: string) =>
  reply.body.entry.filter(({ response }) => response?.status === status).length;

test.each([
  { bytes: 0, units: 1 },
  { bytes: 1024, units: 1 },
  { bytes: 1025, units: 2 },
  { bytes: 2048, units: 2 },
  { bytes: 2049, units: 3 },
])('a payload of $bytes bytes is $units units', ({ bytes, units }) => {
  expect(writeUnits(bytes === 0 ? undefined : 'x'.repeat(bytes - 2))).toBe(units);
});

it('counts bytes, not characters', () => {
  expect(writeUnits('é'.repeat(1023))).toBe(2);
  expect(writeUnits('x'.repeat(1022))).toBe(1);
});

it('throttles the entries beyond a second of the quota one by one, and writes the others', async () => {
  healthLake.quota = { writeUnitsPerSecond: 10 * unitsOfOne };
  const reply = await post(base, batch(...consents(40)));
  expect(reply.status).toBe(200);
  const written = count(reply, '201');
  expect(written).toBeGreaterThanOrEqual(10);
  expect(written).toBeLessThan(15);
  expect(count(reply, '429')).toBe(40 - written);
  expect(reply.body.entry.at(-1)?.response?.outcome).toMatchObject({
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code: 'throttled', diagnostics: expect.stringContaining('ThrottlingException') }],
  });
  expect(healthLake.counters).toMatchObject({
    writes: written,
    writeUnits: written * unitsOfOne,
    throttledEntries: 40 - written,
  });
});

it('answers a single PUT beyond the quota with 429', async () => {
  healthLake.quota = { writeUnitsPerSecond: unitsOfOne };
  expect((await put(`${base}Consent/c0`, consent('c0'))).status).toBe(201);
  const { status, body } = await put(`${base}Consent/c1`, consent('c1'));
  expect([status, body.issue[0]?.diagnostics]).toEqual([429, expect.stringContaining('ThrottlingException')]);
});

it('lets through again what a second refills, and keeps no more than one second', async () => {
  healthLake.quota = { writeUnitsPerSecond: 5 * unitsOfOne };
  expect(count(await post(base, batch(...consents(5))), '201')).toBe(5);
  await pause(1_500);
  const written = count(await post(base, batch(...consents(20))), '200');
  expect(written).toBeLessThan(8);
  expect(written).toBeGreaterThanOrEqual(5);
});

it('lets a payload through that is larger than the quota of a second', async () => {
  healthLake.quota = { writeUnitsPerSecond: 1 };
  expect((await put(`${base}Consent/c0`, consent('c0'))).status).toBe(201);
});

it('counts reads by themselves, a deletion as one unit, and searches not at all', async () => {
  await put(`${base}Consent/c0`, consent('c0'));
  const before = healthLake.counters.writeUnits;
  healthLake.quota = { writeUnitsPerSecond: 1, readsPerSecond: 1 };
  const read = { request: { method: 'GET', url: 'Consent/c0' } };
  const search = { request: { method: 'GET', url: 'Consent?_id=c0' } };
  const remove = { request: { method: 'DELETE', url: 'Consent/c0' } };
  const bundle = { resourceType: 'Bundle', type: 'batch', entry: [read, read, search, search, remove, remove] };
  const reply = await post(base, bundle);
  expect(reply.body.entry.map(({ response }) => response?.status)).toEqual(['200', '429', '200', '200', '204', '429']);
  expect(healthLake.counters.writeUnits).toBe(before + 1);
});

it('is switched at any time', async () => {
  healthLake.quota = { readsPerSecond: 1 };
  expect((await signedFetch(`${base}Consent/c0`)).status).toBe(404);
  expect((await signedFetch(`${base}Consent/c0`)).status).toBe(429);
  healthLake.quota = {};
  expect((await signedFetch(`${base}Consent/c0`)).status).toBe(404);
});
