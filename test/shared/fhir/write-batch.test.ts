import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { consentOf, type Consent } from '../../../shared/fhir/consent.ts';
import { consentIdOf, parseIdKey } from '../../../shared/fhir/consent-id.ts';
import { writeBatch, type Write, type Written } from '../../../shared/fhir/write-batch.ts';
import type { OptOutStatus } from '../../../shared/ndop/snapshot.ts';
import { InMemoryFhirStore } from '../../support/in-memory-fhir-store.ts';
import { syntheticNumbers } from '../../support/nhs-numbers.ts';

const idKey = parseIdKey('00'.repeat(32));
const namespace = 'https://fhir.example.nhs.uk/ndop';
const [first, ours, later] = ['20260801T020000Z-0000', '20260901T020000Z-7f3a', '20260908T020000Z-1111'];
const people = syntheticNumbers(6);

function consent(
  nhsNumber: number,
  status: OptOutStatus,
  { runId = ours, since = '2026-09-01T02:41:07Z' } = {},
): Consent {
  const optOut = { nhsNumber, status, since, ...(status === 'active' ? { optedOutSince: since } : {}) };
  return consentOf(optOut, 'one', { idKey, namespace, runId, patientReference: 'literal' });
}
const put = (...given: Parameters<typeof consent>): Write => ({ method: 'PUT', consent: consent(...given) });
const remove = (nhsNumber: number): Write => ({ method: 'DELETE', id: consentIdOf(nhsNumber, idKey) });
const write = (store: InMemoryFhirStore, writes: readonly Write[]) =>
  writeBatch(store, writes, { namespace, runId: ours, sleep: () => Promise.resolve() });
const old = { runId: first, since: '2026-08-01T02:41:07Z' };

/** A store that holds these, as HealthLake gives them back. */
function holding(...consents: readonly Consent[]): InMemoryFhirStore {
  const store = new InMemoryFhirStore();
  for (const one of consents) {
    store.consents.set(one.id, { ...one, meta: { ...one.meta, versionId: '3', lastUpdated: 'x' } } as Consent);
  }
  return store;
}

const [one, two, three] = people as [number, number, number];

describe('a batch of changes', () => {
  it('reads first and writes what differs', async () => {
    const store = holding(consent(one, 'inactive', old), consent(two, 'active', old), consent(three, 'active', old));
    const writes = [
      put(one, 'active'),
      put(two, 'active', { ...old, runId: ours }),
      remove(three),
      put(people[3]!, 'inactive'),
    ];
    expect(await write(store, writes)).toEqual([
      { kind: 'written' },
      { kind: 'present' },
      { kind: 'written' },
      { kind: 'written' },
    ]);
    expect(store.written).toEqual([
      { method: 'PUT', id: consentIdOf(one, idKey) },
      { method: 'DELETE', id: consentIdOf(three, idKey) },
      { method: 'PUT', id: consentIdOf(people[3]!, idKey) },
    ]);
    expect(store.calls).toHaveLength(2);
  });

  it('writes nothing more when it is repeated, and still counts what it wrote before', async () => {
    const store = holding(consent(one, 'inactive', old));
    const writes = [put(one, 'active'), put(two, 'inactive'), remove(three)];
    await write(store, writes);
    const before = store.written.length;
    expect(await write(store, writes)).toEqual(writes.map(() => ({ kind: 'written' })));
    expect(store.written).toHaveLength(before);
  });

  it('of nothing asks nothing', async () => {
    const store = new InMemoryFhirStore();
    expect(await write(store, [])).toEqual([]);
    expect(store.calls).toEqual([]);
  });

  it('never overwrites or deletes a Consent that is not ours', async () => {
    const foreign = { ...consent(one, 'inactive', old), meta: {} } as unknown as Consent;
    for (const change of [put(one, 'active'), remove(one)]) {
      const store = holding(foreign);
      expect(await write(store, [change, put(two, 'active')])).toMatchObject([
        { kind: 'set-aside', reason: 'a Consent that is not ours has its id' },
        { kind: 'written' },
      ]);
      expect(store.consents.get(foreign.id)).toMatchObject(foreign);
    }
  });

  it('leaves what a later run has written, unless it was late itself and its answer is newer', async () => {
    const newer = consent(one, 'inactive', { runId: later, since: '2026-09-08T02:41:07Z' });
    const store = holding(newer);
    expect(await write(store, [put(one, 'active')])).toMatchObject([
      { kind: 'set-aside', reason: 'a later run has written it', held: { status: 'inactive' } },
    ]);
    expect(store.written).toEqual([]);
    expect(await write(store, [put(one, 'active', { since: '2026-09-09T00:00:00Z' })])).toEqual([{ kind: 'written' }]);
  });
});

describe('an entry that the store refuses', () => {
  const refusing = (store: InMemoryFhirStore, nhsNumber: number, methods: readonly string[]) => {
    store.faults.onEntry = ({ request }) =>
      request.url.endsWith(consentIdOf(nhsNumber, idKey)) && methods.includes(request.method)
        ? {
            status: '400',
            outcome: { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'invariant' }] },
          }
        : undefined;
    return store;
  };

  it('is set aside with its reason and what the store holds, and the others go on', async () => {
    const store = refusing(holding(consent(one, 'active', old)), one, ['PUT']);
    expect(await write(store, [put(one, 'inactive'), put(two, 'inactive')])).toMatchObject([
      { kind: 'set-aside', reason: expect.stringMatching(/^status 400: .*invariant/), held: { status: 'active' } },
      { kind: 'written' },
    ]);
  });

  it('leaves nothing behind that says somebody has not opted out who has', async () => {
    const store = refusing(holding(consent(one, 'inactive', old)), one, ['PUT']);
    const [outcome] = await write(store, [put(one, 'active')]);
    expect(outcome).toMatchObject({ kind: 'set-aside', held: undefined });
    expect(store.consents.size).toBe(0);
  });

  test.each([
    { wanted: put(one, 'active'), held: 'inactive', isUnsafe: true },
    { wanted: remove(one), held: 'inactive', isUnsafe: true },
    { wanted: remove(one), held: 'active', isUnsafe: false },
    { wanted: put(one, 'inactive'), held: 'inactive', isUnsafe: false },
    { wanted: put(one, 'inactive'), held: 'active', isUnsafe: false },
  ] as const)('and leaves $held where $wanted.method was wanted is unsafe $isUnsafe', async (given) => {
    const { wanted, held, isUnsafe } = given;
    const store = refusing(holding(consent(one, held, old)), one, ['PUT', 'DELETE']);
    expect(await write(store, [wanted])).toMatchObject([{ kind: 'set-aside', held: { status: held }, isUnsafe }]);
  });

  test.each([
    { held: 'nothing', store: holding() },
    { held: 'an opt-out', store: holding(consent(one, 'active', { ...old, since: '2026-07-01T00:00:00Z' })) },
  ])('of somebody who has opted out and has $held there leaves it so', async ({ store }) => {
    refusing(store, one, ['PUT']);
    const before = new Map(store.consents);
    await write(store, [put(one, 'active')]);
    expect(store.consents).toEqual(before);
    expect(store.written).toEqual([]);
  });
});

it('an entry that was carried out and answered without a status is read up on, and never recorded as it was before', async () => {
  const store = holding(consent(one, 'active', old));
  const carryOut = store.postBundle.bind(store);
  let writes = 0;
  store.postBundle = async (bundle) => {
    const answer = (await carryOut(bundle)) as { entry: object[] };
    const isWrite = (bundle as { entry: { request: { method: string } }[] }).entry[0]?.request.method === 'PUT';
    writes += isWrite ? 1 : 0;
    return isWrite ? { ...answer, entry: answer.entry.map(() => ({ response: {} })) } : answer;
  };
  expect(await write(store, [put(one, 'inactive')])).toEqual([{ kind: 'written' }]);
  expect(writes).toBe(1);
});

describe('an answer that is lost', () => {
  test.each(['lost', 'unanswered'] as const)('is read up on before anything is written again: %s', async (fault) => {
    const store = holding(consent(one, 'inactive', old));
    let writesSeen = 0;
    store.faults.onCall = (entries) => {
      if (entries[0]?.request.method === 'GET') return undefined;
      writesSeen += 1;
      return writesSeen === 1 ? fault : undefined;
    };
    expect(await write(store, [put(one, 'active'), put(two, 'active')])).toEqual([
      { kind: 'written' },
      { kind: 'written' },
    ]);
    expect(store.written).toHaveLength(2);
    expect([...store.versions.values()]).toEqual([1, 1]);
  });

  it('of single entries is read up on for those alone', async () => {
    const store = new InMemoryFhirStore();
    const failed = new Set<string>();
    store.faults.onEntry = ({ request }) => {
      if (request.method === 'GET' || failed.has(request.url) || failed.size === 2) return undefined;
      failed.add(request.url);
      return { status: '500' };
    };
    await write(
      store,
      people.map((nhsNumber) => put(nhsNumber, 'active')),
    );
    expect(store.calls.map((entries) => [entries[0]!.request.method, entries.length])).toEqual([
      ...[
        ['GET', 6],
        ['PUT', 6],
        ['GET', 2],
        ['PUT', 2],
      ],
    ]);
    expect(store.consents.size).toBe(6);
  });
});

it('whatever is lost, throttled or refused on the way, no content is written twice and nobody opted out reads otherwise', async () => {
  const fates = fc.constantFrom('fine', 'fine', 'throttled', '500', '400', '500 after');
  const cases = fc.record({
    held: fc.array(fc.constantFrom('none', 'active', 'inactive'), { minLength: 6, maxLength: 6 }),
    wanted: fc.array(fc.constantFrom('active', 'inactive', 'gone'), { minLength: 6, maxLength: 6 }),
    fates: fc.array(fates, { minLength: 1, maxLength: 40 }),
    calls: fc.array(fc.constantFrom('fine', 'fine', 'lost', 'unanswered'), { minLength: 1, maxLength: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ held, wanted, fates: befalls, calls }) => {
      const store = holding(
        ...people.flatMap((nhsNumber, index) => {
          const status = held[index]!;
          return status === 'none' ? [] : [consent(nhsNumber, status, old)];
        }),
      );
      const writes = people.map((nhsNumber, index) => {
        const status = wanted[index]!;
        return status === 'gone' ? remove(nhsNumber) : put(nhsNumber, status);
      });
      let entry = 0;
      let call = 0;
      store.faults = {
        onCall: (entries) => {
          if (entries[0]?.request.method === 'GET' || call >= calls.length) return undefined;
          const fault = calls[call++];
          return fault === 'lost' || fault === 'unanswered' ? fault : undefined;
        },
        onEntry: ({ request }) => {
          if (request.method === 'GET' || entry >= befalls.length) return undefined;
          const fate = befalls[entry++]!;
          return fate === 'fine' ? undefined : { status: fate === 'throttled' ? '429' : fate.slice(0, 3) };
        },
      };
      let outcomes: readonly Written[];
      try {
        outcomes = await write(store, writes);
      } catch (error) {
        expect((error as Error).name).toMatch(/^(HealthLakeThrottled|HealthLakeUnavailable)$/);
        return;
      }
      for (const version of store.versions.values()) expect(version).toBe(1);
      for (const [index, nhsNumber] of people.entries()) {
        const stands = store.consents.get(consentIdOf(nhsNumber, idKey));
        const outcome = outcomes[index]!;
        const isUnsafe = outcome.kind === 'set-aside' && outcome.isUnsafe;
        if (wanted[index] !== 'inactive') expect(stands?.status === 'inactive').toBe(isUnsafe);
        if (outcome.kind === 'set-aside') expect(stands).toEqual(outcome.held);
        else expect(stands?.status).toBe(wanted[index] === 'gone' ? undefined : wanted[index]);
      }
    }),
    { numRuns: 300 },
  );
});
