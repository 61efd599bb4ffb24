import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { Fhir } from 'fhir';
import type { FhirResource } from '../../../local/healthlake/fhir.ts';
import { validate } from '../../../local/healthlake/validation.ts';
import { checkConsent } from '../../../shared/noom/check-consent.ts';
import { fromR4, saysTheSame, toR4 } from '../../../shared/noom/r4-consent.ts';
import { structureFaultOf } from '../../../shared/noom/stu3/structure.ts';
import { readXml } from '../../../shared/noom/stu3/xml-reader.ts';
import { writeXml } from '../../../shared/noom/stu3/xml-writer.ts';
import { legalNdopConsent, legalPreference } from '../../support/consents.ts';
import { byAttorney, ndopConsent, people, preference } from '../../support/preferences.ts';
import { faultsOf } from '../../support/stu3-types.ts';

const namespace = 'https://fhir.example.nhs.uk/ndop';
const id = '5b1c1b0e-7d2f-4a53-9a76-3c3f0e8a1d42';
const options = { id, namespace, requestId: 'request-1', patient: 'Patient/abc' };
const checked = (body: unknown) => checkConsent(body, { nhsNumberBlocks: ['test'] }).consent;
/** As a store gives it back: through JSON, with a version. */
const stored = (resource: { readonly meta: object }, versionId = '3') =>
  JSON.parse(
    JSON.stringify({ ...resource, meta: { ...resource.meta, versionId, lastUpdated: '2026-11-20T06:00:00.000Z' } }),
  ) as FhirResource;
const fhir = new Fhir();
const refusing = new Set<unknown>(['error', 'fatal']);
const errorsOf = (resource: FhirResource) =>
  fhir.validate(resource, { errorOnUnexpected: true }).messages.filter(({ severity }) => refusing.has(severity));

const legal = fc.oneof(legalNdopConsent, legalPreference);

describe('any legal Consent of either design', () => {
  it('is taken, and is STU3 by the types of another hand, in JSON and through XML', () => {
    fc.assert(
      fc.property(legal, (consent) => {
        expect(faultsOf(consent)).toEqual([]);
        expect(structureFaultOf(consent)).toBeUndefined();
        expect(checked(readXml(writeXml(consent)))).toEqual(checked(consent));
      }),
    );
  });

  it('comes back from R4 as it was, with the version that the store gave it', () => {
    fc.assert(
      fc.property(legal, (consent) => {
        const meta = {
          ...(consent as { meta?: object }).meta,
          versionId: '3',
          lastUpdated: '2026-11-20T06:00:00.000Z',
        };
        expect(fromR4(stored(toR4(checked(consent), options)), namespace)).toEqual({ ...consent, id, meta });
      }),
    );
  });

  it('is valid R4 by two readings of the standard', () => {
    fc.assert(
      fc.property(legal, (consent) => {
        const resource = stored(toR4(checked(consent), options));
        expect(validate(resource)).toEqual([]);
        expect(errorsOf(resource)).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});

test.each([
  ['a patient', ndopConsent(people.anne)],
  ['an attorney', byAttorney(people.anne, 'inactive')],
  ['a preference', preference(people.anne, 'HOPERAT')],
])('in R4, %s: what each element is', (_, consent) => {
  const resource = toR4(checked(consent), options);
  expect(resource).toMatchObject({
    id,
    meta: {
      source: `${namespace}/noom#request-1`,
      tag: [{ system: `${namespace}/CodeSystem/dataset`, code: 'ndop-registration' }],
    },
    status: consent.status,
    scope: { coding: [{ code: 'patient-privacy' }] },
    patient: {
      reference: 'Patient/abc',
      identifier: { system: 'https://fhir.nhs.uk/Id/nhs-number', value: '9990000018' },
    },
    dateTime: consent.dateTime,
    organization: [{ identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: 'X26' } }],
  });
  // What consumers search by.
  expect(resource.category).toMatchObject([{ coding: [{ system: 'http://snomed.info/sct', code: '370856009' }] }, {}]);
  expect(resource.policyRule).toMatchObject({
    coding: expect.arrayContaining([expect.objectContaining({ code: 'OPTOUT' })]) as unknown,
  });
  // R4 does not permit the one at the root, and means something else by the other.
  expect(resource.provision).not.toHaveProperty('type');
  expect(resource).not.toHaveProperty('verification');
  expect(resource.meta).not.toHaveProperty('profile');
  // No performer is made up for a proxy, and no extension for anybody.
  expect(resource.performer === undefined).toBe(!('consentingParty' in consent));
  expect(resource.extension).toEqual((consent as { extension?: unknown }).extension);
  if (consent.purpose[0]?.code === 'HOPERAT') {
    expect(resource.provision).toEqual({
      purpose: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
          code: 'HOPERAT',
          display: 'healthcare operations',
        },
      ],
    });
  }
});

it('names the NHS number alone where the Patient is not known', () => {
  const { patient } = toR4(checked(preference(people.anne)), { ...options, patient: undefined });
  expect(patient).toEqual({
    type: 'Patient',
    identifier: { system: 'https://fhir.nhs.uk/Id/nhs-number', value: '9990000018' },
  });
});

it('writes SNOMED CT as FHIR spells it', () => {
  const consent = ndopConsent(people.anne);
  const [purpose] = consent.purpose;
  const resource = toR4(checked({ ...consent, purpose: [{ ...purpose, system: 'https://snomed.info/sct' }] }), options);
  expect(fromR4(stored(resource), namespace).purpose).toEqual([purpose]);
});

test.each([
  ['another purpose', { provision: { purpose: [{ system: 'urn:x', code: 'TREAT' }] } }],
  ['a status that was never written', { status: 'draft' }],
  [
    'another number than the reference kept',
    {
      patient: {
        extension: [
          {
            url: `${namespace}/StructureDefinition/stu3-reference`,
            valueString: '{"reference":"https://nww.spine.nhs.uk/9990000026"}',
          },
        ],
        identifier: { value: '9990000018' },
      },
    },
  ],
  ['no tag of ours', { meta: { tag: [] } }],
  ['nothing', undefined],
])('does not take for a registration what holds %s', (_, other) => {
  const resource = other && { ...stored(toR4(checked(preference(people.anne)), options)), ...other };
  expect(() => fromR4(resource, namespace)).toThrow('The store holds something else');
});

test.each([
  [
    'the same, of another request',
    (made: typeof options) => toR4(checked(preference(people.anne)), { ...made, requestId: 'request-2' }),
    true,
  ],
  [
    'another status',
    (made: typeof options) => toR4(checked(preference(people.anne, 'HRESCH', 'inactive')), made),
    false,
  ],
  [
    'another Patient',
    (made: typeof options) => toR4(checked(preference(people.anne)), { ...made, patient: 'Patient/def' }),
    false,
  ],
])('%s says the same as what is stored: %#', (_, next, isSame) => {
  expect(saysTheSame(stored(toR4(checked(preference(people.anne)), options)), next(options))).toBe(isSame);
});
