import { digitsOf } from './nhs-numbers.ts';

/** STU3 Consents as clients send them, with synthetic people. Source of the numbers: 999 is the range for tests. */

export const people = { anne: 9_990_000_018, bob: 9_990_000_026, cem: 9_990_000_034, dai: 9_990_000_042 } as const;

/** A resource that lacks some of its elements. */
export function without<Resource extends object, Name extends keyof Resource>(
  resource: Resource,
  ...names: readonly Name[]
): Omit<Resource, Name> {
  const left = Object.entries(resource).filter(([name]) => !names.some((lacking) => lacking === name));
  return Object.fromEntries(left) as Omit<Resource, Name>;
}

export const referenceTo = (nhsNumber: number): string =>
  `https://demographics.spineservices.nhs.uk/STU3/Patient/${digitsOf(nhsNumber)}`;

export const ndopProfile = 'https://fhir.nhs.uk/STU3/StructureDefinition/NDOP-Consent-1';

export const optOutSource = (code = 'OP', display = 'Online Process') => ({
  url: 'https://fhir.nhs.uk/STU3/StructureDefinition/Extension-NDOP-OptOutSource-1',
  valueCodeableConcept: {
    coding: [{ system: 'https://fhir.nhs.uk/STU3/CodeSystem/NDOP-OptOutSource-1', code, display }],
  },
});

export const proxyRole = (code = 'POA', display = 'Power of Attorney') => ({
  url: 'https://fhir.nhs.uk/STU3/StructureDefinition/Extension-NDOP-ProxyRole-1',
  valueCodeableConcept: { coding: [{ system: 'https://fhir.nhs.uk/STU3/CodeSystem/NDOP-ProxyRole-1', code, display }] },
});

export const nicReference = (value = 'NIC-00042-Q') => ({
  url: 'https://fhir.nhs.uk/STU3/StructureDefinition/Extension-NDOP-NICReference-1',
  valueString: value,
});

const review =
  'https://www.gov.uk/government/uploads/system/uploads/attachment_data/file/535024/data-security-review.PDF';

/** The patient opts out of one of the two uses. */
export function preference(nhsNumber: number, code: 'HRESCH' | 'HOPERAT' = 'HRESCH', status = 'active') {
  const patient = { reference: referenceTo(nhsNumber) };
  const display = code === 'HRESCH' ? 'healthcare research' : 'healthcare operations';
  return {
    resourceType: 'Consent',
    status,
    patient,
    dateTime: '2026-11-20T05:59:00+00:00',
    consentingParty: [patient],
    organization: [{ reference: 'https://directory.spineservices.nhs.uk/STU3/Organization/X26' }],
    policyRule: 'http://hl7.org/fhir/ConsentPolicy/opt-out',
    purpose: [{ system: 'http://hl7.org/fhir/v3/ActReason', code, display }],
  };
}

/** The patient opts out of both, in the later profile. */
export function ndopConsent(nhsNumber: number, status = 'active') {
  const patient = { reference: referenceTo(nhsNumber) };
  return {
    resourceType: 'Consent',
    meta: { profile: [ndopProfile] },
    extension: [optOutSource()] as object[],
    status,
    patient,
    dateTime: '2026-11-20T05:59:00+00:00',
    consentingParty: [patient],
    organization: [{ reference: 'https://directory.spineservices.nhs.uk/STU3/Organization/X26' }],
    policy: [{ authority: 'https://www.gov.uk/', uri: review }],
    purpose: [
      {
        system: 'http://snomed.info/sct',
        code: '370856009',
        display: 'Limiting access to confidential patient information',
      },
    ],
  };
}

/** An attorney phones in: no consentingParty, since the proxy's role is there. */
export function byAttorney(nhsNumber: number, status = 'active') {
  const consent = without(ndopConsent(nhsNumber, status), 'consentingParty');
  return { ...consent, extension: [optOutSource('CC', 'Call Centre'), proxyRole(), nicReference()] as object[] };
}
