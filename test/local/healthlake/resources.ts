import type { Patient } from '../../../local/healthlake/fhir.ts';

const actCode = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
const actReason = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
export const nhsNumber = 'https://fhir.nhs.uk/Id/nhs-number';
export const datasetTag = { system: 'https://fhir.example.nhs.uk/ndop/CodeSystem/dataset', code: 'ndop-consent' };

export function consent(id: string, changes: Readonly<Record<string, unknown>> = {}) {
  return {
    resourceType: 'Consent',
    id,
    meta: {
      source: 'https://fhir.example.nhs.uk/ndop/consent-sync#run-1',
      security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }],
      tag: [datasetTag],
    },
    identifier: [{ system: 'urn:ietf:rfc:3986', value: `urn:test:${id}` }],
    status: 'active',
    scope: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
    },
    category: [
      { coding: [{ system: 'http://snomed.info/sct', code: '370856009' }], text: 'National data opt-out' },
      { coding: [{ system: actCode, code: 'INFA' }] },
    ],
    patient: { reference: `Patient/${id}`, type: 'Patient' },
    dateTime: '2026-09-01T02:41:07Z',
    organization: [
      { type: 'Organization', identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: 'X26' } },
    ],
    policyRule: { coding: [{ system: actCode, code: 'OPTOUT' }] },
    provision: {
      type: 'deny',
      period: { start: '2026-09-01T02:41:07Z' },
      action: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentaction', code: 'disclose' }] }],
      purpose: [
        { system: actReason, code: 'HRESCH' },
        { system: actReason, code: 'HOPERAT' },
      ],
    },
    ...changes,
  };
}

export function patient(id: string, number: string, changes: Readonly<Record<string, unknown>> = {}): Patient {
  return {
    resourceType: 'Patient',
    id,
    identifier: [{ system: nhsNumber, value: number }],
    name: [{ family: 'Example', given: ['Robin'] }],
    birthDate: '1980-02-29',
    ...changes,
  };
}

export const provenance = {
  resourceType: 'Provenance',
  id: 'run-1-chunk-1',
  meta: { tag: [datasetTag] },
  target: [{ reference: 'Consent/c1' }],
  recorded: '2026-09-01T02:44:30Z',
  agent: [
    {
      type: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'assembler' }],
      },
      who: { type: 'Device', display: 'NDOP consent sync pipeline' },
    },
  ],
};

export const auditEvent = {
  resourceType: 'AuditEvent',
  type: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110107' },
  recorded: '2026-09-01T02:50:00Z',
  outcome: '0',
  agent: [{ requestor: true }],
  source: { observer: { display: 'NDOP consent sync pipeline' } },
};

export function batch(...entries: readonly { readonly resource: { resourceType: string; id?: unknown } }[]) {
  return {
    resourceType: 'Bundle',
    type: 'batch',
    entry: entries.map(({ resource }) => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${String(resource.id)}` },
    })),
  };
}
