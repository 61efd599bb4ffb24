import { createHmac, type KeyObject } from 'node:crypto';
import { consentIdOf } from '../fhir/consent-id.ts';
import { datasetTag, limitingAccess, nhsEngland, registrationTag } from '../fhir/consent.ts';
import { isTagged } from '../fhir/record-of-consent.ts';
import { shapedAsUuid } from '../fhir/uuid.ts';
import { memberOf } from '../json.ts';
import { formatNhsNumber } from '../ndop/nhs-number.ts';
import { subjectOf, type Coding, type Consent } from './consent.ts';
import { fromR4, isRegistration } from './r4-consent.ts';
import { actReasons, organizations, patients, subjects, type Subject } from './vocabulary.ts';

/** A Consent in the store: registered here, or learned by the pipeline from NHS England's answers. */
export interface Held {
  /** What it is registered about; undefined where the pipeline has learned it. */
  readonly subject: Subject | undefined;
  readonly resource: unknown;
}

/** Everything that the store holds about one person. */
export interface Person {
  readonly nhsNumber: number;
  readonly held: readonly Held[];
}

/** A Consent as the API gives it out. */
export interface Shown {
  readonly resource: ShownConsent;
  readonly subject: Subject;
  readonly nhsNumber: number;
  /** Of what the store holds: the one that is shown here, or that this is another view of. */
  readonly held: Held;
}

export interface ShownConsent extends Readonly<Record<string, unknown>> {
  readonly resourceType: 'Consent';
  readonly id: string;
  readonly meta: { readonly versionId: string; readonly lastUpdated: string; readonly tag?: readonly Coding[] };
  readonly status: string;
}

/**
 * The id of a person's registered Consent: made from the number as the pipeline's own are, so that two clients who create
 * one at the same moment meet in the same id, and a person is found without a search.
 */
export function registrationIdOf(nhsNumber: number, subject: Subject, key: KeyObject): string {
  const hex = createHmac('sha256', key)
    .update(`ndop-registration:v1:${subject}:${formatNhsNumber(nhsNumber)}`)
    .digest('hex');
  return shapedAsUuid(hex, 8);
}

/** Where everything about a person stands. */
export function idsOf(nhsNumber: number, key: KeyObject): readonly string[] {
  return [consentIdOf(nhsNumber, key), ...subjects.map((subject) => registrationIdOf(nhsNumber, subject, key))];
}

/** What the store holds under one of our ids, if it is ours. */
export function heldIn(resource: unknown, namespace: string): Held | undefined {
  if (isRegistration(resource, namespace)) return { subject: subjectOf(fromR4(resource, namespace)), resource };
  return isTagged(resource, namespace) ? { subject: undefined, resource } : undefined;
}

/** Whatever does not say that it has ended is in force. */
export function isInForce({ resource }: Held): boolean {
  return memberOf(resource, 'status') !== 'inactive';
}

/**
 * What a person's preferences are, as one design has it: at most one instance for each subject, the one that was registered
 * about it before a view of what else is in force. An opt-out that is over is shown only where it was registered about this
 * very subject: else a client would find, in place of nothing, what it cannot change.
 */
export function instancesOf(person: Person, wanted: readonly Subject[], namespace: string): Shown[] {
  return wanted.flatMap((subject) => {
    const own = person.held.find((each) => each.subject === subject);
    const shown = own ?? person.held.find((each) => isAbout(each, subject) && isInForce(each));
    return shown ? [shownIn(person, shown, subject, namespace)] : [];
  });
}

/** What is learned, and a Consent of the later design, are about both preferences; and either preference is about it. */
export function isAbout({ subject: held }: Held, subject: Subject): boolean {
  return held === subject || held === undefined || held === 'NDOP' || subject === 'NDOP';
}

/**
 * A Consent among all that is held about its patient: opted out if any of it says so, be it under the other design or learned
 * by the pipeline. Where it does not say so itself, a tag tells what does.
 */
export function shownIn(person: Person, held: Held, subject: Subject, namespace: string): Shown {
  const alone = shownAlone(held, subject, person.nhsNumber, namespace);
  const other = person.held.find((each) => isAbout(each, subject) && isInForce(each));
  if (isInForce(held) || !other) return alone;
  const { resource } = alone;
  const meta = { ...resource.meta, tag: [...(resource.meta.tag ?? []), tagOf(other, namespace)] };
  return { ...alone, resource: { ...resource, meta, status: 'active' } };
}

/** A Consent as this version of it says, whatever else is held. */
export function shownAlone(held: Held, subject: Subject, nhsNumber: number, namespace: string): Shown {
  const resource =
    held.subject === subject ? ownView(held.resource, namespace) : otherView(held, subject, nhsNumber, namespace);
  return { resource, subject, nhsNumber, held };
}

function tagOf({ subject }: Held, namespace: string): Coding {
  return subject === undefined ? datasetTag(namespace) : registrationTag(namespace);
}

function ownView(resource: unknown, namespace: string): ShownConsent {
  const consent = fromR4(resource, namespace);
  const { resourceType, id, meta } = identityOf(resource, (held) => held, consent.meta);
  return { ...consent, resourceType, id, meta };
}

const purposes: Readonly<Record<Subject, Consent['purpose'][0]>> = {
  HRESCH: { system: actReasons.stu3, code: 'HRESCH', display: 'healthcare research' },
  HOPERAT: { system: actReasons.stu3, code: 'HOPERAT', display: 'healthcare operations' },
  NDOP: limitingAccess,
};

/**
 * Another record in the form that this design gives it: what holds of it and no more. It names no profile, since what the
 * profile demands (who decided, and how) may not be known; its tag says which dataset it is from.
 */
function otherView(held: Held, subject: Subject, nhsNumber: number, namespace: string): ShownConsent {
  const { resource } = held;
  const policy = memberOf(resource, 'policy');
  return {
    ...identityOf(resource, (id) => viewIdOf(id, held.subject, subject), { tag: [tagOf(held, namespace)] }),
    status: isInForce(held) ? 'active' : 'inactive',
    patient: { reference: `${patients.prefixes[0]}${formatNhsNumber(nhsNumber)}` },
    dateTime: memberOf(resource, 'dateTime'),
    organization: [{ reference: `${organizations.prefixes[0]}${nhsEngland.identifier.value}` }],
    ...(policy === undefined ? { policyRule: 'http://hl7.org/fhir/ConsentPolicy/opt-out' } : { policy }),
    purpose: [purposes[subject]],
  };
}

function identityOf(
  resource: unknown,
  shown: (id: string) => string,
  meta: { readonly tag?: readonly Coding[] | undefined } | undefined,
) {
  const [versionId, lastUpdated] = ['versionId', 'lastUpdated'].map((name) =>
    memberOf(memberOf(resource, 'meta'), name),
  );
  const { tag, ...labels } = meta ?? {};
  return {
    resourceType: 'Consent',
    id: shown(String(memberOf(resource, 'id'))),
    meta: { versionId: String(versionId), lastUpdated: String(lastUpdated), ...labels, ...(tag ? { tag } : {}) },
  } as const;
}

/** Which bits of an id are turned over to show it about a subject. */
const turned: Readonly<Record<Subject, string>> = {
  HRESCH: '5245534541',
  HOPERAT: '504c414e4e',
  NDOP: '4e444f5031',
};

/** Done again, it leads back: every view has an id of its own, and is led from it to what it shows. */
function turnedOver(id: string, subject: Subject): string {
  const tail = BigInt(`0x${id.slice(-10)}`) ^ BigInt(`0x${turned[subject]}`);
  return id.slice(0, -10) + tail.toString(16).padStart(10, '0');
}

/** What the pipeline has learned is shown to the later design under its own id. */
export function viewIdOf(id: string, held: Subject | undefined, subject: Subject): string {
  const isOwn = held === subject || (held === undefined && subject === 'NDOP');
  return isOwn ? id : turnedOver(id, subject);
}

/** Under which ids the store may hold what is shown under this one, each with the subject that it would be shown about. */
export function heldIdsFor(shownId: string): readonly { readonly id: string; readonly subject: Subject | undefined }[] {
  return [
    { id: shownId, subject: undefined },
    ...subjects.map((subject) => ({ id: turnedOver(shownId, subject), subject })),
  ];
}
