import { describe, expect, it, test } from '@jest/globals';
import { Fhir } from 'fhir';
import { readdirSync, readFileSync } from 'node:fs';
import type { FhirResource } from '../../../local/healthlake/fhir.ts';
import { validate } from '../../../local/healthlake/validation.ts';

const folder = new URL('golden/', import.meta.url);
const golden = (file: string) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as FhirResource;
const fhir = new Fhir();
const refusing = new Set<unknown>(['error', 'fatal']);

/** Elements with a required binding, and all its codes. Source: FHIR R4, the definitions of the three resources. */
const requiredCodes: Readonly<Record<string, readonly string[]>> = {
  'Consent.status': ['draft', 'proposed', 'active', 'rejected', 'inactive', 'entered-in-error'],
  'Consent.provision.type': ['deny', 'permit'],
  'Provenance.entity.role': ['derivation', 'revision', 'quotation', 'source', 'removal'],
  'AuditEvent.action': ['C', 'R', 'U', 'D', 'E'],
  'AuditEvent.outcome': ['0', '4', '8', '12'],
};

/** Three readings of the standard, each on its own: what they find wrong. */
const readings = {
  package: (resource: FhirResource) =>
    fhir.validate(resource, { errorOnUnexpected: true }).messages.filter(({ severity }) => refusing.has(severity)),
  standIn: validate,
  codes: (resource: FhirResource) =>
    Object.entries(requiredCodes).filter(([path, codes]) =>
      valuesAt(resource, path).some((value) => !codes.includes(value as string)),
    ),
};

/** Every value of an element; none where the path is another resource's. */
function valuesAt(resource: FhirResource, path: string): unknown[] {
  const [type, ...names] = path.split('.');
  if (resource.resourceType !== type) return [];
  return names.reduce<unknown[]>(
    (parents, name) => parents.flatMap((parent) => (parent as Record<string, unknown>)[name] ?? []),
    [resource],
  );
}

const refusals = (resource: FhirResource) =>
  Object.entries(readings).flatMap(([name, reading]) => (reading(resource).length > 0 ? [name] : []));

describe('every golden file', () => {
  test.each(readdirSync(folder))('%s is valid FHIR R4 by each reading', (file) => {
    const resource = golden(file);
    for (const reading of Object.values(readings)) expect(reading(resource)).toEqual([]);
  });

  it.each(Object.entries(requiredCodes))('holds the required code %s somewhere, one of %j', (path) => {
    expect(readdirSync(folder).flatMap((file) => valuesAt(golden(file), path))).not.toEqual([]);
  });
});

/** A golden file with something broken, and which readings refuse it. */
const consent = golden('opted-out.json');
const provenance = golden('provenance-update.json');
const auditEvent = golden('run-marker.json');
const provision = consent.provision as object;
const [entity] = provenance.entity as readonly object[];

test.each([
  { broken: 'no scope', resource: { ...consent, scope: undefined }, by: ['package', 'standIn'] },
  { broken: 'no category', resource: { ...consent, category: undefined }, by: ['package', 'standIn'] },
  { broken: 'an empty category', resource: { ...consent, category: [] }, by: ['package', 'standIn'] },
  {
    broken: 'neither policy nor policyRule',
    resource: { ...consent, policy: undefined, policyRule: undefined },
    by: ['standIn'],
  },
  { broken: 'a privacy scope without patient', resource: { ...consent, patient: undefined }, by: ['standIn'] },
  {
    broken: 'a dateTime that is none',
    resource: { ...consent, dateTime: '1 September 2026' },
    by: ['standIn'],
  },
  { broken: 'a dateTime without zone', resource: { ...consent, dateTime: '2026-09-01T02:41:07' }, by: ['standIn'] },
  { broken: 'an unknown property', resource: { ...consent, optedOut: true }, by: ['package', 'standIn'] },
  { broken: 'an unknown status', resource: { ...consent, status: 'opted-out' }, by: ['package', 'standIn', 'codes'] },
  {
    broken: 'an unknown type of provision',
    resource: { ...consent, provision: { ...provision, type: 'reject' } },
    by: ['package', 'standIn', 'codes'],
  },
  {
    broken: 'one organization, not a list',
    resource: { ...consent, organization: { display: 'X26' } },
    by: ['package', 'standIn'],
  },
  { broken: 'no agent', resource: { ...provenance, agent: undefined }, by: ['package', 'standIn'] },
  { broken: 'no target', resource: { ...provenance, target: undefined }, by: ['package', 'standIn'] },
  {
    broken: 'an unknown role of an entity',
    resource: { ...provenance, entity: [{ ...entity, role: 'origin' }] },
    by: ['package', 'standIn', 'codes'],
  },
  { broken: 'no source', resource: { ...auditEvent, source: undefined }, by: ['package', 'standIn'] },
  { broken: 'no agent', resource: { ...auditEvent, agent: undefined }, by: ['package', 'standIn'] },
  { broken: 'an unknown outcome', resource: { ...auditEvent, outcome: 'ok' }, by: ['package', 'standIn', 'codes'] },
  { broken: 'an unknown action', resource: { ...auditEvent, action: 'import' }, by: ['package', 'standIn', 'codes'] },
])('$resource.resourceType with $broken is refused by: $by', ({ resource, by }) => {
  // As JSON, where what is undefined is absent.
  expect(refusals(JSON.parse(JSON.stringify(resource)) as FhirResource)).toEqual(by);
});
