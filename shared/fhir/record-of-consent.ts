import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { formatNhsNumber } from '../ndop/nhs-number.ts';
import { patientHashOf, type PersonRecord } from '../ndop/snapshot.ts';
import { consentIdOf } from './consent-id.ts';
import { consentOf, datasetTag, type Coding, type Consent, type ConsentOptions } from './consent.ts';
import { nhsNumberSystem } from './patients.ts';
import { listOf, memberOf } from '../json.ts';

/** Times as this pipeline writes them; a snapshot holds nothing else. */
const moment = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/);

const storedConsent = z.looseObject({
  resourceType: z.literal('Consent'),
  id: z.string(),
  identifier: z.array(z.looseObject({ value: z.string().optional() })),
  status: z.enum(['active', 'inactive']),
  dateTime: moment,
  patient: z.looseObject({
    reference: z.string().optional(),
    identifier: z.looseObject({ system: z.string().optional(), value: z.string().optional() }).optional(),
  }),
});

export interface PersonOfConsent {
  readonly nhsNumber: number;
  /** As the cohort gives it; empty where it gives none. */
  readonly patientId: string;
}

/**
 * What a snapshot would say of a person whose Consent this is: `consentOf` backwards. A Consent whose content is not,
 * letter by letter, what this version would write gives a record without a patient hash, so that the next run rewrites it.
 *
 * @returns undefined where it is no Consent of this pipeline about this person: without our tag or identifier, about
 *   another number, or with a status or time that we never write
 */
export function recordOfConsent(
  consent: unknown,
  { nhsNumber, patientId }: PersonOfConsent,
  options: Omit<ConsentOptions, 'runId'>,
): PersonRecord | undefined {
  const parsed = storedConsent.safeParse(consent);
  if (!parsed.success || !isTagged(consent, options.namespace)) return undefined;
  const { id, identifier, status, dateTime, patient } = parsed.data;
  if (id !== consentIdOf(nhsNumber, options.idKey)) return undefined;
  if (!identifier.some(({ value }) => value === `urn:uuid:${id}`)) return undefined;
  if (patient.identifier?.system === nhsNumberSystem && patient.identifier.value !== formatNhsNumber(nhsNumber)) {
    return undefined;
  }
  const start = moment.safeParse(memberOf(memberOf(memberOf(consent, 'provision'), 'period'), 'start')).data;
  // An opt-out that is in force began when its status did. A Consent that says otherwise is not as we would write it.
  const optedOutSince = status === 'active' ? dateTime : start;
  const optOut = { nhsNumber, status, since: dateTime, ...(optedOutSince === undefined ? {} : { optedOutSince }) };
  // A literal reference says itself whom the Consent names; the next run compares that with its cohort.
  const named =
    options.patientReference === 'literal' ? (/^Patient\/(.+)$/.exec(patient.reference ?? '')?.[1] ?? '') : patientId;
  const expected = consentOf(optOut, named, { ...options, runId: '' });
  return { ...optOut, patientHash: isSame(consent, expected) ? patientHashOf(named) : '' };
}

/**
 * The same; but where it is ours and not as this pipeline writes it, a record of its status that has it rewritten or
 * deleted by the next run, so that it is not lost sight of.
 *
 * @param since what the record says of a time that cannot be read
 */
export function recordOfOurs(
  consent: unknown,
  person: PersonOfConsent,
  options: Omit<ConsentOptions, 'runId'>,
  since: string,
): PersonRecord | undefined {
  const record = recordOfConsent(consent, person, options);
  if (record || !isTagged(consent, options.namespace)) return record;
  const { nhsNumber } = person;
  const isActive = memberOf(consent, 'status') === 'active';
  return isActive
    ? { nhsNumber, status: 'active', since, optedOutSince: since, patientHash: '' }
    : { nhsNumber, status: 'inactive', since, patientHash: '' };
}

/** Whether a resource bears the tag of everything that this pipeline writes. */
export function isTagged(resource: unknown, namespace: string): boolean {
  return bearsTag(resource, datasetTag(namespace));
}

export function bearsTag(resource: unknown, tag: Coding): boolean {
  return holdsCoding(memberOf(memberOf(resource, 'meta'), 'tag'), tag);
}

/** The same but for what the store adds, and for the run that wrote it. Tags and labels of others do no harm. */
export function isSame(consent: unknown, { meta, ...expected }: Consent): boolean {
  const labels = memberOf(memberOf(consent, 'meta'), 'security');
  if (!meta.security.every((label) => holdsCoding(labels, label))) return false;
  return isDeepStrictEqual(withoutMeta(consent), expected);
}

function withoutMeta(resource: unknown): unknown {
  if (typeof resource !== 'object' || resource === null) return resource;
  return Object.fromEntries(Object.entries(resource).filter(([name]) => name !== 'meta'));
}

function holdsCoding(codings: unknown, { system, code }: Coding): boolean {
  return listOf(codings).some((coding) => memberOf(coding, 'system') === system && memberOf(coding, 'code') === code);
}
