import { z } from 'zod';
import { extensions, ndopProfile, organizations, patients, preferences, type Subject } from './vocabulary.ts';

/** What the profiles say of a Consent whose structure is right: how often each element may stand, and in which form. */

const identifier = z.strictObject({ system: z.string(), value: z.string() });
const coding = z.strictObject({ system: z.string(), code: z.string(), display: z.string().optional() });
const displayedCoding = coding.required();

const reference = z.strictObject({
  reference: z.string(),
  identifier: identifier.optional(),
  display: z.string().optional(),
});
const referenceBelow = (prefixes: readonly string[]) =>
  reference.refine((given) => prefixes.some((prefix) => given.reference.startsWith(prefix)), {
    message: `must begin with ${prefixes[0] ?? ''}`,
    path: ['reference'],
  });

const coded = <Url extends string>(url: Url) =>
  z.strictObject({
    url: z.literal(url),
    valueCodeableConcept: z.strictObject({ coding: z.tuple([displayedCoding]) }),
  });
const extension = z.discriminatedUnion('url', [
  coded(extensions.optOutSource),
  coded(extensions.proxyRole),
  z.strictObject({ url: z.literal(extensions.nicReference), valueString: z.string() }),
]);

const once = <Item extends z.ZodType>(item: Item) => z.tuple([item], { error: 'must stand exactly once' });

/** With seconds and a zone. Source: nhsconnect/FHIR-NOO-API, pages/consentapi/consent_datetime.md. */
const moment = z.string().regex(/T\d\d:\d\d:\d\d/, { error: 'must have a time with seconds, and a zone' });

const meta = z.strictObject({
  // The server's own, whatever a client says.
  versionId: z.string().optional(),
  lastUpdated: z.string().optional(),
  profile: z.tuple([z.literal(ndopProfile)]).optional(),
  security: z.array(coding).optional(),
  tag: z.array(coding).optional(),
});

const policy = z.strictObject({ authority: z.string().optional(), uri: z.string() });

/** In the order that the elements have, since that is how they are given out. */
const head = { resourceType: z.literal('Consent'), id: z.string().optional() };
const description = {
  language: z.string().optional(),
  text: z.strictObject({ status: z.string(), div: z.string() }).optional(),
};
const status = z.enum(['active', 'inactive']);
const consentingParty = once(referenceBelow(patients.prefixes)).optional();

/** NDOP-Consent-1 1.6.0. Source: nhsconnect/STU3-FHIR-Assets, StructureDefinitions/NDOP-Consent-1.xml. */
export const ndopForm = z.strictObject({
  ...head,
  meta: meta.required({ profile: true }),
  ...description,
  extension: z.array(extension),
  identifier: identifier.optional(),
  status,
  category: once(z.strictObject({ coding: z.tuple([displayedCoding]) })).optional(),
  patient: referenceBelow(patients.prefixes.slice(0, 1)),
  dateTime: moment,
  consentingParty,
  organization: once(referenceBelow(organizations.prefixes.slice(0, 1))),
  policy: once(policy),
  purpose: once(displayedCoding),
});

/**
 * A preference of the first design, one Consent for each purpose. Source: nhsconnect/FHIR-NOO-API,
 * pages/develop/development_interactions.md of June 2017; elements that it does not name are as in the base resource.
 */
export const preferenceForm = z.strictObject({
  ...head,
  meta: meta.omit({ profile: true }).optional(),
  ...description,
  extension: z.array(extension).optional(),
  identifier: identifier.optional(),
  status,
  category: once(z.strictObject({ coding: z.tuple([coding]) })).optional(),
  patient: referenceBelow(patients.prefixes),
  dateTime: moment,
  consentingParty,
  actor: once(z.strictObject({ role: z.strictObject({ coding: z.tuple([coding]) }), reference })).optional(),
  organization: once(referenceBelow(organizations.prefixes)).optional(),
  policy: once(policy).optional(),
  policyRule: z.string().optional(),
  purpose: once(coding),
});

/** A Consent that the API takes in and gives out. */
export type Consent = z.infer<typeof ndopForm> | z.infer<typeof preferenceForm>;
export type Reference = z.infer<typeof reference>;
export type Coding = z.infer<typeof coding>;
export type Extension = z.infer<typeof extension>;

/** What a Consent that fits its profile is about. */
export function subjectOf({ purpose: [{ code }] }: Pick<Consent, 'purpose'>): Subject {
  return preferences.find((preference) => preference === code) ?? 'NDOP';
}
