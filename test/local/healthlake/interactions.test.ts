import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { startHealthLake, type HealthLake } from '../../../local/healthlake/healthlake.ts';
import { auditEvent, consent } from './resources.ts';
import { credentials, post, put, signedFetch } from './signed-fetch.ts';

let healthLake: HealthLake;
let base: string;

beforeAll(async () => {
  healthLake = await startHealthLake({ datastoreId: 'a'.repeat(32), credentials });
  base = healthLake.baseUrl;
});
afterAll(() => healthLake.close());

describe('signatures', () => {
  it('answers 401 to an unsigned request', async () => {
    const reply = await fetch(`${base}Consent/c1`);
    expect([reply.status, await reply.json()]).toEqual([401, { message: 'Missing Authentication Token' }]);
    expect(reply.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('answers 403 to a wrong signature', async () => {
    const { status, body } = await signedFetch(`${base}Consent/c1`, { secret: 'another' });
    expect([status, body.message]).toEqual([403, expect.stringContaining('signature')]);
  });

  it('answers 404 for another data store', async () => {
    const { status } = await signedFetch(`${healthLake.url}/datastore/other/r4/Consent/c1`);
    expect(status).toBe(404);
  });
});

describe('update', () => {
  it('answers 201 to the first PUT and 200 to every later one, with a new version each time', async () => {
    const url = `${base}Consent/u1`;
    const first = await put(url, consent('u1'));
    const second = await put(url, consent('u1'));
    expect([first.status, first.headers.get('etag')]).toEqual([201, 'W/"1"']);
    expect([second.status, second.headers.get('etag')]).toEqual([200, 'W/"2"']);
    expect(second.body.meta).toMatchObject({ versionId: '2', lastUpdated: expect.stringMatching(/^\d{4}-.*Z$/) });
  });

  it('keeps the meta elements that are not its own', async () => {
    await put(`${base}Consent/u2`, consent('u2', { meta: { source: 'urn:x', versionId: '7', tag: [{ code: 't' }] } }));
    const { body } = await signedFetch(`${base}Consent/u2`);
    expect(body.meta).toMatchObject({ source: 'urn:x', versionId: '1', tag: [{ code: 't' }] });
  });

  it('answers 412 when If-Match names another version', async () => {
    const url = `${base}Consent/u3`;
    await put(url, consent('u3'));
    expect((await put(url, consent('u3'), { 'if-match': 'W/"2"' })).status).toBe(412);
    expect((await put(url, consent('u3'), { 'if-match': 'W/"1"' })).status).toBe(200);
  });

  it('answers 412 to If-None-Match: * for an id that exists or was deleted', async () => {
    const url = `${base}Consent/u4`;
    expect((await put(url, consent('u4'), { 'if-none-match': '*' })).status).toBe(201);
    expect((await put(url, consent('u4'), { 'if-none-match': '*' })).status).toBe(412);
    await signedFetch(url, { method: 'DELETE' });
    expect((await put(url, consent('u4'), { 'if-none-match': '*' })).status).toBe(412);
  });

  it('refuses an id that differs from the URL', async () => {
    expect((await put(`${base}Consent/u5`, consent('other'))).status).toBe(400);
  });
});

describe('create', () => {
  it('chooses the id and gives no Location', async () => {
    const { status, headers, body } = await post(`${base}AuditEvent`, auditEvent);
    expect([status, headers.get('etag'), headers.get('location')]).toEqual([201, 'W/"1"', null]);
    expect((await signedFetch(`${base}AuditEvent/${body.id}`)).status).toBe(200);
  });

  it('creates once under one idempotency key', async () => {
    const key = { 'x-amz-fhir-idempotency-key': '0b6d1f1e-5c1e-4a55-9d5f-2f7f0a8f1c11' };
    const first = await post(`${base}AuditEvent`, auditEvent, key);
    const second = await post(`${base}AuditEvent`, auditEvent, key);
    expect([first.status, second.status, second.body.issue[0]?.code]).toEqual([201, 409, 'duplicate']);
    expect(second.headers.get('location')).toBe(`${base}AuditEvent/${first.body.id}/_history/1`);
  });

  it('lets no AuditEvent be changed or deleted', async () => {
    const { body } = await post(`${base}AuditEvent`, auditEvent);
    const url = `${base}AuditEvent/${body.id}`;
    expect((await put(url, body)).status).toBe(405);
    expect((await signedFetch(url, { method: 'DELETE' })).status).toBe(405);
  });
});

describe('read, delete and history', () => {
  it('tells an id that never was from one that was deleted', async () => {
    const url = `${base}Consent/d1`;
    expect((await signedFetch(url)).status).toBe(404);
    await put(url, consent('d1'));
    expect((await signedFetch(url, { method: 'DELETE' })).status).toBe(204);
    const { status, body } = await signedFetch(url);
    expect([status, body.resourceType, body.issue[0]?.code]).toEqual([410, 'OperationOutcome', 'deleted']);
  });

  it('keeps every version, the deletion included, and revives on PUT', async () => {
    const url = `${base}Consent/d2`;
    await put(url, consent('d2'));
    await signedFetch(url, { method: 'DELETE' });
    expect((await put(url, consent('d2', { status: 'inactive' }))).status).toBe(201);
    const { body } = await signedFetch(`${url}/_history`);
    expect(body.entry.map(({ request, response }) => [request?.method, response?.etag])).toEqual([
      ['PUT', 'W/"3"'],
      ['DELETE', 'W/"2"'],
      ['PUT', 'W/"1"'],
    ]);
    expect((await signedFetch(`${url}/_history/1`)).body.status).toBe('active');
    expect((await signedFetch(`${url}/_history/2`)).status).toBe(410);
    expect((await signedFetch(`${url}/_history/9`)).status).toBe(404);
  });
});

describe('what it does not imitate', () => {
  test.each([
    ['PATCH', 'Consent/u1'],
    ['GET', 'Observation/1'],
    ['POST', '$export'],
    ['GET', 'Patient/p1/$everything'],
    ['GET', 'Consent/_history'],
    ['DELETE', 'Consent?_id=u1'],
    ['GET', ''],
  ])('answers 501 to %s %s, naming the operation', async (method, path) => {
    const { status, body } = await signedFetch(`${base}${path}`, {
      method,
      ...(method === 'GET' ? {} : { body: '{}' }),
    });
    expect([status, body.issue[0]?.diagnostics]).toEqual([501, expect.stringContaining(method)]);
  });

  test.each([{ prefer: 'respond-async' }, { 'x-amzn-healthlake-fhir-validation-level': 'minimal' }])(
    'answers 501 to the header %j',
    async (headers) => {
      expect((await put(`${base}Consent/u1`, consent('u1'), headers as Record<string, string>)).status).toBe(501);
    },
  );
});

it('describes itself', async () => {
  const { body } = await signedFetch(`${base}metadata`);
  expect([body.resourceType, body.fhirVersion]).toEqual(['CapabilityStatement', '4.0.1']);
});

it('answers 413 to a body over 5 MB', async () => {
  const { status, body } = await signedFetch(`${base}Consent/big`, { method: 'PUT', body: ' '.repeat(5_000_001) });
  expect([status, body.resourceType]).toEqual([413, 'OperationOutcome']);
});
