import { nhsEngland } from '../fhir/consent.ts';
import { nhsNumberSystem } from '../fhir/patients.ts';

/** What the NOOM API's resources are made of, as NHS England's FHIR profiles name it. */

const base = 'https://fhir.nhs.uk/STU3';

/**
 * The later design: one Consent a person. Source: nhsconnect/STU3-FHIR-Assets, NDOP-Consent-1 1.6.0, and the extensions and
 * code systems beside it.
 */
export const ndopProfile = `${base}/StructureDefinition/NDOP-Consent-1`;
export const outcomeProfile = `${base}/StructureDefinition/Spine-OperationOutcome-1`;

export const extensions = {
  optOutSource: `${base}/StructureDefinition/Extension-NDOP-OptOutSource-1`,
  proxyRole: `${base}/StructureDefinition/Extension-NDOP-ProxyRole-1`,
  nicReference: `${base}/StructureDefinition/Extension-NDOP-NICReference-1`,
} as const;

export const optOutSources = {
  system: `${base}/CodeSystem/NDOP-OptOutSource-1`,
  codes: ['OP', 'PFSP', 'FN', 'CC', 'PP', 'MG'],
} as const;

export const proxyRoles = {
  system: `${base}/CodeSystem/NDOP-ProxyRole-1`,
  codes: ['COURTDEP', 'POA', 'GUARDIAN'],
} as const;

export const outcomeCodes = `${base}/CodeSystem/Spine-ErrorOrWarningCode-1`;

/** As pages and samples of the guide spell SNOMED CT's system: taken in, never given out. */
export const secureSnomed = 'https://snomed.info/sct';

/** How the two preferences are told apart in STU3, and in R4. */
export const actReasons = {
  stu3: 'http://hl7.org/fhir/v3/ActReason',
  r4: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
} as const;

/** A preference about research, and one about planning and commissioning. Source: National Opt-Out Model, June 2017. */
export const preferences = ['HRESCH', 'HOPERAT'] as const;

/** What a Consent may be about: one of the preferences, or both in one as the later design has it. */
export const subjects = [...preferences, 'NDOP'] as const;
export type Subject = (typeof subjects)[number];

/**
 * How a reference may name somebody, the form that we write first; the others are those of 2017.
 * Source: nhsconnect/FHIR-NOO-API, history of pages/consentapi/consent_patient.md and consent_organization.md.
 */
export const patients = {
  system: nhsNumberSystem,
  prefixes: [
    'https://demographics.spineservices.nhs.uk/STU3/Patient/',
    'https://demographics.spineservices.nhs.uk/',
    'https://nww.spine.nhs.uk/',
    'https://pds.proxy.nhs.uk/',
    'https://proxy.pds.nhs.uk/',
  ],
} as const;

export const organizations = {
  system: nhsEngland.identifier.system,
  prefixes: [
    'https://directory.spineservices.nhs.uk/STU3/Organization/',
    'https://directory.spineservices.nhs.uk/',
    'https://sds.proxy.nhs.uk/',
    'https://proxy.sds.nhs.uk/',
  ],
} as const;
