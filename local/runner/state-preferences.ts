import { z } from 'zod';
import { nhsNumberSystem } from '../../shared/fhir/patients.ts';
import { listOf, memberOf, parseJson } from '../../shared/json.ts';
import { nhsNumberBlocks, readNhsNumber } from '../../shared/ndop/nhs-number.ts';
import { syntheticNhsNumbers } from '../people/synthetic.ts';
import { signedCall } from '../http-api/signed-call.ts';
import type { Runtime } from './runtime.ts';

/** One call of the NOOM API and what it was answered; of whom it speaks is left out. */
export interface StatedPreference {
  readonly call: string;
  readonly status: number;
  /** How many Consents were found, or the Spine's code for a refusal. */
  readonly answer: string;
}

/** No cohort has this number, and so no answer was asked for it. */
const [strangerToAll = ''] = syntheticNhsNumbers(1, 270_520);

const found = z.looseObject({
  total: z.number(),
  entry: z.array(z.looseObject({ resource: z.looseObject({ id: z.string(), status: z.string() }) })).default([]),
});

/**
 * The three interactions over what the runs have left: somebody who has not opted out states a preference about research,
 * is found, takes it back, and its versions are read; somebody of whom nothing is held states one too; and somebody whose
 * opt-out was learned cannot be opted in here.
 *
 * @throws Error where a call is answered otherwise than it must be
 */
export async function statePreferences(
  runtime: Runtime,
  isOptedOut: (nhsNumber: string) => boolean,
  say: (line: string) => void,
): Promise<StatedPreference[]> {
  const { noomUrl, operator } = runtime;
  if (noomUrl === undefined) throw new Error('The environment has no NOOM API: noom.enabled is false');
  const stated: StatedPreference[] = [];
  const call = async (name: string, target: string, expected: number, sent?: object, etag?: string) => {
    const [method = 'GET'] = name.split(' ');
    const response = await signedCall(operator, `${noomUrl}/${target}`, {
      method,
      headers: {
        accept: 'application/fhir+json',
        ...(sent ? { 'content-type': 'application/fhir+json' } : {}),
        ...(etag === undefined ? {} : { 'if-match': etag }),
      },
      ...(sent ? { body: JSON.stringify(sent) } : {}),
    });
    const body = parseJson(await response.text());
    const answer = answerIn(body);
    stated.push({ call: name, status: response.status, answer });
    say(`  ${name}: ${response.status}${answer === '' ? '' : `, ${answer}`}`);
    if (response.status !== expected) throw new Error(`${name} was answered with ${response.status}, not ${expected}`);
    return { response, body };
  };

  const sharing = somebody(runtime, (nhsNumber) => !isOptedOut(nhsNumber));
  const preference = aboutResearch(sharing, 'active');
  const { response } = await call('POST /Consent', 'Consent', 201, preference);
  const [, id = ''] = /\/Consent\/([^/]+)/.exec(response.headers.get('location') ?? '') ?? [];
  await call('GET /Consent?patient=…', searchFor(sharing), 200);
  const over = { ...aboutResearch(sharing, 'inactive'), id };
  await call('PUT /Consent/…', `Consent/${id}`, 200, over, response.headers.get('etag') ?? '');
  await call('GET /Consent/…/_history', `Consent/${id}/_history`, 200);
  await call('GET /Consent/…/_history/1', `Consent/${id}/_history/1`, 200);
  await call('POST /Consent (of whom nothing is held)', 'Consent', 201, aboutResearch(strangerToAll, 'active'));

  const optedOut = somebody(runtime, isOptedOut);
  const learned = found.parse(
    (await call('GET /Consent?patient=… (opted out nationally)', searchFor(optedOut), 200)).body,
  );
  const [first] = learned.entry;
  if (!first) throw new Error('Somebody who has opted out is not found');
  const loosened = { ...aboutResearch(optedOut, 'inactive'), id: first.resource.id };
  await call('PUT /Consent/… (opted out nationally)', `Consent/${first.resource.id}`, 422, loosened, 'W/"1"');
  return stated;
}

function searchFor(nhsNumber: string): string {
  return `Consent?patient=${encodeURIComponent(referenceTo(nhsNumber))}`;
}

function referenceTo(nhsNumber: string): string {
  return `https://demographics.spineservices.nhs.uk/STU3/Patient/${nhsNumber}`;
}

function aboutResearch(nhsNumber: string, status: 'active' | 'inactive'): object {
  const patient = { reference: referenceTo(nhsNumber) };
  return {
    resourceType: 'Consent',
    status,
    patient,
    dateTime: new Date().toISOString(),
    consentingParty: [patient],
    organization: [{ reference: 'https://directory.spineservices.nhs.uk/STU3/Organization/X26' }],
    policyRule: 'http://hl7.org/fhir/ConsentPolicy/opt-out',
    purpose: [{ system: 'http://hl7.org/fhir/v3/ActReason', code: 'HRESCH', display: 'healthcare research' }],
  };
}

/** The first Patient of the store with a valid number, of whom something holds and about whom an answer was written. */
function somebody({ healthLake, consentStore }: Runtime, holds: (nhsNumber: string) => boolean): string {
  const answered = new Set<unknown>();
  for (const consent of consentStore.resources('Consent')) {
    const patient = memberOf(consent, 'patient');
    answered.add(memberOf(patient, 'reference')).add(memberOf(memberOf(patient, 'identifier'), 'value'));
  }
  for (const patient of healthLake.resources('Patient')) {
    for (const identifier of listOf(memberOf(patient, 'identifier'))) {
      const value = memberOf(identifier, 'value');
      if (memberOf(identifier, 'system') !== nhsNumberSystem || typeof value !== 'string') continue;
      const reading = readNhsNumber(value, nhsNumberBlocks);
      if (!('nhsNumber' in reading) || !holds(reading.nhsNumber)) continue;
      if (answered.has(`Patient/${String(patient.id)}`) || answered.has(reading.nhsNumber)) return reading.nhsNumber;
    }
  }
  throw new Error('Nobody in the cohort is as the scenario needs one');
}

function answerIn(body: unknown): string {
  const bundle = found.safeParse(body);
  if (bundle.success) {
    const statuses = bundle.data.entry.map(({ resource }) => resource.status);
    return `${bundle.data.total} found${statuses.length > 0 ? `: ${statuses.join(', ')}` : ''}`;
  }
  const coding = listOf(memberOf(memberOf(listOf(memberOf(body, 'issue'))[0], 'details'), 'coding'))[0];
  const code = memberOf(coding, 'code');
  return typeof code === 'string' ? code : '';
}
