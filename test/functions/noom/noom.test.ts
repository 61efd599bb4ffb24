import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { consentIdOf } from '../../../shared/fhir/consent-id.ts';
import { log } from '../../../shared/log.ts';
import { readXml } from '../../../shared/noom/stu3/xml-reader.ts';
import { writeXml } from '../../../shared/noom/stu3/xml-writer.ts';
import { digitsOf, validFrom } from '../../support/nhs-numbers.ts';
import { namespace, NoomApi, type Called } from '../../support/noom-api.ts';
import { byAttorney, ndopConsent, ndopProfile, preference, referenceTo, without } from '../../support/preferences.ts';
import { faultsOf } from '../../support/stu3-types.ts';

let api: NoomApi;
/** Everything that was logged. */
let logged: string[] = [];
beforeAll(async () => {
  api = await NoomApi.open();
});
afterAll(() => api.close());
beforeEach(() => {
  logged = [];
  for (const level of ['info', 'error'] as const) {
    jest.spyOn(log, level).mockImplementation((message, ...fields) => {
      logged.push(JSON.stringify(Object.assign({ message }, ...fields)));
    });
  }
});
afterEach(() => {
  jest.restoreAllMocks();
  api.healthLake.faults.clear();
  api.patientReference = 'literal';
});

let people = 0;
const somebody = () => validFrom(999_200_000 + 10 * (people += 1));
const search = (nhsNumber: number, more = '') => api.call('GET', `/Consent?patient=${nhsNumber}${more}`);
const byProfile = `&_profile=${encodeURIComponent(ndopProfile)}`;
const create = (body: object) => api.call('POST', '/Consent', { body, headers: { prefer: 'return=representation' } });
const update = (body: { readonly id: string; readonly status?: string }, ifMatch = 'W/"1"') =>
  api.call('PUT', `/Consent/${body.id}`, { body, headers: { 'if-match': ifMatch } });
const codeOf = ({ status, resource }: Called) => `${status} ${resource.issue[0].details.coding[0].code}`;
const statusesIn = ({ resource }: Called) =>
  resource.total === 0 ? [] : resource.entry.map(({ resource: { purpose, status } }) => `${purpose[0].code} ${status}`);
const stored = () => [...api.healthLake.resources('Consent')].length;

describe('with what the pipeline has learned', () => {
  it('shows a national opt-out as both preferences, and as one Consent of the profile', async () => {
    const nhsNumber = somebody();
    const { id } = await api.learn(nhsNumber, 'active');
    expect(statusesIn(await search(nhsNumber))).toEqual(['HRESCH active', 'HOPERAT active']);
    const single = await search(nhsNumber, byProfile);
    expect(statusesIn(single)).toEqual(['370856009 active']);
    expect(single.resource.entry[0].resource.id).toBe(id);
    for (const { resource } of (await search(nhsNumber)).resource.entry) {
      expect((await api.call('GET', `/Consent/${resource.id}`)).resource).toEqual(resource);
    }
  });

  it('shows nothing of somebody who was asked about and has not opted out, so that they can', async () => {
    const nhsNumber = somebody();
    await api.learn(nhsNumber, 'inactive');
    expect(statusesIn(await search(nhsNumber))).toEqual([]);
    expect((await create(preference(nhsNumber))).status).toBe(201);
    expect(statusesIn(await search(nhsNumber))).toEqual(['HRESCH active']);
  });

  it('changes nothing that was learned, and says where it is changed', async () => {
    const nhsNumber = somebody();
    await api.learn(nhsNumber, 'active');
    for (const { resource } of (await search(nhsNumber)).resource.entry) {
      const answer = await update({ ...preference(nhsNumber, 'HRESCH', 'inactive'), id: resource.id });
      expect(codeOf(answer)).toBe('422 INVALID_RESOURCE');
      expect(answer.resource.issue[0].diagnostics).toContain('learned from the national service');
    }
    const { id } = (await search(nhsNumber, byProfile)).resource.entry[0].resource;
    expect(codeOf(await update({ ...ndopConsent(nhsNumber, 'inactive'), id }))).toBe('422 INVALID_RESOURCE');
    expect(statusesIn(await search(nhsNumber, byProfile))).toEqual(['370856009 active']);
  });

  it('takes no registration that would loosen a national opt-out, and takes one that agrees', async () => {
    const nhsNumber = somebody();
    await api.learn(nhsNumber, 'active');
    const before = stored();
    for (const body of [preference(nhsNumber, 'HRESCH', 'inactive'), ndopConsent(nhsNumber, 'inactive')]) {
      const answer = await create(body);
      expect(codeOf(answer)).toBe('422 INVALID_RESOURCE');
      expect(answer.resource.issue[0].diagnostics).toContain('opted out nationally');
    }
    expect(stored()).toBe(before);
    const { status, resource } = await create(preference(nhsNumber));
    expect(status).toBe(201);
    expect(codeOf(await update({ ...resource, status: 'inactive' }))).toBe('422 INVALID_RESOURCE');
  });

  it('is opted out if either says so, wherever it is looked for', async () => {
    const nhsNumber = somebody();
    const { resource } = await create(preference(nhsNumber, 'HRESCH', 'inactive'));
    expect(statusesIn(await search(nhsNumber))).toEqual(['HRESCH inactive']);
    await api.learn(nhsNumber, 'active');
    expect(statusesIn(await search(nhsNumber))).toEqual(['HRESCH active', 'HOPERAT active']);
    expect(statusesIn(await search(nhsNumber, '&status=inactive'))).toEqual([]);
    const read = (await api.call('GET', `/Consent/${resource.id}`)).resource;
    expect(read).toMatchObject({ status: 'active', meta: { tag: [{ code: 'ndop-consent' }] } });
    // One version has one content, wherever it is read.
    expect((await api.call('GET', `/Consent/${resource.id}/_history/1`)).resource).toEqual(read);
    const history = (await api.call('GET', `/Consent/_history?patient=${nhsNumber}&purpose=HRESCH`)).resource;
    expect(history.entry[0].resource).toEqual(read);
    // Once the choice is reversed nationally, what was registered stands alone again.
    await api.learn(nhsNumber, 'inactive');
    expect(statusesIn(await search(nhsNumber))).toEqual(['HRESCH inactive']);
  });

  it('takes an id in capitals for the same', async () => {
    const { resource } = await create(preference(somebody()));
    const id = resource.id.toUpperCase();
    expect((await api.call('GET', `/Consent/${id}`)).resource.id).toBe(resource.id);
    expect((await update({ ...resource, id, status: 'inactive' })).status).toBe(200);
  });

  it('leaves the pipeline’s Consent as it is, and the pipeline leaves the registered one', async () => {
    const nhsNumber = somebody();
    const { id } = await api.learn(nhsNumber, 'inactive');
    const { resource } = await create(ndopConsent(nhsNumber));
    expect(resource.id).not.toBe(id);
    expect(consentIdOf(nhsNumber, api.idKey)).toBe(id);
    const of = (wanted: string) => [...api.healthLake.resources('Consent')].find((each) => each.id === wanted);
    expect(of(id)).toMatchObject({ meta: { versionId: '1' }, status: 'inactive' });
    await api.learn(nhsNumber, 'active');
    expect(of(resource.id)).toMatchObject({ meta: { versionId: '1' }, status: 'active' });
  });
});

describe('what a client sends back of what it was given', () => {
  it('never passes for what the pipeline has learned', async () => {
    const nhsNumber = somebody();
    const tag = [
      { system: `${namespace}/CodeSystem/dataset`, code: 'ndop-consent' },
      { system: 'urn:x', code: 'y' },
    ];
    const { resource } = await create({ ...preference(nhsNumber, 'HRESCH', 'inactive'), meta: { tag } });
    expect(resource.meta.tag).toEqual([tag[1]]);
    const [held] = [...api.healthLake.resources('Consent')].filter(({ id }) => id === resource.id);
    expect(held).toMatchObject({ meta: { tag: [{ code: 'ndop-registration' }, tag[1]] } });
  });

  it('is found by its id whatever else is held, and whoever else is asked about', async () => {
    const nhsNumber = somebody();
    const { id } = await api.learn(nhsNumber, 'inactive');
    await create(ndopConsent(nhsNumber, 'inactive'));
    await api.learn(nhsNumber, 'active');
    const statuses = async (more: string) => statusesIn(await api.call('GET', `/Consent?_id=${id}${more}`));
    expect(await statuses('')).toEqual(['370856009 active']);
    expect(await statuses(`&patient=${nhsNumber}`)).toEqual(['370856009 active']);
    expect(await statuses(`&patient=${somebody()}`)).toEqual([]);
    const inCapitals = await api.call('GET', `/Consent?_id=${id.toUpperCase()}`);
    expect(statusesIn(inCapitals)).toEqual(['370856009 active']);
  });
});

describe('what is held and cannot be read', () => {
  it('is never nothing: somebody whom a Consent names by a Patient that is gone', async () => {
    const nhsNumber = somebody();
    const { id } = await api.learn(nhsNumber, 'active', 'gone');
    expect(statusesIn(await search(nhsNumber))).toEqual(['HRESCH active', 'HOPERAT active']);
    for (const target of [`/Consent/${id}`, `/Consent?_id=${id}`]) {
      expect(codeOf(await api.call('GET', target))).toBe('500 INTERNAL_SERVER_ERROR');
    }
  });

  it('is never nothing: something else under an id of a registration', async () => {
    const nhsNumber = somebody();
    const { resource } = await create(preference(nhsNumber));
    const [held] = [...api.healthLake.resources('Consent')].filter(({ id }) => id === resource.id);
    const untagged = {
      ...held,
      meta: { tag: [{ system: 'urn:x', code: 'y' }] },
      resourceType: 'Consent',
      id: resource.id,
    };
    await api.store.put(untagged, 'anything');
    expect(codeOf(await search(nhsNumber))).toBe('500 INTERNAL_SERVER_ERROR');
  });

  it('can be registered again once an operator has deleted it', async () => {
    const nhsNumber = somebody();
    const { resource } = await create(preference(nhsNumber));
    const entry = [{ request: { method: 'DELETE', url: `Consent/${resource.id}` } }];
    await api.store.postBundle({ resourceType: 'Bundle', type: 'batch', entry });
    expect(statusesIn(await search(nhsNumber))).toEqual([]);
    expect(await create(preference(nhsNumber))).toMatchObject({ status: 201, resource: { id: resource.id } });
    expect(statusesIn(await search(nhsNumber))).toEqual(['HRESCH active']);
  });
});

describe('designs beside each other', () => {
  it('show each other’s opt-outs, and change only their own', async () => {
    const nhsNumber = somebody();
    await create(ndopConsent(nhsNumber));
    const seen = await search(nhsNumber);
    expect(statusesIn(seen)).toEqual(['HRESCH active', 'HOPERAT active']);
    const { id } = seen.resource.entry[0].resource;
    const answer = await update({ ...preference(nhsNumber, 'HRESCH', 'inactive'), id });
    expect(codeOf(answer)).toBe('422 INVALID_RESOURCE');
    expect(answer.resource.issue[0].diagnostics).toContain('other design');
    // A preference beside it is taken, and what is in force elsewhere is still told.
    const { resource } = await create(preference(nhsNumber, 'HRESCH', 'inactive'));
    expect(resource).toMatchObject({ status: 'active', meta: { tag: [{ code: 'ndop-registration' }] } });
  });

  test.each([
    { more: '', seen: ['HRESCH active', 'HOPERAT inactive'] },
    { more: '&status=active', seen: ['HRESCH active'] },
    { more: '&status=http://hl7.org/fhir/consent-state-codes|inactive', seen: ['HOPERAT inactive'] },
    { more: '&purpose=HOPERAT', seen: ['HOPERAT inactive'] },
    { more: '&purpose=http://hl7.org/fhir/v3/ActReason|HRESCH,HOPERAT', seen: ['HRESCH active', 'HOPERAT inactive'] },
    { more: '&purpose=370856009', seen: ['370856009 active'] },
    { more: byProfile, seen: ['370856009 active'] },
  ])('are searched by purpose, status and profile: $more', async ({ more, seen }) => {
    const nhsNumber = somebody();
    await create(preference(nhsNumber));
    await create(preference(nhsNumber, 'HOPERAT', 'inactive'));
    expect(statusesIn(await search(nhsNumber, more))).toEqual(seen);
  });

  test.each([
    { more: '&purpose=TREAT', code: '400 INVALID_CODE_VALUE' },
    { more: `${byProfile}&purpose=HRESCH`, code: '400 INVALID_CODE_VALUE' },
    { more: '&_id=a,b', code: '400 BAD_REQUEST' },
    { more: '&_id=', code: '400 BAD_REQUEST' },
    { more: '&purpose=urn:x|HRESCH', code: '400 INVALID_CODE_SYSTEM' },
    { more: '&status=draft', code: '400 INVALID_CODE_VALUE' },
    { more: '&_profile=urn:x', code: '400 BAD_REQUEST' },
    { more: '&_count=1', code: '400 BAD_REQUEST' },
    { more: '&patient.identifier=9990000018', code: '400 BAD_REQUEST' },
  ])('what would match nothing is refused: $more', async ({ more, code }) => {
    expect(codeOf(await search(somebody(), more))).toBe(code);
  });
});

/** The examples of the interface's guide, with synthetic people: a patient, an attorney, and the first design. */
describe('the examples', () => {
  test.each([
    ['a patient opts out online', ndopConsent],
    ['an attorney opts the patient in again', (nhsNumber: number) => byAttorney(nhsNumber, 'inactive')],
    ['a preference of the first design', preference],
  ])('%s: in JSON and in XML, in and out', async (_, make) => {
    const bare = (resource: object & { readonly meta: object }) => ({
      ...without(resource, 'meta'),
      meta: without(resource.meta as { versionId?: string; lastUpdated?: string }, 'versionId', 'lastUpdated'),
    });
    for (const format of ['json', 'xml'] as const) {
      const sent: object = make(somebody());
      const body = format === 'json' ? JSON.stringify(sent) : writeXml(sent);
      const headers = { 'content-type': `application/fhir+${format}`, prefer: 'return=representation' };
      const { status, text, resource } = await api.call('POST', '/Consent', { body, headers });
      expect(status).toBe(201);
      expect(text.startsWith('<')).toBe(format === 'xml');
      expect(bare(resource)).toEqual({ meta: {}, ...sent, id: resource.id });
      expect(faultsOf(resource)).toEqual([]);
      for (const other of ['json', 'xml']) {
        const read = await api.call('GET', `/Consent/${resource.id}?_format=${other}`);
        expect(read.resource).toEqual(resource);
        const found = await api.call('GET', `/Consent?_id=${resource.id}&_format=${other}`);
        expect(faultsOf(found.resource)).toEqual([]);
        expect(found.resource.entry[0].resource).toEqual(resource);
        const history = await api.call('GET', `/Consent/${resource.id}/_history?_format=${other}`);
        expect(faultsOf(history.resource)).toEqual([]);
      }
      const changed = { ...resource, status: resource.status === 'active' ? 'inactive' : 'active' };
      const target = `/Consent/${resource.id}`;
      const again = format === 'json' ? JSON.stringify(changed) : writeXml(changed);
      const answered = await api.call('PUT', target, { body: again, headers: { ...headers, 'if-match': 'W/"1"' } });
      expect(answered.resource).toMatchObject({ id: resource.id, status: changed.status, meta: { versionId: '2' } });
    }
  });
});

describe('bad input is answered as the table has it, with nothing stored', () => {
  const json = { 'content-type': 'application/fhir+json' };
  const xml = { 'content-type': 'application/fhir+xml' };
  const good = () => JSON.stringify(preference(somebody()));
  const cases: [why: string, body: () => string | Uint8Array, headers: Record<string, string>, code: string][] = [
    ['no JSON', () => '{"resourceType":', json, '400 MESSAGE_NOT_WELL_FORMED'],
    ['nothing', () => '', json, '400 MESSAGE_NOT_WELL_FORMED'],
    ['JSON without end', () => '['.repeat(100_000), json, '400 MESSAGE_NOT_WELL_FORMED'],
    [
      'both statuses',
      () => good().replace('"status":"active"', '"status":"active","status":"inactive"'),
      json,
      '400 MESSAGE_NOT_WELL_FORMED',
    ],
    ['no XML', () => '<Consent', xml, '400 MESSAGE_NOT_WELL_FORMED'],
    ['JSON called XML', good, xml, '400 MESSAGE_NOT_WELL_FORMED'],
    ['XML called JSON', () => writeXml(preference(somebody())), json, '400 MESSAGE_NOT_WELL_FORMED'],
    [
      'an entity bomb',
      () =>
        writeXml(preference(somebody())).replace(
          '<Consent',
          '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Consent',
        ),
      xml,
      '400 MESSAGE_NOT_WELL_FORMED',
    ],
    [
      'an external entity',
      () =>
        writeXml(preference(somebody())).replace(
          '<Consent',
          '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Consent',
        ),
      xml,
      '400 MESSAGE_NOT_WELL_FORMED',
    ],
    ['bytes that are no text', () => Buffer.from([0x7b, 0xff, 0x7d]), json, '400 MESSAGE_NOT_WELL_FORMED'],
    ['another type', () => '{"resourceType":"Patient","id":"x"}', json, '400 INVALID_ELEMENT'],
    ['an unknown element', () => good().replace('"status"', '"x":1,"status"'), json, '400 INVALID_ELEMENT'],
    [
      'an unknown element in XML',
      () => writeXml(preference(somebody())).replace('<status', '<x value="1"/><status'),
      xml,
      '400 INVALID_ELEMENT',
    ],
    [
      'an invalid number',
      () => good().replaceAll(/Patient\/\d{10}/g, 'Patient/9990000019'),
      json,
      '400 INVALID_NHS_NUMBER',
    ],
    [
      'five million bytes',
      () => good().replace('"healthcare research"', `"${'x'.repeat(5_000_000)}"`),
      json,
      '413 BAD_REQUEST',
    ],
    ['no type of content', good, {}, '415 UNSUPPORTED_MEDIA_TYPE'],
    ['a packed body', () => gzipSync(good()), { ...json, 'content-encoding': 'gzip' }, '415 UNSUPPORTED_MEDIA_TYPE'],
    ['a name that every object has', good, { 'content-type': 'constructor' }, '415 UNSUPPORTED_MEDIA_TYPE'],
    ['an answer in what every object has', good, { ...json, accept: '__proto__' }, '415 UNSUPPORTED_MEDIA_TYPE'],
    ['what XML cannot say', () => good().replace('research', 'a\\uffffb'), json, '400 INVALID_ELEMENT'],
    ['half a character', () => good().replace('research', 'a\\ud800b'), json, '400 INVALID_ELEMENT'],
    ['a control character', () => good().replace('research', 'a\\u0001b'), json, '400 INVALID_ELEMENT'],
    [
      'a leap second of long ago',
      () => good().replace('2026-11-20T05:59:00', '2016-12-31T23:59:60'),
      json,
      '422 INVALID_RESOURCE',
    ],
  ];
  test.each(cases)('%s', async (_, body, headers, code) => {
    const before = stored();
    const answer = await api.call('POST', '/Consent', { body: body(), headers });
    expect(codeOf(answer)).toBe(code);
    expect(faultsOf(answer.resource)).toEqual([]);
    expect(answer.resource.issue[0].diagnostics).not.toMatch(/\d{10}/);
    expect(stored()).toBe(before);
  });
});

test.each([
  { form: 'one that is too long', body: `patient=${'9'.repeat(300_000)}`, code: '413 BAD_REQUEST' },
  { form: 'one that is no text', body: Buffer.from([0x70, 0xff]), code: '400 MESSAGE_NOT_WELL_FORMED' },
])('a search by a form is held to what a body is: $form', async ({ body, code }) => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  expect(codeOf(await api.call('POST', '/Consent/_search', { body, headers }))).toBe(code);
});

describe('when the store is away', () => {
  it('says that nothing is known, and to try again', async () => {
    for (const fault of [
      { kind: 'unavailable', times: 100 },
      { kind: 'throttle', times: 100 },
    ] as const) {
      api.healthLake.faults.add(fault);
      const answer = await search(somebody());
      expect(codeOf(answer)).toBe('503 INTERNAL_SERVER_ERROR');
      expect(answer.headers['retry-after']).toBe('5');
      expect(answer.resource.issue[0].code).toBe('transient');
      api.healthLake.faults.clear();
    }
  });

  it('registers once where the answer to a write is lost', async () => {
    const nhsNumber = somebody();
    api.healthLake.faults.add({ kind: 'answer-lost', times: 1, on: 'write' });
    const { status, resource } = await create(preference(nhsNumber));
    expect({ status, versionId: resource.meta.versionId }).toEqual({ status: 201, versionId: '1' });
    api.healthLake.faults.add({ kind: 'answer-lost', times: 1, on: 'write' });
    const updated = await update({ ...resource, status: 'inactive' });
    expect({ status: updated.status, etag: updated.headers.etag }).toEqual({ status: 200, etag: 'W/"2"' });
    expect(statusesIn(await search(nhsNumber))).toEqual(['HRESCH inactive']);
  });

  it('says so itself where the store takes longer than API Gateway waits', async () => {
    api.patienceMilliseconds = 50;
    api.healthLake.faults.add({ kind: 'slow', times: 1, milliseconds: 400 });
    expect(codeOf(await search(somebody()))).toBe('503 INTERNAL_SERVER_ERROR');
    api.patienceMilliseconds = 20_000;
  });

  it('tells the client what the store does not take', async () => {
    const fault = { kind: 'entry-refuse', share: 1, method: 'PUT', status: 400 } as const;
    api.healthLake.faults.add(fault);
    expect(codeOf(await create(preference(somebody())))).toBe('422 INVALID_RESOURCE');
    expect(logged.join()).toContain('noom.failed');
  });

  it('never answers as if nobody had opted out where a read is refused', async () => {
    const nhsNumber = somebody();
    await create(preference(nhsNumber));
    api.healthLake.faults.add({ kind: 'entry-refuse', times: 100, entry: 0, status: 400 });
    expect(codeOf(await search(nhsNumber))).toBe('500 INTERNAL_SERVER_ERROR');
  });
});

describe('whom a registered Consent names in the store', () => {
  const patientOf = (id: string) =>
    ([...api.healthLake.resources('Consent')].find((each) => each.id === id) as { patient?: object }).patient;
  const identifier = (nhsNumber: number) => ({
    system: 'https://fhir.nhs.uk/Id/nhs-number',
    value: digitsOf(nhsNumber),
  });
  const patient = (id: string, nhsNumber: number) => ({
    resourceType: 'Patient' as const,
    id,
    identifier: [identifier(nhsNumber)],
  });

  it('the Patient, where there is one with this number', async () => {
    const [one, two, none] = [somebody(), somebody(), somebody()];
    await api.healthLake.replacePatients([patient('one', one), patient('two-a', two), patient('two-b', two)]);
    const named = async (nhsNumber: number) => patientOf((await create(preference(nhsNumber))).resource.id);
    expect(await named(one)).toEqual({ reference: 'Patient/one', type: 'Patient', identifier: identifier(one) });
    for (const nhsNumber of [two, none])
      expect(await named(nhsNumber)).toEqual({ type: 'Patient', identifier: identifier(nhsNumber) });
  });

  it('the one that the pipeline names, which knows of merged records', async () => {
    const nhsNumber = somebody();
    await api.learn(nhsNumber, 'inactive', 'survivor');
    const { resource } = await create(preference(nhsNumber));
    expect(patientOf(resource.id)).toMatchObject({ reference: 'Patient/survivor' });
  });

  it('the number alone in a store without Patients', async () => {
    api.patientReference = 'logical';
    const nhsNumber = somebody();
    await api.learn(nhsNumber, 'active');
    const { resource } = await create(preference(nhsNumber));
    expect(patientOf(resource.id)).toEqual({ type: 'Patient', identifier: identifier(nhsNumber) });
    expect(statusesIn(await search(nhsNumber))).toEqual(['HRESCH active', 'HOPERAT active']);
  });

  it('finds by id what was learned of a Patient, by the number that led to the id', async () => {
    const nhsNumber = somebody();
    const other = somebody();
    const identifiers = [identifier(other), identifier(nhsNumber)];
    await api.healthLake.replacePatients([{ resourceType: 'Patient', id: 'renumbered', identifier: identifiers }]);
    const { id } = await api.learn(nhsNumber, 'active', 'renumbered');
    expect((await api.call('GET', `/Consent/${id}`)).resource.patient.reference).toBe(referenceTo(nhsNumber));
  });
});

describe('URLs of the store', () => {
  it('hold no id of a Patient, which is an NHS number in some stores', async () => {
    const nhsNumber = somebody();
    const identifier = [{ system: 'https://fhir.nhs.uk/Id/nhs-number', value: digitsOf(nhsNumber) }];
    await api.healthLake.replacePatients([{ resourceType: 'Patient', id: digitsOf(nhsNumber), identifier }]);
    const { id } = await api.learn(nhsNumber, 'active', digitsOf(nhsNumber));
    const fetched = jest.spyOn(globalThis, 'fetch');
    expect((await api.call('GET', `/Consent/${id}`)).status).toBe(200);
    await create(preference(nhsNumber));
    await search(nhsNumber);
    const urls = fetched.mock.calls.map(([url]) => new Request(url).url);
    expect(urls.length).toBeGreaterThan(4);
    expect(urls.join()).not.toContain(digitsOf(nhsNumber));
  });

  it('lead nowhere else by dots', async () => {
    const { resource } = await create(preference(somebody()));
    for (const versionId of ['.', '..']) {
      const path = `/Consent/${resource.id}/_history/${versionId}`;
      expect(codeOf(await api.callPath('GET', path))).toBe('404 NO_RECORD_FOUND');
    }
  });
});

describe('logs', () => {
  it('hold what was done, and neither a number nor an id, whatever a client sends', async () => {
    const nhsNumber = somebody();
    const { resource } = await create(ndopConsent(nhsNumber));
    const trace = '5b1c1b0e-7d2f-4a53-9a76-3c3f0e8a1d42';
    for (const target of [
      `/Consent?patient=${nhsNumber}`,
      `/Consent?patient=${digitsOf(nhsNumber).replace(/.$/, 'x')}`,
      `/Consent/${resource.id}`,
      `/Consent/${nhsNumber}`,
      `/${nhsNumber}/Consent`,
    ]) {
      await api.call('GET', target, {
        headers: { 'ssp-traceid': trace, 'user-agent': String(nhsNumber), 'x-request-id': String(nhsNumber) },
      });
    }
    api.healthLake.faults.add({ kind: 'entry-refuse', times: 100, entry: 0, status: 400 });
    const failed = await search(nhsNumber);
    await api.call('POST', '/Consent', {
      body: `{"${nhsNumber}":`,
      headers: { 'content-type': 'application/fhir+json' },
    });
    const lines = logged.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter(({ message }) => message === 'noom.answered')).toHaveLength(8);
    expect(lines[1]).toMatchObject({ interaction: 'search-type', status: 200, traceId: trace });
    // By its outcome's id a refusal is found again.
    expect(lines.find(({ outcomeId }) => outcomeId === failed.resource.id)).toMatchObject({
      status: 500,
      code: 'INTERNAL_SERVER_ERROR',
    });
    expect(lines.filter(({ message }) => message === 'noom.failed')).toHaveLength(1);
    const text = logged.join('\n');
    for (const secret of [digitsOf(nhsNumber).slice(0, 9), resource.id, namespace]) expect(text).not.toContain(secret);
    expect(readXml(writeXml(failed.resource))).toEqual(failed.resource);
  });
});
