import fc from 'fast-check';
import { anyNumber, digitsOf } from './nhs-numbers.ts';
import { ndopConsent, nicReference, optOutSource, preference, proxyRole, without } from './preferences.ts';

/** Every legal STU3 Consent of either design, by their profiles: what a client may send. */

const words = fc.stringMatching(/^[A-Za-z][A-Za-z &<>"'é]{0,18}[a-z]$/);
const uri = fc.webUrl({ withQueryParameters: true });
const coding = fc.record({ system: uri, code: fc.stringMatching(/^[A-Z]{1,8}$/), display: words });
const moment = fc
  .record({
    at: fc.date({ min: new Date('2018-01-01'), max: new Date('2030-01-01'), noInvalidDate: true }),
    fraction: fc.constantFrom('', '.5', '.123'),
    zone: fc.constantFrom('Z', '+00:00', '+01:00', '-05:30'),
  })
  .map(({ at, fraction, zone }) => `${at.toISOString().slice(0, 19)}${fraction}${zone}`);
const source = fc.constantFrom('OP', 'PFSP', 'FN', 'CC', 'PP', 'MG').map((code) => optOutSource(code, `Way ${code}`));
const proxy = fc.constantFrom('COURTDEP', 'POA', 'GUARDIAN').map((code) => proxyRole(code, `Role ${code}`));
const narrative = words.map((text) => ({
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml"><p>${text.replace(/[&<>]/g, '')}</p></div>`,
}));

/** Left out, or there. */
const optional = <Value>(name: string, value: fc.Arbitrary<Value>) =>
  fc.option(value, { nil: undefined }).map((made) => (made === undefined ? {} : { [name]: made }));

const common = fc
  .tuple(
    optional('language', fc.constantFrom('en', 'en-GB', 'cy')),
    optional('text', narrative),
    optional('identifier', fc.record({ system: uri, value: words })),
    fc.record({ dateTime: moment, status: fc.constantFrom('active', 'inactive') }),
  )
  .map((parts) => Object.assign({}, ...parts) as object);
const labels = fc
  .tuple(optional('security', fc.array(coding, { minLength: 1, maxLength: 2 })), optional('tag', fc.tuple(coding)))
  .map((parts) => Object.assign({}, ...parts) as object);

/** The patient and, beside the reference, what else may name them. */
const person = (prefixes: fc.Arbitrary<string>) =>
  fc
    .tuple(anyNumber, prefixes, optional('display', words), fc.boolean())
    .map(([number, prefix, display, isIdentified]) => ({
      reference: `${prefix}${digitsOf(number)}`,
      ...(isIdentified ? { identifier: { system: 'https://fhir.nhs.uk/Id/nhs-number', value: digitsOf(number) } } : {}),
      ...display,
    }));

const today = fc.constant('https://demographics.spineservices.nhs.uk/STU3/Patient/');
const of2017 = fc.constantFrom(
  'https://demographics.spineservices.nhs.uk/STU3/Patient/',
  'https://nww.spine.nhs.uk/',
  'https://pds.proxy.nhs.uk/',
);

const anyone = 9_990_000_018;
/** What is made anew below is taken out. */
const ndopBase = without(ndopConsent(anyone), 'consentingParty', 'extension', 'meta', 'patient');
const preferenceBase = without(preference(anyone), 'consentingParty', 'patient', 'organization', 'policyRule');

/** The patient decides, or somebody for them. */
const decided = (by: 'patient' | 'proxy', { reference }: { readonly reference: string }) =>
  by === 'patient' ? { consentingParty: [{ reference }] } : {};

export const legalNdopConsent: fc.Arbitrary<object> = fc
  .record({
    common,
    labels,
    patient: person(today),
    by: fc.constantFrom('patient' as const, 'proxy' as const),
    source,
    proxy,
    nic: fc.option(words.map(nicReference), { nil: undefined }),
    category: optional(
      'category',
      words.map((display) => [
        { coding: [{ system: 'https://fhir.nhs.uk/STU3/CodeSystem/NDOP-OptOutCategory-1', code: 'NDOP', display }] },
      ]),
    ),
    policy: fc.tuple(optional('authority', uri), uri).map(([authority, given]) => [{ ...authority, uri: given }]),
  })
  .map(({ common: described, labels: labelled, patient, by, source: way, proxy: role, nic, category, policy }) => ({
    ...ndopBase,
    ...described,
    meta: { profile: ndopConsent(anyone).meta.profile, ...labelled },
    ...category,
    patient,
    ...decided(by, patient),
    extension: [way, ...(by === 'proxy' ? [role] : []), ...(nic ? [nic] : [])],
    policy,
  }));

export const legalPreference: fc.Arbitrary<object> = fc
  .record({
    common,
    patient: person(of2017),
    by: fc.constantFrom('patient' as const, 'proxy' as const),
    proxy,
    purpose: fc.constantFrom('HRESCH', 'HOPERAT'),
    isDisplayed: fc.boolean(),
    organization: optional(
      'organization',
      fc
        .constantFrom('https://directory.spineservices.nhs.uk/STU3/Organization/', 'https://sds.proxy.nhs.uk/')
        .map((prefix) => [{ reference: `${prefix}X26` }]),
    ),
    policies: fc.oneof(
      uri.map((policyRule) => ({ policyRule })),
      uri.map((given) => ({ policy: [{ uri: given }] })),
      fc.tuple(uri, uri).map(([one, other]) => ({ policy: [{ authority: one, uri: other }], policyRule: one })),
    ),
    actor: optional(
      'actor',
      fc
        .tuple(uri, words)
        .map(([system, display]) => [
          { role: { coding: [{ system, code: 'INF', display }] }, reference: { reference: 'urn:informant', display } },
        ]),
    ),
    category: optional(
      'category',
      uri.map((system) => [{ coding: [{ system, code: 'NOOM' }] }]),
    ),
  })
  .map(
    ({
      common: described,
      patient,
      by,
      proxy: role,
      purpose,
      isDisplayed,
      organization,
      policies,
      actor,
      category,
    }) => ({
      ...preferenceBase,
      ...described,
      ...organization,
      ...policies,
      ...actor,
      ...category,
      patient,
      ...decided(by, patient),
      ...(by === 'proxy' ? { extension: [role] } : {}),
      purpose: [
        {
          system: 'http://hl7.org/fhir/v3/ActReason',
          code: purpose,
          ...(isDisplayed ? { display: 'a display' } : {}),
        },
      ],
    }),
  );
