import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { startHealthLake, type HealthLake } from '../../../local/healthlake/healthlake.ts';
import { PermanentError } from '../../../shared/errors.ts';
import { newestRunMarker, postRunMarker, runMarkerOf, type CompletedRun } from '../../../shared/fhir/run-marker.ts';
import { FhirStore, type StoreCall } from '../../../shared/fhir/store.ts';
import { credentials } from '../../local/healthlake/signed-fetch.ts';

const namespace = 'https://fhir.example.nhs.uk/ndop';
const run: CompletedRun = {
  runId: '20260901T020000Z-7f3a',
  outcome: 'Completed',
  recorded: '2026-09-01T02:50:00Z',
  asAt: '2026-09-01T02:05:00Z',
  maxAgeDays: 21,
  submitted: 120,
  optedOut: 6,
  notOptedOut: 114,
  consentWrites: 9,
};
const marker = runMarkerOf(run, { namespace });
const closing = { namespace, runId: run.runId, opening: 1 };

/** A store whose search finds these, and which keeps what it was asked for. */
function searching(...found: readonly unknown[]) {
  const asked: unknown[] = [];
  // eslint-disable-next-line @typescript-eslint/require-await -- a search is read page by page
  async function* search(type: string, parameters: Readonly<Record<string, string>>): AsyncGenerator {
    asked.push({ type, ...parameters });
    yield* found;
  }
  return { asked, search };
}

/** A store that answers each call with the next of these. */
function answering(...answers: readonly unknown[]) {
  const calls: StoreCall[] = [];
  const call = (one: StoreCall) => Promise.resolve(answers[calls.push(one) - 1]);
  return { calls, call, baseUrl: 'https://healthlake.example/datastore/abc/r4/' };
}
const duplicate = { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'duplicate' }] };

describe('the marker of a completed run', () => {
  it.each([
    { asAt: '2026-09-01T02:05:00Z', maxAgeDays: 21, usableUntil: '2026-09-22T02:05:00.000Z' },
    { asAt: '2026-10-20T02:05:00.250Z', maxAgeDays: 7, usableUntil: '2026-10-27T02:05:00.250Z' },
  ])('of $asAt holds for $maxAgeDays days: until $usableUntil', async ({ usableUntil, ...rest }) => {
    const store = searching(runMarkerOf({ ...run, ...rest }, { namespace }));
    expect(await newestRunMarker(store, namespace)).toEqual({ asAt: rest.asAt, usableUntil });
  });
});

describe('posting a marker', () => {
  it('is done once the store has created it', async () => {
    const store = answering({ ...marker, id: 'made' });
    await postRunMarker(store, marker, closing);
    expect(store.calls).toMatchObject([{ url: new URL(`${store.baseUrl}AuditEvent`), body: JSON.stringify(marker) }]);
  });

  it('is done too where the store knows the key already', async () => {
    await expect(postRunMarker(answering(duplicate), marker, closing)).resolves.toBeUndefined();
  });

  it.each([
    { answer: 'another conflict', body: { ...duplicate, issue: [{ severity: 'error', code: 'conflict' }] } },
    { answer: 'something else', body: { resourceType: 'Bundle' } },
  ])('is refused where the store answers with $answer', async ({ body }) => {
    await expect(postRunMarker(answering(body), marker, closing)).rejects.toThrow(PermanentError);
  });

  it('uses the same key for the same closing, and another for each other', async () => {
    const store = answering(marker, marker, marker, marker);
    await postRunMarker(store, marker, closing);
    await postRunMarker(store, marker, { ...closing });
    await postRunMarker(store, marker, { ...closing, opening: 2 });
    await postRunMarker(store, marker, { ...closing, runId: '20261001T020000Z-7f3a' });
    const keys = store.calls.map(({ headers }) => headers?.['x-amz-fhir-idempotency-key']);
    expect(keys[1]).toBe(keys[0]);
    expect(new Set(keys).size).toBe(3);
    expect(
      keys.every((key) => /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(key!)),
    ).toBe(true);
  });
});

describe('the newest marker', () => {
  it('is asked for by its own subtype, the latest first', async () => {
    const store = searching(marker);
    await newestRunMarker(store, namespace);
    expect(store.asked).toEqual([
      {
        type: 'AuditEvent',
        subtype: `${namespace}/CodeSystem/audit-event-subtype|ndop-run-completed`,
        _sort: '-date',
        _count: '1',
      },
    ]);
  });

  const [entity] = marker.entity;
  const withDetails = (...detail: readonly { type: string; valueString: string }[]) => ({
    ...marker,
    entity: [{ ...entity, detail }],
  });
  const [asAt, usableUntil] = [
    { type: 'asAt', valueString: run.asAt },
    { type: 'usableUntil', valueString: '2026-09-22T02:05:00.000Z' },
  ];

  test.each([
    { what: 'nothing', found: [] },
    { what: 'another resource', found: [{ resourceType: 'Consent' }] },
    { what: 'a run that failed', found: [{ ...marker, outcome: '8' }] },
    {
      what: "another system's event",
      found: [{ ...marker, subtype: [{ system: 'urn:x', code: 'ndop-run-completed' }] }],
    },
    { what: 'no subtype', found: [{ ...marker, subtype: undefined }] },
    { what: 'no entity', found: [{ ...marker, entity: [] }] },
    { what: 'two entities', found: [{ ...marker, entity: [entity, entity] }] },
    { what: 'no time until when', found: [withDetails(asAt)] },
    { what: 'no time of its own', found: [withDetails(usableUntil)] },
    { what: 'a time that is none', found: [withDetails(asAt, { type: 'usableUntil', valueString: 'soon' })] },
    {
      what: 'a time twice',
      found: [withDetails(asAt, usableUntil, { ...usableUntil, valueString: '2099-01-01T00:00:00Z' })],
    },
    { what: 'an unreadable one before a good one', found: [withDetails(), marker] },
  ])('is none where the store finds $what', async ({ found }) => {
    expect(await newestRunMarker(searching(...found), namespace)).toBeUndefined();
  });

  it('is read where the details are in another order, and more stand beside them', async () => {
    const found = withDetails(usableUntil, { type: 'more', valueString: '1' }, asAt);
    expect(await newestRunMarker(searching(found), namespace)).toEqual({
      asAt: run.asAt,
      usableUntil: usableUntil.valueString,
    });
  });
});

describe('a store over HTTP', () => {
  let healthLake: HealthLake;
  beforeAll(async () => {
    const [[accessKeyId, secret] = ['', '']] = credentials;
    process.env.AWS_ACCESS_KEY_ID = accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = secret;
    healthLake = await startHealthLake({ datastoreId: 'd'.repeat(32), credentials });
  });
  afterAll(() => healthLake.close());

  it('holds one marker for each closing, however often it is posted, and gives the newest', async () => {
    const store = new FhirStore({ baseUrl: healthLake.baseUrl, region: 'eu-west-2' });
    const [recorded, asAt] = ['2026-10-01T02:50:00Z', '2026-10-01T02:05:00Z'];
    await postRunMarker(store, runMarkerOf({ ...run, recorded, asAt }, { namespace }), { ...closing, opening: 2 });
    await postRunMarker(store, marker, closing);
    await postRunMarker(store, marker, closing);
    expect([...healthLake.resources('AuditEvent')]).toHaveLength(2);
    expect(await newestRunMarker(store, namespace)).toEqual({ asAt, usableUntil: '2026-10-22T02:05:00.000Z' });
  });
});
