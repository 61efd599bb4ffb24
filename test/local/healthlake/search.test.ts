import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { startHealthLake, type HealthLake } from '../../../local/healthlake/healthlake.ts';
import { auditEvent, batch, consent, datasetTag, nhsNumber, patient, provenance } from './resources.ts';
import { credentials, post, postForm, put, signedFetch, type Reply } from './signed-fetch.ts';

let healthLake: HealthLake;
let base: string;

const ids = ({ body }: Reply) => body.entry.map(({ resource }) => resource?.id);
const linkOf = ({ body }: Reply, relation: string): string | undefined =>
  body.link.find((link) => link.relation === relation)?.url;

beforeAll(async () => {
  healthLake = await startHealthLake({ datastoreId: 'c'.repeat(32), credentials });
  base = healthLake.baseUrl;
  await post(
    base,
    batch(
      { resource: patient('p1', '9000000009') },
      { resource: patient('p2', '4505577104') },
      { resource: consent('c1', { patient: { reference: 'Patient/p1' } }) },
      { resource: consent('c2', { patient: { reference: 'Patient/p2' }, status: 'inactive' }) },
      {
        resource: consent('c3', {
          patient: { type: 'Patient', identifier: { system: nhsNumber, value: '9000000009' } },
          category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
          meta: { source: 'urn:other' },
        }),
      },
    ),
  );
});
afterAll(() => healthLake.close());

test.each([
  ['Patient', { identifier: `${nhsNumber}|9000000009` }, ['p1']],
  ['Patient', { identifier: '9000000009,4505577104' }, ['p1', 'p2']],
  ['Patient', { identifier: 'urn:another|9000000009' }, []],
  ['Patient', { _id: 'p2,p9' }, ['p2']],
  ['Patient', {}, ['p1', 'p2']],
  ['Consent', { patient: 'Patient/p1' }, ['c1']],
  ['Consent', { patient: 'p2' }, ['c2']],
  ['Consent', { 'patient:identifier': `${nhsNumber}|9000000009` }, ['c3']],
  ['Consent', { category: 'http://snomed.info/sct|370856009' }, ['c1', 'c2']],
  ['Consent', { category: '59284-0,INFA', status: 'active' }, ['c1', 'c3']],
  ['Consent', { status: 'inactive' }, ['c2']],
  ['Consent', { status: 'draft' }, []],
  ['Consent', { _tag: `${datasetTag.system}|${datasetTag.code}` }, ['c1', 'c2']],
  ['Consent', { _source: 'urn:other' }, ['c3']],
  ['Consent', { identifier: 'urn:ietf:rfc:3986|urn:test:c2' }, ['c2']],
])('finds %s by %j in id order', async (type, parameters, expected) => {
  expect(ids(await postForm(`${base}${type}/_search`, parameters))).toEqual(expected);
  expect(ids(await signedFetch(`${base}${type}?${new URLSearchParams(parameters).toString()}`))).toEqual(expected);
});

it('forgets what a resource used to be found by', async () => {
  await put(`${base}Consent/moved`, consent('moved', { patient: { reference: 'Patient/old' } }));
  expect(ids(await signedFetch(`${base}Consent?patient=old`))).toEqual(['moved']);
  await put(`${base}Consent/moved`, consent('moved', { patient: { reference: 'Patient/new' } }));
  expect(ids(await signedFetch(`${base}Consent?patient=old`))).toEqual([]);
  expect(ids(await signedFetch(`${base}Consent?patient=new`))).toEqual(['moved']);
  await signedFetch(`${base}Consent/moved`, { method: 'DELETE' });
  expect(ids(await signedFetch(`${base}Consent?patient=new`))).toEqual([]);
});

test.each([
  'Consent?_count=101',
  'Consent?_count=0',
  'Consent?_total=estimate',
  'Consent?date=2026-01-01',
  'Consent?status:not=active',
  'Consent?_sort=_id',
  'Consent?patient=Group/1',
  'Consent?status=',
  'Patient?status=active',
])('answers 400 to %s', async (path) => {
  const { status, body } = await signedFetch(`${base}${path}`);
  expect([status, body.resourceType]).toEqual([400, 'OperationOutcome']);
});

it('takes search parameters in the URL or in the body, not in both', async () => {
  expect((await postForm(`${base}Consent/_search?status=active`, { _count: '1' })).status).toBe(400);
});

it('returns only the elements asked for, marked as a subset', async () => {
  const { body } = await signedFetch(`${base}Consent?_id=c1&_elements=patient,dateTime`);
  const resource = body.entry[0]?.resource;
  expect(Object.keys(resource ?? {}).sort()).toEqual(['dateTime', 'id', 'meta', 'patient', 'resourceType']);
  expect(JSON.stringify(resource?.meta)).toContain('SUBSETTED');
});

describe('AuditEvents', () => {
  const subtype = { system: 'urn:ndop', code: 'ndop-run-completed' };
  const recorded = ['2026-09-01T02:50:00Z', '2026-09-03T00:30:00+01:00', '2026-09-02T02:50:00.250Z'];
  const created: string[] = [];
  const find = async (query: string) =>
    ids(await signedFetch(`${base}AuditEvent?${query}`)).map((id) => created.indexOf(id ?? ''));

  beforeAll(async () => {
    for (const time of recorded) {
      const { body } = await post(`${base}AuditEvent`, { ...auditEvent, recorded: time, subtype: [subtype] });
      created.push(body.id);
    }
    const other = { ...auditEvent, recorded: '2026-12-01T00:00:00Z', type: { code: 'other' } };
    created.push((await post(`${base}AuditEvent`, other)).body.id);
  });

  test.each([
    ['subtype=urn:ndop|ndop-run-completed&_sort=-date&_count=1', [1]],
    ['subtype=ndop-run-completed&_sort=-date', [1, 2, 0]],
    ['subtype=urn:other|ndop-run-completed', []],
    ['type=http://dicom.nema.org/resources/ontology/DCM|110107&_sort=date', [0, 2, 1]],
    ['type=other,110107&_sort=-date', [3, 1, 2, 0]],
    ['date=2026-09-02&_sort=date', [2, 1]],
    ['date=2026-09', [0, 1, 2]],
    ['date=2026&_sort=-date', [3, 1, 2, 0]],
    ['date=ge2026-09-02&date=lt2026-10&_sort=date', [2, 1]],
    ['date=gt2026-09-02&_sort=date', [3]],
    ['date=le2026-09-01', [0]],
    ['date=2026-09-02T02:50:00Z', [2]],
    ['date=gt2026-09-02T02:50:00.250Z&_sort=date', [1, 3]],
    ['date=lt2026-09-01', []],
  ])('are found by %s', async (query, expected) => {
    const found = await find(query);
    expect(query.includes('_sort') ? found : found.toSorted()).toEqual(expected);
  });

  it('come in pages, each once', async () => {
    const seen: (string | undefined)[] = [];
    let url: string | undefined = `${base}AuditEvent?_sort=-date&_count=1&_total=accurate`;
    while (url !== undefined) {
      const reply: Reply = await signedFetch(url);
      expect(reply.body.total).toBe(4);
      seen.push(...ids(reply));
      url = linkOf(reply, 'next');
    }
    expect(seen).toEqual([3, 1, 2, 0].map((at) => created[at]));
  });

  test.each(['date=yesterday', 'date=ne2026-09-01', 'date=2026-02-30', '_sort=type', 'outcome=0'])(
    'are not found by %s: 400',
    async (query) => {
      expect((await signedFetch(`${base}AuditEvent?${query}`)).status).toBe(400);
    },
  );
});

describe('Provenances', () => {
  beforeAll(async () => {
    const target = ['Consent/c1', 'Consent/c2'].map((reference) => ({ reference }));
    await put(`${base}Provenance/run-1-1`, { ...provenance, id: 'run-1-1', target });
    await put(`${base}Provenance/run-1-2`, { ...provenance, id: 'run-1-2', target: [{ reference: 'Consent/c3' }] });
  });

  test.each([
    [{ target: 'Consent/c2' }, ['run-1-1']],
    [{ target: 'Consent/c1,Consent/c3' }, ['run-1-1', 'run-1-2']],
    [{ target: 'Patient/c1' }, []],
    [{ _tag: `${datasetTag.system}|${datasetTag.code}` }, ['run-1-1', 'run-1-2']],
  ])('are found by %j', async (parameters, expected) => {
    expect(ids(await postForm(`${base}Provenance/_search`, parameters))).toEqual(expected);
  });

  it('are not found by an id without its type', async () => {
    expect((await signedFetch(`${base}Provenance?target=c1`)).status).toBe(400);
  });
});

describe('pages', () => {
  it('follow next links whose token ends in == until all were seen once', async () => {
    const seen: (string | undefined)[] = [];
    let url: string | undefined = `${base}Consent?_count=1&_total=accurate&category=370856009`;
    while (url !== undefined) {
      const reply = await signedFetch(url);
      expect(reply.body.total).toBe(2);
      seen.push(...ids(reply));
      url = linkOf(reply, 'next');
      if (url !== undefined) expect(url).toMatch(/[^=]==$/);
    }
    expect(seen).toEqual(['c1', 'c2']);
  });

  it('are bound to their _count and to their search', async () => {
    const next = linkOf(await signedFetch(`${base}Consent?_count=1`), 'next') ?? '';
    expect((await signedFetch(next)).status).toBe(200);
    expect((await signedFetch(next.replace('_count=1', '_count=2'))).status).toBe(400);
    expect((await signedFetch(next.replace('Consent?', 'Consent?status=active&'))).status).toBe(400);
    expect((await signedFetch(`${base}Consent?page=nonsense==`)).status).toBe(400);
  });
});

it('leaves what was just written out of results while the search lags', async () => {
  healthLake.searchLagMilliseconds = 60_000;
  expect(ids(await signedFetch(`${base}Consent?status=active`))).toEqual([]);
  expect((await signedFetch(`${base}Consent/c1`)).status).toBe(200);
  healthLake.searchLagMilliseconds = 0;
  expect(ids(await signedFetch(`${base}Consent?status=active`))).toEqual(['c1', 'c3']);
});
