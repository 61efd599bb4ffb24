import type { z } from 'zod';
import { limitingAccess, nhsEngland } from '../fhir/consent.ts';
import { isUuid } from '../fhir/uuid.ts';
import { isObject, listOf, memberOf } from '../json.ts';
import type { NhsNumberBlock } from '../ndop/nhs-number.ts';
import { ndopForm, preferenceForm, subjectOf, type Consent, type Extension } from './consent.ts';
import { endOf, nhsNumberIn, numberTextIn } from './references.ts';
import { Refusal } from './refusal.ts';
import { structureFaultOf } from './stu3/structure.ts';
import {
  actReasons,
  extensions,
  ndopProfile,
  optOutSources,
  organizations,
  preferences,
  proxyRoles,
  secureSnomed,
  type Subject,
} from './vocabulary.ts';

/** Who keeps every opt-out. */
const custodian = nhsEngland.identifier.value;

export interface CheckOptions {
  /** The id in the URL of an update; a create has none. */
  readonly id?: string | undefined;
  readonly nhsNumberBlocks: readonly NhsNumberBlock[];
}

/** A Consent that may be registered, with what it is about. */
export interface CheckedConsent {
  readonly consent: Consent;
  readonly nhsNumber: number;
  readonly subject: Subject;
}

/**
 * Checks a Consent as it was sent, in the order in which faults are answered: its structure, its id, the patient's number,
 * codes, the profile, and the rules that no profile states.
 *
 * @throws Refusal INVALID_ELEMENT, MSG_RESOURCE_ID_FAIL, BAD_REQUEST, INVALID_NHS_NUMBER, INVALID_CODE_SYSTEM,
 *   INVALID_CODE_VALUE, INVALID_RESOURCE
 */
export function checkConsent(body: unknown, options: CheckOptions): CheckedConsent {
  checkStructure(body);
  checkId(memberOf(body, 'id'), options.id);
  const nhsNumber = readNumber(body, options.nhsNumberBlocks);
  const isNdop = listOf(memberOf(memberOf(body, 'meta'), 'profile')).includes(ndopProfile);
  checkCodes(body, isNdop);
  const consent = isNdop ? parsed(ndopForm, body) : parsed(preferenceForm, body);
  checkRules(consent);
  // A reference that is none of ours has been refused by the profile.
  if (nhsNumber === undefined) throw new Refusal('INVALID_NHS_NUMBER', 'patient.reference names no NHS number');
  return { consent, nhsNumber, subject: subjectOf(consent) };
}

function checkStructure(body: unknown): void {
  const fault = structureFaultOf(body) ?? extensionFaultOf(body);
  if (fault) throw new Refusal('INVALID_ELEMENT', `${fault.path} ${fault.problem}`);
  if (memberOf(body, 'resourceType') !== 'Consent') {
    throw new Refusal('INVALID_ELEMENT', 'resourceType must be Consent');
  }
}

/** Extensions other than the three of the National Data Opt-out are refused, wherever they stand, as unknown elements are. */
function extensionFaultOf(body: unknown) {
  const known = new Set<unknown>(Object.values(extensions));
  for (const [index, { url }] of listOf(memberOf(body, 'extension')).filter(isObject).entries()) {
    if (!known.has(url)) return { path: `Consent.extension[${index}].url`, problem: 'is not an extension known here' };
  }
  const path = pathOfExtension(body, 'Consent');
  return path === undefined ? undefined : { path, problem: 'is not known here' };
}

function pathOfExtension(value: unknown, path: string): string | undefined {
  if (!isObject(value)) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const here = `${path}.${name}`;
    if (name === 'modifierExtension' || (name === 'extension' && path !== 'Consent')) return here;
    for (const [index, item] of [member].flat().entries()) {
      const found = pathOfExtension(item, Array.isArray(member) ? `${here}[${index}]` : here);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function checkId(given: unknown, inUrl: string | undefined): void {
  if (inUrl === undefined) {
    if (given !== undefined) {
      throw new Refusal('MSG_RESOURCE_ID_FAIL', 'Take the id out: the server gives one to what is created');
    }
    return;
  }
  if (given === undefined) throw new Refusal('BAD_REQUEST', 'id is missing: an update carries the id of its URL');
  if (given !== inUrl) throw new Refusal('BAD_REQUEST', 'id is not the id in the URL');
  if (!isUuid(inUrl)) throw new Refusal('BAD_REQUEST', 'id is not a UUID');
}

/** The patient's number, and with it that of whoever consents where that is said to be a patient too. */
function readNumber(body: unknown, blocks: readonly NhsNumberBlock[]): number | undefined {
  const named = [
    ['patient', memberOf(body, 'patient')] as const,
    ...listOf(memberOf(body, 'consentingParty')).map((party) => ['consentingParty', party] as const),
  ];
  const [number] = named.map(([element, reference]) => {
    const text = memberOf(reference, 'reference');
    const digits = typeof text === 'string' ? numberTextIn(text) : '';
    if (digits === '') return undefined;
    const found = nhsNumberIn(digits, blocks);
    if (found === undefined) {
      throw new Refusal(
        'INVALID_NHS_NUMBER',
        `${element}.reference must end in an NHS number of ten digits whose check digit is right, and that may be used here`,
      );
    }
    return found;
  });
  return number;
}

interface CodeRule {
  readonly path: string;
  readonly codings: readonly unknown[];
  readonly systems?: readonly string[];
  readonly codes: readonly string[];
  readonly otherwise?: string;
}

/** Source: FHIR STU3, value set `consent-state-codes`. */
const states = ['draft', 'proposed', 'active', 'rejected', 'inactive', 'entered-in-error'];

function checkCodes(body: unknown, isNdop: boolean): void {
  const status = memberOf(body, 'status');
  if (!states.some((state) => state === status)) {
    throw new Refusal('INVALID_CODE_VALUE', `status must be one of ${states.join(', ')}`);
  }
  const all = listOf(memberOf(body, 'extension'));
  const ofExtension = (url: string) =>
    all
      .filter((each) => memberOf(each, 'url') === url)
      .flatMap((each) => codingsIn(memberOf(each, 'valueCodeableConcept')));
  const purposes = listOf(memberOf(body, 'purpose'));
  const rules: CodeRule[] = [
    isNdop
      ? {
          path: 'purpose',
          codings: purposes,
          systems: [limitingAccess.system, secureSnomed],
          codes: [limitingAccess.code],
        }
      : {
          path: 'purpose',
          codings: purposes,
          systems: [actReasons.stu3],
          codes: preferences,
          otherwise: `; a Consent with ${limitingAccess.code} names its profile in meta.profile: ${ndopProfile}`,
        },
    { path: 'extension (opt-out source)', codings: ofExtension(extensions.optOutSource), ...systemOf(optOutSources) },
    { path: 'extension (proxy role)', codings: ofExtension(extensions.proxyRole), ...systemOf(proxyRoles) },
    {
      path: 'category',
      codings: listOf(memberOf(body, 'category')).flatMap(codingsIn),
      // T2 is another thing: the objection to a GP's data leaving NHS Digital.
      codes: isNdop ? ['NDOP'] : ['NOOM', 'NDOP'],
    },
    {
      path: 'actor.role',
      codings: listOf(memberOf(body, 'actor')).flatMap((actor) => codingsIn(memberOf(actor, 'role'))),
      codes: ['INF'],
    },
  ];
  for (const rule of rules) for (const coding of rule.codings) checkCoding(coding, rule);
}

function systemOf({ system, codes }: { readonly system: string; readonly codes: readonly string[] }) {
  return { systems: [system], codes };
}

function codingsIn(concept: unknown): readonly unknown[] {
  return listOf(memberOf(concept, 'coding'));
}

function checkCoding(coding: unknown, { path, systems, codes, otherwise = '' }: CodeRule): void {
  const system = memberOf(coding, 'system');
  const code = memberOf(coding, 'code');
  // What is missing is for the profile to say.
  if (system !== undefined && systems && !systems.some((known) => known === system)) {
    throw new Refusal('INVALID_CODE_SYSTEM', `${path}: system must be ${systems[0] ?? ''}${otherwise}`);
  }
  if (code !== undefined && !codes.some((known) => known === code)) {
    throw new Refusal('INVALID_CODE_VALUE', `${path}: code must be one of ${codes.join(', ')}${otherwise}`);
  }
}

function parsed<Form extends z.ZodType>(form: Form, body: unknown): z.infer<Form> {
  const { data, error } = form.safeParse(body);
  if (!error) return data;
  const [issue] = error.issues;
  throw new Refusal('INVALID_RESOURCE', issue ? problemOf(issue) : 'The Consent does not fit its profile');
}

function problemOf(issue: z.core.$ZodIssue): string {
  const path = issue.path.reduce<string>(
    (joined, step) => (typeof step === 'number' ? `${joined}[${step}]` : `${joined}.${String(step)}`),
    'Consent',
  );
  if (issue.code === 'unrecognized_keys') return `${path} must not have ${issue.keys.join(', ')} in this profile`;
  if (issue.code === 'invalid_type' && issue.input === undefined) return `${path} is missing in this profile`;
  return `${path}: ${issue.message}`;
}

/** A day of the first design's turning round. Source: nhsconnect/FHIR-NOO-API, history of consent_status.md, 10 August 2017. */
const turnedRound = Date.parse('2017-08-10T00:00:00Z');

function checkRules(consent: Consent): void {
  const given = consent.extension ?? [];
  const count = (url: Extension['url']) => given.filter((each) => each.url === url).length;
  for (const url of Object.values(extensions)) {
    if (count(url) > 1) throw new Refusal('INVALID_RESOURCE', `Consent.extension: ${url} must stand only once`);
  }
  const isNdop = consent.meta !== undefined && 'profile' in consent.meta;
  if (isNdop && count(extensions.optOutSource) === 0) {
    throw new Refusal('INVALID_RESOURCE', `Consent.extension: ${extensions.optOutSource} is missing`);
  }
  // Source: nhsconnect/FHIR-NOO-API, pages/design/build_consent_business_rules.md.
  const isByProxy = count(extensions.proxyRole) > 0;
  if (isByProxy === (consent.consentingParty !== undefined)) {
    throw new Refusal(
      'INVALID_RESOURCE',
      `Consent must have either consentingParty, where the patient decides, or the proxy role, where somebody else does: it has ${isByProxy ? 'both' : 'neither'}`,
    );
  }
  const [party] = consent.consentingParty ?? [];
  if (party && party.reference !== consent.patient.reference) {
    throw new Refusal(
      'INVALID_RESOURCE',
      'Consent.consentingParty: must be the patient; a proxy is told by role alone',
    );
  }
  for (const named of [consent.patient, ...(party ? [party] : [])]) {
    if (named.identifier && named.identifier.value !== numberTextIn(named.reference)) {
      throw new Refusal('INVALID_RESOURCE', 'Consent: an identifier beside a reference must be the NHS number in it');
    }
  }
  const [organization] = consent.organization ?? [];
  if (organization && endOf(organization.reference, organizations.prefixes) !== custodian) {
    throw new Refusal('INVALID_RESOURCE', `Consent.organization: must be ${custodian}, who keeps every opt-out`);
  }
  if (consent.policy === undefined && !('policyRule' in consent)) {
    throw new Refusal('INVALID_RESOURCE', 'Consent must have a policy or a policyRule (ppc-1)');
  }
  // Written so that a second that is none, as a leap second here, is not after it.
  if (!isNdop && !(Date.parse(consent.dateTime) >= turnedRound)) {
    throw new Refusal(
      'INVALID_RESOURCE',
      'Consent.dateTime: before 10 August 2017 active meant the opposite, so that an older preference cannot be read',
    );
  }
}
