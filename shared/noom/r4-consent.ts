import { isDeepStrictEqual } from 'node:util';
import {
  datasetSystem,
  limitingAccess,
  optOutCategories,
  optOutRule,
  registrationTag,
  restricted,
  terminology,
} from '../fhir/consent.ts';
import { bearsTag } from '../fhir/record-of-consent.ts';
import { isObject, listOf, memberOf, parseJson } from '../json.ts';
import { ndopForm, preferenceForm, type Coding, type Consent, type Reference } from './consent.ts';
import { endOf } from './references.ts';
import { Refusal } from './refusal.ts';
import { actReasons, ndopProfile, organizations, patients, preferences, secureSnomed } from './vocabulary.ts';

/** A registered Consent as the store holds it, in FHIR R4. */
export interface R4Consent extends Readonly<Record<string, unknown>> {
  readonly resourceType: 'Consent';
  readonly id: string;
  readonly meta: { readonly source: string; readonly security: readonly Coding[]; readonly tag: readonly Coding[] };
}

export interface R4Options {
  readonly id: string;
  /** Base URI of our own identifiers. */
  readonly namespace: string;
  /** Names the request that wrote this version, and nobody. */
  readonly requestId: string;
  /** The Patient of the store, as `Patient/<id>`, where it is known which that is. */
  readonly patient: string | undefined;
}

export function isRegistration(resource: unknown, namespace: string): boolean {
  return bearsTag(resource, registrationTag(namespace));
}

/** Of a policy rule that is a URI. Source: HL7/fhir, implementations/r3maps/R3toR4/Consent.map. */
const uriSystem = 'urn:ietf:rfc:3986';

/**
 * A registered Consent in R4, so that nothing of it is lost: what R4 has elsewhere is moved, what it lacks is kept in
 * extensions, and what it demands is added and taken away on the way back. There is no `provision.type`, which R4 does not
 * permit at the root, and no `verification`, which means something else.
 */
export function toR4(consent: Consent, { id, namespace, requestId, patient }: R4Options): R4Consent {
  const { meta, language, text, extension, identifier, category = [], organization, policy } = consent;
  const [purpose] = consent.purpose;
  const [party] = consent.consentingParty ?? [];
  const [actor] = 'actor' in consent ? (consent.actor ?? []) : [];
  const rule = 'policyRule' in consent ? consent.policyRule : undefined;
  const person = (reference: Reference) => ({
    ...(patient === undefined ? { type: 'Patient' } : { reference: patient, type: 'Patient' }),
    ...logical(reference, patients, namespace),
  });
  return {
    resourceType: 'Consent',
    id,
    meta: {
      source: `${namespace}/noom#${requestId}`,
      security: [restricted, ...(meta?.security ?? [])],
      // Which dataset a Consent is of is the server's own to say, as its version is: a merged one comes back with our tags.
      tag: [
        registrationTag(namespace),
        ...(meta?.tag ?? []).filter(({ system }) => system !== datasetSystem(namespace)),
      ],
    },
    ...(language === undefined ? {} : { language }),
    ...(text === undefined ? {} : { text }),
    ...(extension === undefined ? {} : { extension }),
    ...(identifier === undefined ? {} : { identifier: [identifier] }),
    status: consent.status,
    scope: { coding: [{ system: `${terminology}/consentscope`, code: 'patient-privacy', display: 'Privacy Consent' }] },
    // What consumers search by comes with every version, in force or not.
    category: [...category, ...optOutCategories],
    patient: person(consent.patient),
    dateTime: consent.dateTime,
    ...(party ? { performer: [person(party)] } : {}),
    ...(organization
      ? {
          organization: organization.map((each) => ({
            type: 'Organization',
            ...logical(each, organizations, namespace),
          })),
        }
      : {}),
    ...(policy ? { policy } : {}),
    policyRule: { coding: [...(rule === undefined ? [] : [{ system: uriSystem, code: rule }]), optOutRule] },
    provision: {
      ...(actor ? { actor: [actor] } : {}),
      purpose: [inR4(purpose)],
    },
  };
}

/**
 * A registered Consent as it was taken in, with the version that the store gave it.
 *
 * @throws Refusal INTERNAL_SERVER_ERROR where the store holds something else under its id
 */
export function fromR4(resource: unknown, namespace: string): Consent {
  const member = (name: string) => memberOf(resource, name);
  const first = (list: unknown) => listOf(list)[0];
  const [meta, provision] = [member('meta'), member('provision')];
  const purpose = inStu3(first(memberOf(provision, 'purpose')));
  const isNdop = memberOf(purpose, 'code') === limitingAccess.code;
  const category = listOf(member('category')).filter(
    (each) => !optOutCategories.some((ours) => isDeepStrictEqual(each, ours)),
  );
  const rule = listOf(memberOf(member('policyRule'), 'coding')).find((each) => memberOf(each, 'system') === uriSystem);
  const labels = listOf(memberOf(meta, 'security'));
  const ours = labels.findIndex(
    (label) => memberOf(label, 'code') === restricted.code && memberOf(label, 'system') === restricted.system,
  );
  const security = labels.filter((_, index) => index !== ours);
  const tag = listOf(memberOf(meta, 'tag')).filter((each) => memberOf(each, 'system') !== datasetSystem(namespace));
  const read = (reference: unknown, names: Names) => original(reference, names, namespace);
  const candidate = present({
    resourceType: 'Consent',
    id: member('id'),
    meta: present({
      versionId: memberOf(meta, 'versionId'),
      lastUpdated: memberOf(meta, 'lastUpdated'),
      profile: isNdop ? [ndopProfile] : undefined,
      security: listed(security),
      tag: listed(tag),
    }),
    language: member('language'),
    text: member('text'),
    extension: member('extension'),
    identifier: first(member('identifier')),
    status: member('status'),
    category: listed(category),
    patient: read(member('patient'), patients),
    dateTime: member('dateTime'),
    consentingParty: listed(listOf(member('performer')).map((each) => read(each, patients))),
    actor: memberOf(provision, 'actor'),
    organization: listed(listOf(member('organization')).map((each) => read(each, organizations))),
    policy: member('policy'),
    policyRule: memberOf(rule, 'code'),
    purpose: [purpose],
  });
  const { data, error } = isNdop ? ndopForm.safeParse(candidate) : preferenceForm.safeParse(candidate);
  if (!isRegistration(resource, namespace) || error) {
    throw new Refusal('INTERNAL_SERVER_ERROR', 'The store holds something else where a registered Consent should be', {
      cause: error,
    });
  }
  return data;
}

interface Names {
  readonly system: string;
  readonly prefixes: readonly string[];
}

/** By identifier, with the reference as it was given where its plain form would not say the same. */
function logical(reference: Reference, { system, prefixes }: Names, namespace: string) {
  const value = endOf(reference.reference, prefixes) ?? '';
  const { display } = reference;
  const isPlain = isDeepStrictEqual(reference, { reference: `${prefixes[0] ?? ''}${value}` });
  return {
    ...(isPlain ? {} : { extension: [{ url: givenReference(namespace), valueString: JSON.stringify(reference) }] }),
    identifier: { system, value },
    ...(display === undefined ? {} : { display }),
  };
}

function original(reference: unknown, { prefixes }: Names, namespace: string): unknown {
  const given = listOf(memberOf(reference, 'extension')).find(
    (each) => memberOf(each, 'url') === givenReference(namespace),
  );
  const value = memberOf(memberOf(reference, 'identifier'), 'value');
  const text = memberOf(given, 'valueString');
  if (typeof text === 'string') {
    const kept = parseJson(text);
    const named = memberOf(kept, 'reference');
    return typeof named === 'string' && endOf(named, prefixes) === value ? kept : undefined;
  }
  return typeof value === 'string' ? { reference: `${prefixes[0] ?? ''}${value}` } : undefined;
}

function givenReference(namespace: string): string {
  return `${namespace}/StructureDefinition/stu3-reference`;
}

/** The preferences' system has another name in R4, by which consumers there search. */
function inR4(purpose: Coding): Coding {
  if (purpose.system === actReasons.stu3) return { ...purpose, system: actReasons.r4 };
  return purpose.system === secureSnomed ? { ...purpose, system: limitingAccess.system } : purpose;
}

function inStu3(purpose: unknown): unknown {
  if (!isObject(purpose)) return undefined;
  const { system, code } = purpose;
  if (system === limitingAccess.system && code === limitingAccess.code) return purpose;
  const isPreference = system === actReasons.r4 && preferences.some((preference) => preference === code);
  return isPreference ? { ...purpose, system: actReasons.stu3 } : undefined;
}

function listed(list: readonly unknown[]): readonly unknown[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** Without what is not there: in FHIR an element is left out, never empty. */
function present(elements: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(elements).filter(([, value]) => value !== undefined));
}

/** Whether a stored version says what another would say, but for who wrote it and when. */
export function saysTheSame(stored: unknown, { meta, ...next }: R4Consent): boolean {
  if (!isObject(stored)) return false;
  const { meta: storedMeta, ...rest } = stored;
  const { security, tag } = meta;
  return (
    isDeepStrictEqual(rest, next) &&
    isDeepStrictEqual(memberOf(storedMeta, 'security'), security) &&
    isDeepStrictEqual(memberOf(storedMeta, 'tag'), tag)
  );
}
