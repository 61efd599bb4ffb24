import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import type { FhirResource } from '../../../local/healthlake/fhir.ts';
import { startHealthLake, type HealthLake } from '../../../local/healthlake/healthlake.ts';
import { validate } from '../../../local/healthlake/validation.ts';
import { auditEvent, consent, patient, provenance } from './resources.ts';
import { credentials, post, put, signedFetch } from './signed-fetch.ts';

let healthLake: HealthLake;
let base: string;

beforeAll(async () => {
  healthLake = await startHealthLake({ datastoreId: 'a'.repeat(32), credentials });
  base = healthLake.baseUrl;
});
afterAll(() => healthLake.close());

/** As it comes over the wire, where nothing is undefined. */
const issuesOf = (resource: object) => validate(JSON.parse(JSON.stringify(resource)) as FhirResource);

describe('the codes of a required binding', () => {
  const entityOf = (role: string) => [{ role, what: { display: 'message' } }];
  // Source: FHIR R4, value sets consent-state-codes, consent-provision-type, provenance-entity-role, audit-event-action,
  // audit-event-outcome.
  const bindings: readonly {
    readonly element: string;
    readonly codes: readonly string[];
    readonly resourceWith: (code: string) => object;
  }[] = [
    {
      element: 'Consent.status',
      codes: ['draft', 'proposed', 'active', 'rejected', 'inactive', 'entered-in-error'],
      resourceWith: (status) => consent('c1', { status }),
    },
    {
      element: 'Consent.provision.type',
      codes: ['deny', 'permit'],
      resourceWith: (type) => consent('c1', { provision: { type } }),
    },
    {
      element: 'Consent.provision.provision.type',
      codes: ['deny', 'permit'],
      resourceWith: (type) => consent('c1', { provision: { type: 'deny', provision: [{ type }] } }),
    },
    {
      element: 'Provenance.entity.role',
      codes: ['derivation', 'revision', 'quotation', 'source', 'removal'],
      resourceWith: (role) => ({ ...provenance, entity: entityOf(role) }),
    },
    {
      element: 'AuditEvent.action',
      codes: ['C', 'R', 'U', 'D', 'E'],
      resourceWith: (action) => ({ ...auditEvent, action }),
    },
    {
      element: 'AuditEvent.outcome',
      codes: ['0', '4', '8', '12'],
      resourceWith: (outcome) => ({ ...auditEvent, outcome }),
    },
  ];

  test.each(
    bindings.flatMap(({ element, codes, resourceWith }) =>
      codes.map((code) => ({ element, code, resource: resourceWith(code) })),
    ),
  )('$element may be $code', ({ resource }) => {
    expect(issuesOf(resource)).toEqual([]);
  });

  test.each(
    bindings.flatMap(({ element, resourceWith }) =>
      ['opted-out', 'Active', 'origin', '1'].map((code) => ({ element, code, resource: resourceWith(code) })),
    ),
  )('$element may not be $code', ({ resource }) => {
    expect(issuesOf(resource)).toContainEqual(expect.objectContaining({ code: 'code-invalid' }));
  });
});

describe('an AuditEvent', () => {
  it('is valid with what a run marker says', () => {
    const entity = [
      {
        what: { identifier: { system: 'urn:ndop:run', value: 'run-1' } },
        detail: [{ type: 'asAt', valueString: '2026-09-01T02:41:07Z' }],
      },
    ];
    expect(issuesOf({ ...auditEvent, action: 'C', subtype: [{ code: 'ndop-run-completed' }], entity })).toEqual([]);
  });

  test.each<[string, object]>([
    ['no type', { type: undefined }],
    ['a day for the moment when it was recorded', { recorded: '2026-09-01' }],
    ['no agent', { agent: undefined }],
    ['an agent that does not say whether it asked', { agent: [{ name: 'x' }] }],
    ['no source', { source: undefined }],
    ['a source without an observer', { source: { site: 'x' } }],
    ['a detail without a value', { entity: [{ detail: [{ type: 'asAt' }] }] }],
    ['an entity with a name and a query', { entity: [{ name: 'x', query: 'eA==' }] }],
    ['a subtype that is not a list', { subtype: { code: 'x' } }],
  ])('is refused with %s', async (_, change) => {
    expect((await post(`${base}AuditEvent`, { ...auditEvent, ...change })).status).toBe(400);
  });
});

describe('a Provenance', () => {
  const agent = { type: { text: 'assembler' }, who: { display: 'pipeline' } };
  const entityWith = (one: object) => [{ role: 'source', what: { display: 'message' }, agent: [one] }];

  it('is valid with an entity that names an agent', () => {
    expect(issuesOf({ ...provenance, entity: entityWith(agent) })).toEqual([]);
  });

  test.each<[string, object]>([
    ['no target', { target: undefined }],
    ['no moment when it was recorded', { recorded: undefined }],
    ['no agent', { agent: undefined }],
    ['an agent that is nobody', { agent: [{ type: agent.type }] }],
    ['an entity without a role', { entity: [{ what: { display: 'message' } }] }],
    ['an entity whose agent is nobody', { entity: entityWith({ type: agent.type }) }],
    ['an element that R4 does not know', { optOut: true }],
  ])('is refused with %s', async (_, change) => {
    const { status } = await put(`${base}Provenance/run-1-chunk-1`, { ...provenance, ...change });
    expect(status).toBe(400);
  });
});

describe('a declared profile', () => {
  const ukCore = 'https://fhir.hl7.org.uk/StructureDefinition/UKCore-Consent';

  test.each([
    { profile: ['http://hl7.org/fhir/StructureDefinition/Consent'], status: 201 },
    { profile: [`${ukCore}|2.3.0`, ukCore], status: 200 },
    { profile: [ukCore, 'https://fhir.example.nhs.uk/StructureDefinition/ndop-consent'], status: 400 },
    { profile: ['https://fhir.hl7.org.uk/StructureDefinition/OtherConsent'], status: 400 },
  ])('is known or the resource is refused: $profile', async ({ profile, status }) => {
    const reply = await put(`${base}Consent/p1`, consent('p1', { meta: { profile } }));
    expect(reply.status).toBe(status);
    if (status === 400) expect(reply.body.issue[0]).toMatchObject({ severity: 'error', code: 'not-supported' });
  });

  it('is looked at by $validate too', async () => {
    const meta = { profile: ['urn:unknown'] };
    const { status, body } = await post(`${base}Consent/$validate`, consent('p2', { meta }));
    expect([status, body.issue[0]?.severity]).toEqual([200, 'error']);
  });
});

describe('a resource', () => {
  test.each<[string, object]>([
    ['a status that R4 does not know', { status: 'opted-out' }],
    ['no category', { category: undefined }],
    ['no scope', { scope: undefined }],
    ['neither policy nor policyRule', { policyRule: undefined }],
    ['a privacy scope without a patient', { patient: undefined }],
    ['a provision type that R4 does not know', { provision: { type: 'reject' } }],
    ['a nested provision that R4 does not know', { provision: { type: 'deny', provision: [{ kind: 'x' }] } }],
    ['a date that the calendar does not have', { dateTime: '2026-02-30' }],
    ['a time without a zone', { dateTime: '2026-02-03T10:00:00' }],
    ['an organization that is not a list', { organization: { display: 'NHS England' } }],
    ['an element that R4 does not know', { optOut: true }],
    ['an empty list', { category: [] }],
    ['a reference to another type', { patient: { reference: 'Practitioner/1' } }],
    ['a reference that is not text', { patient: { reference: 5 } }],
    ['an identifier value that is a number', { identifier: [{ value: 9000000009 }] }],
  ])('refuses a Consent with %s', async (_, change) => {
    const { status, body } = await put(`${base}Consent/v1`, consent('v1', { ...change }));
    expect([status, body.resourceType]).toEqual([400, 'OperationOutcome']);
    expect(body.issue[0]).toMatchObject({ severity: 'error', diagnostics: expect.any(String) });
  });

  it('judges each resource by its own values, however many of the same shape it has seen', async () => {
    const good = consent('v2', { dateTime: '2026-09-01' });
    const bad = consent('v2', { dateTime: '2026-09-31' });
    const statuses = [];
    for (const resource of [good, bad, good, bad]) statuses.push((await put(`${base}Consent/v2`, resource)).status);
    expect(statuses).toEqual([201, 400, 200, 400]);
  });

  it('says nothing of what the resource holds', async () => {
    const { body } = await put(`${base}Consent/v3`, consent('v3', { dateTime: '9000000009', '9000000009': 1 }));
    expect(body.issue.length).toBeGreaterThan(1);
    expect(JSON.stringify(body)).not.toContain('9000000009');
  });

  it('is validated, whether it is searched for or not', async () => {
    expect((await put(`${base}Patient/p1`, patient('p1', '9000000009', { gender: 'x' }))).status).toBe(400);
    expect((await put(`${base}Provenance/run-1-chunk-1`, provenance)).status).toBe(201);
  });

  it('answers $validate without storing', async () => {
    expect((await post(`${base}Consent/$validate`, consent('v4'))).body.issue[0]?.severity).toBe('information');
    const refused = await post(`${base}Consent/$validate`, consent('v4', { status: 'no' }));
    expect([refused.status, refused.body.issue[0]?.severity]).toEqual([200, 'error']);
    expect((await signedFetch(`${base}Consent/v4`)).status).toBe(404);
  });
});
