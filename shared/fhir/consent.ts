import type { KeyObject } from 'node:crypto';
import { formatNhsNumber } from '../ndop/nhs-number.ts';
import type { OptOut } from '../ndop/snapshot.ts';
import { consentIdOf } from './consent-id.ts';
import { nhsNumberSystem } from './patients.ts';

/** Raised whenever the bytes of a Consent change for the same opt-out: the next run then rewrites every Consent. */
export const modelVersion = 1;

export interface ConsentOptions {
  readonly idKey: KeyObject;
  /** Base URI of our own identifiers, e.g. `https://fhir.example.nhs.uk/ndop`. */
  readonly namespace: string;
  /** The run that writes this version. */
  readonly runId: string;
  /** `literal` names the Patient of the same store; `logical` names the NHS number, for a store of Consents alone. */
  readonly patientReference: 'literal' | 'logical';
}

export interface Coding {
  readonly system: string;
  readonly code: string;
  readonly display?: string;
}

/** FHIR R4 Consent, with the elements that this pipeline writes. */
export interface Consent {
  readonly resourceType: 'Consent';
  readonly id: string;
  readonly meta: { readonly source: string; readonly security: readonly Coding[]; readonly tag: readonly Coding[] };
  readonly identifier: readonly { readonly system: string; readonly value: string }[];
  readonly status: 'active' | 'inactive';
  readonly scope: { readonly coding: readonly Coding[] };
  readonly category: readonly { readonly coding: readonly Coding[]; readonly text?: string }[];
  readonly patient: Readonly<Record<string, unknown>>;
  readonly dateTime: string;
  readonly organization: readonly Readonly<Record<string, unknown>>[];
  readonly policy: readonly { readonly authority: string; readonly uri: string }[];
  readonly policyRule: { readonly coding: readonly Coding[] };
  readonly provision: {
    readonly type: 'deny';
    readonly period?: { readonly start: string; readonly end?: string };
    readonly action: readonly { readonly coding: readonly Coding[] }[];
    readonly purpose: readonly Coding[];
  };
}

export const terminology = 'http://terminology.hl7.org/CodeSystem';

/** What a national data opt-out does, in SNOMED CT: what consumers search Consents by. */
export const limitingAccess = {
  system: 'http://snomed.info/sct',
  code: '370856009',
  display: 'Limiting access to confidential patient information',
} as const;

/** What every opt-out is filed under, learned or registered. */
export const optOutCategories = [
  { coding: [limitingAccess], text: 'National data opt-out' },
  { coding: [{ system: `${terminology}/v3-ActCode`, code: 'INFA' }] },
];
export const restricted = { system: `${terminology}/v3-Confidentiality`, code: 'R' };
export const optOutRule = { system: `${terminology}/v3-ActCode`, code: 'OPTOUT' };

/** NHS England, custodian of every opt-out. */
export const nhsEngland = {
  type: 'Organization',
  identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: 'X26' },
  display: 'NHS England',
};

export const operationalPolicy =
  'https://digital.nhs.uk/services/national-data-opt-out/operational-policy-guidance-document';

/** Names the run that wrote a version of a resource: one value, so that an update replaces it. */
export function sourceOf({ namespace, runId }: { readonly namespace: string; readonly runId: string }): string {
  return `${namespace}/consent-sync#${runId}`;
}

/** The run that wrote a version, by `meta.source`; empty where none is named. */
export function runIdOfSource(source: unknown): string {
  return typeof source === 'string' ? (/#(.+)$/.exec(source)?.[1] ?? '') : '';
}

/** Code system of the tags that tell our Consents from others'. */
export function datasetSystem(namespace: string): string {
  return `${namespace}/CodeSystem/dataset`;
}

/** Tag of every Consent that the pipeline owns; `$export` and searches select by it. */
export function datasetTag(namespace: string): Coding {
  return { system: datasetSystem(namespace), code: 'ndop-consent' };
}

/** Tag of every Consent that was registered over the NOOM API. */
export function registrationTag(namespace: string): Coding {
  return { system: datasetSystem(namespace), code: 'ndop-registration' };
}

/**
 * The Consent of one checked person. `active` means an opt-out is in force, `inactive` that none is, as in NHS England's
 * own NDOP Consent profile. The provision stays `deny` in both: a reader who overlooks `status` withholds too much, never
 * too little, and being no longer opted out is never written as a permission.
 */
export function consentOf(optOut: OptOut, patientId: string, options: ConsentOptions): Consent {
  const { nhsNumber, status, since, optedOutSince } = optOut;
  const { idKey, namespace } = options;
  const id = consentIdOf(nhsNumber, idKey);
  return {
    resourceType: 'Consent',
    id,
    meta: {
      source: sourceOf(options),
      security: [restricted],
      tag: [datasetTag(namespace)],
    },
    identifier: [{ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${id}` }],
    status,
    scope: { coding: [{ system: `${terminology}/consentscope`, code: 'patient-privacy' }] },
    category: optOutCategories,
    patient: patientReference(nhsNumber, patientId, options),
    dateTime: since,
    organization: [nhsEngland],
    policy: [{ authority: 'https://digital.nhs.uk/', uri: operationalPolicy }],
    policyRule: { coding: [optOutRule] },
    provision: {
      type: 'deny',
      ...(optedOutSince === undefined ? {} : { period: periodOf(status, since, optedOutSince) }),
      action: [{ coding: [{ system: `${terminology}/consentaction`, code: 'disclose' }] }],
      purpose: [
        { system: `${terminology}/v3-ActReason`, code: 'HRESCH' },
        { system: `${terminology}/v3-ActReason`, code: 'HOPERAT' },
      ],
    },
  };
}

/** When we saw the opt-out begin and, where it is over, end: the service tells no dates of its own. */
function periodOf(status: OptOut['status'], since: string, start: string): { start: string; end?: string } {
  return status === 'active' ? { start } : { start, end: since };
}

function patientReference(
  nhsNumber: number,
  patientId: string,
  { patientReference: form }: ConsentOptions,
): Readonly<Record<string, unknown>> {
  // A cohort that came without patient ids leaves only the number to refer by.
  if (form === 'literal' && patientId !== '') return { reference: `Patient/${patientId}`, type: 'Patient' };
  return {
    type: 'Patient',
    identifier: { system: nhsNumberSystem, value: formatNhsNumber(nhsNumber) },
  };
}
