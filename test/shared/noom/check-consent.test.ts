import { describe, expect, it, test } from '@jest/globals';
import { checkConsent } from '../../../shared/noom/check-consent.ts';
import { Refusal } from '../../../shared/noom/refusal.ts';
import {
  byAttorney,
  ndopConsent,
  ndopProfile,
  nicReference,
  optOutSource,
  people,
  preference,
  proxyRole,
  referenceTo,
  without,
} from '../../support/preferences.ts';

const options = { nhsNumberBlocks: ['test', 'england-wales-isle-of-man'] } as const;
const check = (body: unknown, id?: string) => checkConsent(body, { ...options, id });
const refusalOf = (body: unknown, id?: string): Refusal => {
  try {
    check(body, id);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('It was taken');
};
const id = '5b1c1b0e-7d2f-4a53-9a76-3c3f0e8a1d42';

const ndop = ndopConsent(people.anne);
const plain = preference(people.anne);
const withoutParty = without(ndop, 'consentingParty');
const naming = (reference: string) => ({ ...plain, patient: { reference }, consentingParty: [{ reference }] });
const coded = (system: string, code: string) => [{ system, code, display: 'x' }];

describe('what is taken', () => {
  test.each([
    ['a preference about research', plain, 'HRESCH'],
    ['a preference about planning', preference(people.anne, 'HOPERAT'), 'HOPERAT'],
    ['one that is over', preference(people.anne, 'HRESCH', 'inactive'), 'HRESCH'],
    ['a reference as in 2017', naming('https://pds.proxy.nhs.uk/9990000018'), 'HRESCH'],
    [
      'an informant',
      { ...plain, actor: [{ role: { coding: coded('urn:x', 'INF') }, reference: { reference: 'urn:y' } }] },
      'HRESCH',
    ],
    ['a category of the first design', { ...plain, category: [{ coding: coded('urn:x', 'NOOM') }] }, 'HRESCH'],
    ['a source and a NIC reference', { ...plain, extension: [optOutSource('FN'), nicReference()] }, 'HRESCH'],
    ['the profile', ndop, 'NDOP'],
    ['the profile, by a proxy', byAttorney(people.anne), 'NDOP'],
    ['SNOMED as pages spell it', { ...ndop, purpose: coded('https://snomed.info/sct', '370856009') }, 'NDOP'],
    [
      'what the server sets anew',
      { ...ndop, meta: { ...ndop.meta, versionId: '7', lastUpdated: '2020-01-01T00:00:00Z' } },
      'NDOP',
    ],
    ['an identifier', { ...ndop, identifier: { system: 'urn:x', value: 'y' } }, 'NDOP'],
    [
      'the number beside the reference',
      {
        ...ndop,
        patient: { ...ndop.patient, identifier: { system: 'https://fhir.nhs.uk/Id/nhs-number', value: '9990000018' } },
      },
      'NDOP',
    ],
  ])('%s', (_, body, subject) => {
    expect(check(body)).toMatchObject({ subject, nhsNumber: people.anne, consent: { status: body.status } });
  });

  it('the id of the URL in an update', () => {
    expect(check({ ...ndop, id }, id).consent.id).toBe(id);
  });
});

/** Right by FHIR, and not in the profiles. */
const forbidden: Readonly<Record<string, unknown>> = {
  period: { start: '2026-11-20' },
  action: [{ text: 'x' }],
  sourceReference: { reference: 'urn:x' },
  securityLabel: [{ code: 'R' }],
  dataPeriod: { start: '2026-11-20' },
  data: [{ meaning: 'instance', reference: { reference: 'urn:x' } }],
  except: [{ type: 'permit' }],
  contained: [plain],
  implicitRules: 'urn:x',
};

/** Each as the decision table has it, with what the sentence says. */
describe('what is refused', () => {
  const cases: [why: string, body: unknown, code: string, says: string][] = [
    ['no resource', [], 'INVALID_ELEMENT', 'the body must be a JSON object'],
    ['another type', { resourceType: 'Patient' }, 'INVALID_ELEMENT', 'resourceType'],
    [
      'another type that is known',
      { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'value' }] },
      'INVALID_ELEMENT',
      'resourceType must be Consent',
    ],
    ['an unknown element', { ...ndop, consenter: 'x' }, 'INVALID_ELEMENT', 'Consent.consenter is not a known element'],
    ['an element of R4', { ...ndop, scope: { text: 'x' } }, 'INVALID_ELEMENT', 'Consent.scope is not a known element'],
    [
      'an unknown extension',
      { ...ndop, extension: [optOutSource(), { url: 'urn:x', valueString: 'y' }] },
      'INVALID_ELEMENT',
      'Consent.extension[1].url is not an extension known here',
    ],
    [
      'an extension further in',
      { ...ndop, patient: { ...ndop.patient, extension: [nicReference()] } },
      'INVALID_ELEMENT',
      'Consent.patient.extension is not known here',
    ],
    [
      'a modifier extension',
      { ...ndop, modifierExtension: [nicReference()] },
      'INVALID_ELEMENT',
      'Consent.modifierExtension is not known here',
    ],
    ['an id in a create', { ...ndop, id }, 'MSG_RESOURCE_ID_FAIL', 'Take the id out'],
    [
      'a number with a wrong check digit',
      naming(referenceTo(9_990_000_019)),
      'INVALID_NHS_NUMBER',
      'patient.reference',
    ],
    ['a number of nine digits', naming('https://nww.spine.nhs.uk/999000001'), 'INVALID_NHS_NUMBER', 'ten digits'],
    ['a number with blanks', naming('https://nww.spine.nhs.uk/999 000 0018'), 'INVALID_NHS_NUMBER', 'ten digits'],
    ['a number of another block', naming(referenceTo(1_234_567_881)), 'INVALID_NHS_NUMBER', 'may be used here'],
    [
      'a wrong number of the party alone',
      { ...ndop, consentingParty: [{ reference: referenceTo(9_990_000_019) }] },
      'INVALID_NHS_NUMBER',
      'consentingParty.reference',
    ],
    ['a status of nobody', { ...ndop, status: 'opted-out' }, 'INVALID_CODE_VALUE', 'status must be one of'],
    [
      'another system of the purpose',
      { ...plain, purpose: coded('http://snomed.info/sct', '370856009') },
      'INVALID_CODE_SYSTEM',
      ndopProfile,
    ],
    [
      'another purpose',
      { ...plain, purpose: coded('http://hl7.org/fhir/v3/ActReason', 'TREAT') },
      'INVALID_CODE_VALUE',
      'HRESCH, HOPERAT',
    ],
    [
      'the first design in the profile',
      { ...ndop, purpose: plain.purpose },
      'INVALID_CODE_SYSTEM',
      'purpose: system must be http://snomed.info/sct',
    ],
    ['a withdrawn source', { ...ndop, extension: [optOutSource('GP')] }, 'INVALID_CODE_VALUE', 'opt-out source'],
    [
      'a mother as proxy',
      { ...withoutParty, extension: [optOutSource(), proxyRole('MTH')] },
      'INVALID_CODE_VALUE',
      'COURTDEP, POA, GUARDIAN',
    ],
    [
      'a type 2 objection',
      { ...plain, category: [{ coding: coded('urn:x', 'T2') }] },
      'INVALID_CODE_VALUE',
      'category',
    ],
    [
      'another actor',
      { ...plain, actor: [{ role: { coding: coded('urn:x', 'PRCP') }, reference: { reference: 'urn:y' } }] },
      'INVALID_CODE_VALUE',
      'actor.role',
    ],
    ['no dateTime', without(ndop, 'dateTime'), 'INVALID_RESOURCE', 'Consent.dateTime is missing'],
    ['no time of day', { ...ndop, dateTime: '2026-11-20' }, 'INVALID_RESOURCE', 'Consent.dateTime: must have a time'],
    ['a bare number', naming('9990000018'), 'INVALID_RESOURCE', 'Consent.patient.reference: must begin with'],
    [
      'a patient by identifier alone',
      { ...plain, patient: { identifier: { system: 'https://fhir.nhs.uk/Id/nhs-number', value: '9990000018' } } },
      'INVALID_RESOURCE',
      'Consent.patient.reference is missing',
    ],
    [
      'a reference as in 2017 in the profile',
      {
        ...ndop,
        ...(({ patient, consentingParty }) => ({ patient, consentingParty }))(
          naming('https://nww.spine.nhs.uk/9990000018'),
        ),
      },
      'INVALID_RESOURCE',
      'Consent.patient.reference',
    ],
    [
      'a profile of nobody',
      { ...plain, meta: { profile: ['urn:x'] } },
      'INVALID_RESOURCE',
      'Consent.meta must not have profile',
    ],
    ['no source', { ...ndop, extension: [nicReference()] }, 'INVALID_RESOURCE', 'OptOutSource-1 is missing'],
    ['no extension', without(ndop, 'extension'), 'INVALID_RESOURCE', 'Consent.extension is missing'],
    [
      'two sources',
      { ...ndop, extension: [optOutSource(), optOutSource('CC')] },
      'INVALID_RESOURCE',
      'must stand only once',
    ],
    [
      'two proxies',
      { ...withoutParty, extension: [optOutSource(), proxyRole(), proxyRole('GUARDIAN')] },
      'INVALID_RESOURCE',
      'must stand only once',
    ],
    [
      'a source in words alone',
      { ...ndop, extension: [{ ...optOutSource(), valueCodeableConcept: { text: 'Online' } }] },
      'INVALID_RESOURCE',
      'coding is missing',
    ],
    [
      'a source without display',
      {
        ...ndop,
        extension: [
          {
            ...optOutSource(),
            valueCodeableConcept: {
              coding: [{ system: optOutSource().valueCodeableConcept.coding[0]?.system, code: 'OP' }],
            },
          },
        ],
      },
      'INVALID_RESOURCE',
      'display is missing',
    ],
    [
      'a version of a code',
      { ...ndop, purpose: [{ ...ndop.purpose[0], version: '1' }] },
      'INVALID_RESOURCE',
      'must not have version',
    ],
    ['no purpose', without(ndop, 'purpose'), 'INVALID_RESOURCE', 'Consent.purpose is missing'],
    [
      'two purposes',
      { ...plain, purpose: [...plain.purpose, ...preference(people.anne, 'HOPERAT').purpose] },
      'INVALID_RESOURCE',
      'Consent.purpose',
    ],
    [
      'no organization in the profile',
      without(ndop, 'organization'),
      'INVALID_RESOURCE',
      'Consent.organization is missing',
    ],
    [
      'another custodian',
      { ...ndop, organization: [{ reference: 'https://directory.spineservices.nhs.uk/STU3/Organization/A81001' }] },
      'INVALID_RESOURCE',
      'must be X26',
    ],
    ['no policy in the profile', without(ndop, 'policy'), 'INVALID_RESOURCE', 'Consent.policy is missing'],
    ['neither policy nor rule', without(plain, 'policyRule'), 'INVALID_RESOURCE', 'ppc-1'],
    ...[
      'period',
      'action',
      'sourceReference',
      'securityLabel',
      'dataPeriod',
      'data',
      'except',
      'contained',
      'implicitRules',
    ].map((name): [string, unknown, string, string] => [
      `${name} in the profile`,
      { ...ndop, [name]: forbidden[name] },
      'INVALID_RESOURCE',
      `must not have ${name}`,
    ]),
    [
      'an actor in the profile',
      { ...ndop, actor: [{ role: { coding: coded('urn:x', 'INF') }, reference: { reference: 'urn:y' } }] },
      'INVALID_RESOURCE',
      'must not have actor',
    ],
    ['a rule in the profile', { ...ndop, policyRule: 'urn:x' }, 'INVALID_RESOURCE', 'must not have policyRule'],
    ['a proposal', { ...ndop, status: 'proposed' }, 'INVALID_RESOURCE', 'Consent.status'],
    ['both party and proxy', { ...ndop, extension: [optOutSource(), proxyRole()] }, 'INVALID_RESOURCE', 'it has both'],
    ['neither party nor proxy', withoutParty, 'INVALID_RESOURCE', 'it has neither'],
    ['both, in a preference', { ...plain, extension: [proxyRole()] }, 'INVALID_RESOURCE', 'it has both'],
    [
      'somebody else as party',
      { ...ndop, consentingParty: [{ reference: referenceTo(people.bob) }] },
      'INVALID_RESOURCE',
      'must be the patient',
    ],
    [
      'two parties',
      { ...ndop, consentingParty: [ndop.patient, ndop.patient] },
      'INVALID_RESOURCE',
      'Consent.consentingParty',
    ],
    [
      'an identifier of somebody else',
      {
        ...ndop,
        patient: { ...ndop.patient, identifier: { system: 'https://fhir.nhs.uk/Id/nhs-number', value: '9990000026' } },
      },
      'INVALID_RESOURCE',
      'must be the NHS number',
    ],
    [
      'a day when active meant the opposite',
      { ...plain, dateTime: '2017-08-09T23:59:59Z' },
      'INVALID_RESOURCE',
      '10 August 2017',
    ],
  ];
  test.each(cases)('%s', (_, body, code, says) => {
    const refusal = refusalOf(body);
    expect({ code: refusal.code, message: refusal.message }).toMatchObject({
      code,
      message: expect.stringContaining(says) as unknown,
    });
    // Whoever the request names is never in the answer.
    expect(refusal.message).not.toMatch(/\d{10}/);
  });

  test.each([
    ['no id', ndop, 'BAD_REQUEST', 'id is missing'],
    ['another id', { ...ndop, id: id.replace('5', '6') }, 'BAD_REQUEST', 'id is not the id in the URL'],
  ])('in an update: %s', (_, body, code, says) => {
    expect(refusalOf(body, id)).toMatchObject({ code, message: expect.stringContaining(says) as unknown });
  });

  it('in an update: an id that is no UUID', () => {
    expect(refusalOf({ ...ndop, id: '9990000018' }, '9990000018')).toMatchObject({ code: 'BAD_REQUEST' });
  });

  test.each([
    ['the structure before the id', { ...ndop, id, consenter: 'x' }, 'INVALID_ELEMENT'],
    ['the id before the number', { ...naming(referenceTo(9_990_000_019)), id }, 'MSG_RESOURCE_ID_FAIL'],
    [
      'the number before codes',
      { ...naming(referenceTo(9_990_000_019)), purpose: coded('urn:x', 'y') },
      'INVALID_NHS_NUMBER',
    ],
    ['codes before the profile', { ...ndop, purpose: coded('urn:x', 'y'), policyRule: 'urn:x' }, 'INVALID_CODE_SYSTEM'],
  ])('in this order: %s', (_, body, code) => {
    expect(refusalOf(body).code).toBe(code);
  });
});
