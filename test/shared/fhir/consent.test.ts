import { describe, expect, it, test } from '@jest/globals';
import { Fhir } from 'fhir';
import { parseIdKey } from '../../../shared/fhir/consent-id.ts';
import { consentOf, datasetTag, type ConsentOptions } from '../../../shared/fhir/consent.ts';
import type { OptOut } from '../../../shared/ndop/snapshot.ts';

const patientId = '0b6d1f1e-5c1e-4a55-9d5f-2f7f0a8f1c11';
const options: ConsentOptions = {
  idKey: parseIdKey('00112233445566778899aabbccddeeff'.repeat(2)),
  namespace: 'https://fhir.example.nhs.uk/ndop',
  runId: '20260901T020000Z-7f3a',
  patientReference: 'literal',
};
const optedOut: OptOut = {
  nhsNumber: 9000000009,
  status: 'active',
  since: '2026-09-01T02:41:07Z',
  optedOutSince: '2026-09-01T02:41:07Z',
};
const neverOptedOut: OptOut = { nhsNumber: 9000000009, status: 'inactive', since: '2026-09-01T02:41:07Z' };
const ended: OptOut = { ...optedOut, status: 'inactive', optedOutSince: '2026-03-02T02:38:55Z' };

/** The Consent of a person who has opted out, as our model of it was published. */
const golden = {
  resourceType: 'Consent',
  id: 'c5a83dd5-bc34-8efb-8712-de366c2ed3bb',
  meta: {
    source: 'https://fhir.example.nhs.uk/ndop/consent-sync#20260901T020000Z-7f3a',
    security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }],
    tag: [{ system: 'https://fhir.example.nhs.uk/ndop/CodeSystem/dataset', code: 'ndop-consent' }],
  },
  identifier: [{ system: 'urn:ietf:rfc:3986', value: 'urn:uuid:c5a83dd5-bc34-8efb-8712-de366c2ed3bb' }],
  status: 'active',
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [
    {
      coding: [
        {
          system: 'http://snomed.info/sct',
          code: '370856009',
          display: 'Limiting access to confidential patient information',
        },
      ],
      text: 'National data opt-out',
    },
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'INFA' }] },
  ],
  patient: { reference: 'Patient/0b6d1f1e-5c1e-4a55-9d5f-2f7f0a8f1c11', type: 'Patient' },
  dateTime: '2026-09-01T02:41:07Z',
  organization: [
    {
      type: 'Organization',
      identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: 'X26' },
      display: 'NHS England',
    },
  ],
  policy: [
    {
      authority: 'https://digital.nhs.uk/',
      uri: 'https://digital.nhs.uk/services/national-data-opt-out/operational-policy-guidance-document',
    },
  ],
  policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTOUT' }] },
  provision: {
    type: 'deny',
    period: { start: '2026-09-01T02:41:07Z' },
    action: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentaction', code: 'disclose' }] }],
    purpose: [
      { system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'HRESCH' },
      { system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'HOPERAT' },
    ],
  },
};
const { period, ...provisionWithoutPeriod } = golden.provision;

describe('the Consent', () => {
  it('of a person who has opted out is active, since when we first saw it', () => {
    expect(consentOf(optedOut, patientId, options)).toEqual(golden);
    expect(JSON.stringify(consentOf(optedOut, patientId, options))).toHaveLength(1718);
  });

  it('of a person who never opted out is inactive, without a period, and still denies', () => {
    const expected = { ...golden, status: 'inactive', provision: provisionWithoutPeriod };
    expect(period).toBeDefined();
    expect(consentOf(neverOptedOut, patientId, options)).toEqual(expected);
    expect(JSON.stringify(consentOf(neverOptedOut, patientId, options))).toHaveLength(1678);
  });

  it('of an opt-out that is over is inactive, with its start and its end, and still denies', () => {
    const over = { start: '2026-03-02T02:38:55Z', end: '2026-09-01T02:41:07Z' };
    const expected = { ...golden, status: 'inactive', provision: { ...golden.provision, period: over } };
    expect(consentOf(ended, patientId, options)).toEqual(expected);
    expect(JSON.stringify(consentOf(ended, patientId, options))).toHaveLength(1749);
  });

  it('names the NHS number instead of a Patient in a store without Patients', () => {
    const logical = {
      type: 'Patient',
      identifier: { system: 'https://fhir.nhs.uk/Id/nhs-number', value: '9000000009' },
    };
    const expected = { ...golden, patient: logical };
    expect(consentOf(optedOut, patientId, { ...options, patientReference: 'logical' })).toEqual(expected);
    expect(consentOf(optedOut, '', options)).toEqual(expected);
  });

  it('keeps leading zeros in a logical reference', () => {
    const consent = consentOf({ ...optedOut, nhsNumber: 101010001 }, '', options);
    expect(consent.patient).toMatchObject({ identifier: { value: '0101010001' } });
  });

  it('with a literal reference holds the NHS number nowhere', () => {
    expect(JSON.stringify(consentOf(optedOut, patientId, options))).not.toContain('9000000009');
  });

  it('has the same bytes each time', () => {
    const bytes = () => JSON.stringify(consentOf(ended, patientId, options));
    expect(bytes()).toBe(bytes());
  });

  test.each([
    { name: 'opted out', optOut: optedOut, id: patientId },
    { name: 'never opted out', optOut: neverOptedOut, id: patientId },
    { name: 'opt-out ended', optOut: ended, id: patientId },
    { name: 'logical reference', optOut: optedOut, id: '' },
  ])('is valid FHIR R4: $name', ({ optOut, id }) => {
    const result = new Fhir().validate(consentOf(optOut, id, options), { errorOnUnexpected: true });
    expect(result.messages.filter(({ severity }) => ['error', 'fatal'].includes(String(severity)))).toEqual([]);
    expect(result.valid).toBe(true);
  });
});

it('the data set tag is what exports and searches select by', () => {
  expect(datasetTag('https://fhir.example.nhs.uk/ndop')).toEqual(golden.meta.tag[0]);
});
