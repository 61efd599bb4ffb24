import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import type { Fault, Operation } from '../../../local/healthlake/faults.ts';
import { startHealthLake, type HealthLake } from '../../../local/healthlake/healthlake.ts';
import { batch, consent } from './resources.ts';
import { credentials, post, postForm, put, signedFetch, type Reply } from './signed-fetch.ts';

let healthLake: HealthLake;
let base: string;

beforeEach(async () => {
  healthLake = await startHealthLake({ datastoreId: 'f'.repeat(32), credentials });
  base = healthLake.baseUrl;
});
afterEach(() => healthLake.close());

const consents = (count: number) => Array.from({ length: count }, (_, at) => ({ resource: consent(`c${at}`) }));
const statuses = ({ body }: Reply) => body.entry.map(({ response }) => response?.status);
const writeOne = () => post(base, batch(...consents(1)));

test.each<[Fault, number, string | undefined]>([
  [{ kind: 'throttle', times: 1 }, 429, 'ThrottlingException'],
  [{ kind: 'throttle-in-400', times: 1 }, 400, 'ThrottlingException'],
  [{ kind: 'unavailable', times: 1 }, 503, undefined],
])('answers the next call with the fault %j and the one after it properly', async (fault, status, type) => {
  healthLake.faults.add(fault);
  const reply = await writeOne();
  expect([reply.status, reply.body.__type]).toEqual([status, type]);
  expect((await writeOne()).body.entry[0]?.response?.status).toBe('201');
});

it('keeps a fault for the operation it is meant for', async () => {
  healthLake.faults.add({ kind: 'throttle', times: 1, on: 'search', retryAfterSeconds: 2 });
  expect((await writeOne()).status).toBe(200);
  const reply = await signedFetch(`${base}Consent`);
  expect([reply.status, reply.headers.get('retry-after')]).toEqual([429, '2']);
});

it('answers slowly when asked to', async () => {
  healthLake.faults.add({ kind: 'slow', times: 1, milliseconds: 200 });
  const start = performance.now();
  expect((await writeOne()).status).toBe(200);
  expect(performance.now() - start).toBeGreaterThan(190);
});

it('throttles every call for a while, counted from the first', async () => {
  healthLake.faults.add({ kind: 'throttle', forMilliseconds: 250, on: 'batch' });
  await pause(300);
  expect([(await writeOne()).status, (await writeOne()).status]).toEqual([429, 429]);
  expect((await signedFetch(`${base}Consent`)).status).toBe(200);
  await pause(260);
  expect((await writeOne()).status).toBe(200);
});

it('hits the n-th matching call where some are to go by', async () => {
  healthLake.faults.add({ kind: 'unavailable', times: 2, after: 2, on: 'read' });
  await put(`${base}Consent/c0`, consent('c0'));
  const reads = [];
  for (let read = 0; read < 5; read += 1) reads.push((await signedFetch(`${base}Consent/c0`)).status);
  expect(reads).toEqual([200, 200, 503, 503, 200]);
});

describe('a caller that is cut off', () => {
  const calls: Readonly<Record<'batch' | 'read' | 'search' | 'write', () => Promise<Reply>>> = {
    batch: writeOne,
    read: () => signedFetch(`${base}Consent/c9`),
    search: () => postForm(`${base}Consent/_search`, { _id: 'c9' }),
    write: () => put(`${base}Consent/c0`, consent('c0')),
  };
  const cases = (['batch', 'read', 'search', 'write'] as const).flatMap((on) => [
    { on, kind: 'call-lost' as const, written: 0 },
    { on, kind: 'answer-lost' as const, written: on === 'batch' || on === 'write' ? 1 : 0 },
  ]);

  test.each(cases)('by $kind on a $on has written $written', async ({ on, kind, written }) => {
    await put(`${base}Consent/c9`, consent('c9'));
    const other: Operation = on === 'batch' ? 'write' : 'batch';
    healthLake.faults.add({ kind, times: 1, on });
    expect((await calls[other]()).status).toBeLessThan(300);
    const before = healthLake.counters.writes;
    await expect(calls[on]()).rejects.toThrow('fetch failed');
    expect(healthLake.counters.writes - before).toBe(written);
    expect((await calls[on]()).status).toBeLessThan(300);
  });
});

it('throttles or refuses single entries, by id or position, and writes the others', async () => {
  healthLake.faults.add({ kind: 'entry-throttle', times: 1, entry: 'c1' });
  healthLake.faults.add({ kind: 'entry-refuse', times: 1, entry: 2, status: 422 });
  const first = await post(base, batch(...consents(3)));
  expect(statuses(first)).toEqual(['201', '429', '422']);
  expect(JSON.stringify(first.body.entry[1])).toContain('ThrottlingException');
  expect(statuses(await post(base, batch(...consents(3))))).toEqual(['200', '201', '201']);
});

describe('refusing a share of the ids', () => {
  const refusedIn = (reply: Reply) => statuses(reply).flatMap((status, at) => (status === '400' ? [at] : []));

  it('hits about that share, and the same ids each time until the faults are cleared', async () => {
    healthLake.faults.add({ kind: 'entry-refuse', share: 0.1 });
    const first = await post(base, batch(...consents(500)));
    const refused = refusedIn(first);
    expect(refused.length).toBeGreaterThan(25);
    expect(refused.length).toBeLessThan(75);
    expect(first.body.entry[refused[0] ?? 0]?.response?.outcome).toMatchObject({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', code: 'business-rule' }],
    });
    expect(refusedIn(await post(base, batch(...consents(500).toReversed())))).toEqual(
      refused.map((at) => 499 - at).toReversed(),
    );
    expect((await put(`${base}Consent/c${refused[0]}`, consent(`c${refused[0]}`))).status).toBe(400);
    healthLake.faults.clear();
    expect(refusedIn(await post(base, batch(...consents(500))))).toEqual([]);
  });

  it('leaves reads and deletions of them alone, unless asked otherwise', async () => {
    await writeOne();
    const entry = ['GET', 'DELETE'].map((method) => ({ request: { method, url: 'Consent/c0' } }));
    healthLake.faults.add({ kind: 'entry-refuse', share: 1, status: 412 });
    const bundle = { resourceType: 'Bundle', type: 'batch', entry };
    expect(statuses(await post(base, bundle))).toEqual(['200', '204']);
    healthLake.faults.add({ kind: 'entry-refuse', share: 1, method: 'DELETE' });
    expect(statuses(await post(base, bundle))).toEqual(['410', '400']);
    expect(statuses(await writeOne())).toEqual(['412']);
  });
});
