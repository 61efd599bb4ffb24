import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { listOf, memberOf, parseJson } from '../json.ts';
import { formatNhsNumber, nhsNumberBlocks } from '../ndop/nhs-number.ts';
import { checkConsent } from './check-consent.ts';
import { subjectOf, type Consent } from './consent.ts';
import { nhsNumberIn, numberTextIn } from './references.ts';
import { Refusal } from './refusal.ts';
import { readXml } from './stu3/xml-reader.ts';
import { extensions, ndopProfile, patients, type Subject } from './vocabulary.ts';

export interface NoomClientOptions {
  /** Of the API, without a slash at its end. */
  readonly baseUrl: string;
  /** Sends a request: `fetch`, with whatever the API wants to know of its caller. */
  readonly send?: (url: URL, request: NoomCall) => Promise<Response>;
  readonly sleep?: (milliseconds: number) => Promise<unknown>;
}

/** One call, before it is signed. */
export interface NoomCall {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The API did not do what was asked, or nobody knows whether it did: nothing follows for what a person has chosen. */
export class NoomError extends Error {
  override readonly name = 'NoomError';
  /** HTTP; 0 where there was no answer, or none that can be read. */
  readonly status: number;
  /** Of the OperationOutcome's issue, where there is one. */
  readonly issueType: string | undefined;
  /** Of the Spine's error codes, in one spelling where there are two: `ACCESS_DENIED`, `NO_ORGANISATIONAL_CONSENT`. */
  readonly code: string | undefined;
  /** By which the service finds the call in its log. */
  readonly outcomeId: string | undefined;

  constructor(message: string, status = 0, outcome?: unknown, options?: ErrorOptions) {
    super(message, options);
    const issue = listOf(memberOf(outcome, 'issue'))[0];
    const coding = listOf(memberOf(memberOf(issue, 'details'), 'coding'))[0];
    this.status = status;
    this.issueType = textOf(memberOf(issue, 'code'));
    this.code = textOf(memberOf(coding, 'code'))
      ?.replaceAll(' ', '_')
      .replace('NO_ORGANISATION_CONSENT', 'NO_ORGANISATIONAL_CONSENT');
    this.outcomeId = textOf(memberOf(outcome, 'id'));
  }
}

/** A Consent as the API gives it, be it registered or another view of what is held. */
const foundConsent = z.looseObject({
  resourceType: z.literal('Consent'),
  id: z.string(),
  meta: z.looseObject({ versionId: z.string() }),
  status: z.enum(['active', 'inactive']),
  patient: z.looseObject({ reference: z.string() }),
  purpose: z.tuple([z.looseObject({ system: z.string(), code: z.string() })]),
});
export type FoundConsent = z.infer<typeof foundConsent>;

const searchset = z.looseObject({
  resourceType: z.literal('Bundle'),
  type: z.literal('searchset'),
  total: z.number(),
  link: z.array(z.looseObject({ relation: z.string(), url: z.string() })),
  entry: z.array(z.looseObject({ resource: foundConsent, search: z.looseObject({ mode: z.string() }) })).default([]),
});

/** A Consent that has no id yet, the API gives it one; without `dateTime` it is of this moment. */
export type NewConsent = Omit<Consent, 'id' | 'dateTime'> & { readonly dateTime?: string };

/** Where a Consent lies, and the version that was written. */
export interface Written {
  readonly id: string;
  readonly versionId: string;
}

const tries = 4;
const form = 'application/x-www-form-urlencoded';
const json = 'application/fhir+json; charset=UTF-8';

/**
 * A client of the NOOM API. It searches before it creates, updates what it finds, sends the whole resource with the version
 * that it has seen, and takes no failure for an answer. It logs nothing.
 */
export class NoomClient {
  readonly #baseUrl: string;
  readonly #send: (url: URL, request: NoomCall) => Promise<Response>;
  readonly #sleep: (milliseconds: number) => Promise<unknown>;

  constructor({ baseUrl, send = fetchInTime, sleep = pause }: NoomClientOptions) {
    this.#baseUrl = baseUrl.replace(/\/$/, '');
    this.#send = send;
    this.#sleep = sleep;
  }

  /**
   * Whether somebody has opted out, by what the API holds. Nothing held is no opt-out; whether it is known at all, and how
   * fresh, is for docs/consumers.md to say.
   *
   * @throws NoomError where it can't be told: never take that for a no
   */
  async isOptedOut(nhsNumber: number, subject: Subject): Promise<boolean> {
    return (await this.find(nhsNumber, subject))?.status === 'active';
  }

  /**
   * The Consent about a subject, whatever its status; undefined where there is none.
   *
   * @throws NoomError
   */
  async find(nhsNumber: number, subject: Subject): Promise<FoundConsent | undefined> {
    const found = await this.search(nhsNumber, subject === 'NDOP' ? 'ndop' : 'preferences');
    const matches = found.filter((consent) => subjectOf(consent) === subject);
    if (matches.length > 1) throw new NoomError('More than one Consent is held about one thing');
    return matches[0];
  }

  /**
   * Every Consent of a person in one of the designs. By POST, so that nobody's number stands in a URL.
   *
   * @throws NoomError
   */
  async search(nhsNumber: number, design: 'preferences' | 'ndop' = 'preferences'): Promise<FoundConsent[]> {
    const patient = referenceTo(nhsNumber);
    const parameters = new URLSearchParams({ patient, ...(design === 'ndop' ? { _profile: ndopProfile } : {}) });
    const found: FoundConsent[] = [];
    let page = await this.#searchset(() =>
      this.#call('Consent/_search', {
        method: 'POST',
        headers: { 'content-type': form },
        body: parameters.toString(),
      }),
    );
    for (let pages = 1; ; pages += 1) {
      // A server that has passed over the filter gives other people's records.
      const self = page.link.find(({ relation }) => relation === 'self')?.url ?? '';
      if (URL.parse(self, this.#baseUrl)?.searchParams.get('patient') !== patient) {
        throw new NoomError('The search was answered as another');
      }
      const matches = page.entry.filter(({ search }) => search.mode === 'match').map(({ resource }) => resource);
      if (matches.some((consent) => numberTextIn(consent.patient.reference) !== formatNhsNumber(nhsNumber))) {
        throw new NoomError('The search was answered with another patient');
      }
      found.push(...matches);
      const next = page.link.find(({ relation }) => relation === 'next')?.url;
      if (next === undefined) break;
      if (pages === 10 || !next.startsWith(`${this.#baseUrl}/`)) throw new NoomError('The search has no end');
      page = await this.#searchset(() =>
        this.#call(next.slice(this.#baseUrl.length + 1), { method: 'GET', headers: {} }),
      );
    }
    if (found.length !== page.total) throw new NoomError('The search holds another number of Consents than it says');
    return found;
  }

  /**
   * Registers what a person has chosen: an update of the Consent that is held, or else a new one. To be opted in again is to
   * state `inactive`; nothing is ever deleted.
   *
   * @param stated whole: what is left out is gone afterwards
   * @throws NoomError
   */
  async state(stated: NewConsent): Promise<Written> {
    const consent = { ...stated, dateTime: stated.dateTime ?? new Date().toISOString() };
    const nhsNumber = nhsNumberIn(numberTextIn(consent.patient.reference), nhsNumberBlocks);
    if (nhsNumber === undefined) throw new NoomError('patient.reference must end in a valid NHS number');
    const subject = subjectOf(consent);
    for (let attempt = 1; ; attempt += 1) {
      const held = await this.find(nhsNumber, subject);
      try {
        // What another source says can't be changed; what is stated here comes to stand beside it.
        if (!held || !isRegistered(held)) return await this.create(consent);
        return await this.update({ ...consent, id: held.id }, held.meta.versionId);
      } catch (error) {
        if (!(error instanceof NoomError) || !mayHaveChanged(error) || attempt === tries) throw error;
        await this.#sleep(pauseAfter(attempt));
      }
    }
  }

  /** @throws NoomError, also where the Consent does not fit its profile: then nothing is sent */
  async create(consent: Omit<Consent, 'id'>): Promise<Written> {
    const { meta, ...rest } = consent;
    // The server's own to say, though they were read with a Consent that is now stated anew.
    const labels = omitted(meta ?? {}, 'versionId', 'lastUpdated');
    const resource = { ...omitted(rest, 'id'), ...(Object.keys(labels).length > 0 ? { meta: labels } : {}) };
    requireLegal(resource);
    const call = { method: 'POST', headers: { 'content-type': json }, body: JSON.stringify(resource) } as const;
    return writtenIn(await this.#call('Consent', call));
  }

  /** @throws NoomError, also where the Consent does not fit its profile: then nothing is sent */
  async update(consent: Consent & { readonly id: string }, versionId: string): Promise<Written> {
    requireLegal(consent, consent.id);
    const headers = { 'content-type': json, 'if-match': `W/"${versionId}"` };
    const call = { method: 'PUT', headers, body: JSON.stringify(consent) } as const;
    return writtenIn(await this.#call(`Consent/${consent.id}`, call));
  }

  /** @throws NoomError */
  async read(id: string): Promise<FoundConsent> {
    const found = foundConsent.safeParse(
      await bodyOf(await this.#call(`Consent/${id}`, { method: 'GET', headers: {} })),
    );
    if (found.success) return found.data;
    throw new NoomError('The answer is no Consent');
  }

  /**
   * Makes sure that the other side is a NOOM API of this version of FHIR.
   *
   * @throws NoomError
   */
  async requireApi(): Promise<void> {
    const statement = await bodyOf(await this.#call('metadata', { method: 'GET', headers: {} }));
    const resources = listOf(memberOf(listOf(memberOf(statement, 'rest'))[0], 'resource'));
    const consent = resources.find((resource) => memberOf(resource, 'type') === 'Consent');
    const codes = listOf(memberOf(consent, 'interaction')).map((interaction) => memberOf(interaction, 'code'));
    const isStu3 = textOf(memberOf(statement, 'fhirVersion'))?.startsWith('3.0.') === true;
    if (!isStu3 || !['create', 'update', 'search-type'].every((code) => codes.includes(code))) {
      throw new NoomError('The service is no NOOM API over FHIR STU3');
    }
  }

  async #searchset(call: () => Promise<Response>): Promise<z.infer<typeof searchset>> {
    const page = searchset.safeParse(await bodyOf(await call()));
    if (page.success) return page.data;
    throw new NoomError('The search was answered with no searchset that can be read');
  }

  /** Sends again what was turned away or not answered; but not a create that may have been done, which is to be looked for. */
  async #call(target: string, request: NoomCall): Promise<Response> {
    const isCreate = request.method === 'POST' && target === 'Consent';
    const url = new URL(`${this.#baseUrl}/${target}`);
    const headers = { accept: 'application/fhir+json', 'accept-encoding': 'gzip', ...request.headers };
    for (let attempt = 1; ; attempt += 1) {
      let failure: NoomError;
      try {
        const response = await this.#send(url, { ...request, headers });
        if (response.ok) return response;
        failure = new NoomError(`The API answered ${response.status}`, response.status, await outcomeOf(response));
      } catch (error) {
        failure = new NoomError('The API did not answer', 0, undefined, { cause: error });
      }
      const mayRetry = isCreate ? failure.status === 429 : isPassing(failure);
      if (!mayRetry || attempt === tries) throw failure;
      await this.#sleep(pauseAfter(attempt));
    }
  }
}

/** Registered about this very thing: who decided stands in nothing else. */
function isRegistered({ consentingParty, extension }: FoundConsent): boolean {
  const isByProxy = listOf(extension).some((each) => memberOf(each, 'url') === extensions.proxyRole);
  return consentingParty !== undefined || isByProxy;
}

function omitted(value: object, ...names: readonly string[]): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

/** @throws NoomError */
function requireLegal(resource: unknown, id?: string): void {
  try {
    checkConsent(resource, { id, nhsNumberBlocks });
  } catch (error) {
    throw new NoomError(error instanceof Refusal ? error.message : 'The Consent is none', 0, undefined, {
      cause: error,
    });
  }
}

/** Away, busy, or nobody knows. */
function isPassing({ status }: NoomError): boolean {
  return [0, 429, 502, 503, 504].includes(status);
}

/** Somebody else was quicker, what was held is gone, or what was sent may have been done: look again. */
function mayHaveChanged(error: NoomError): boolean {
  return error.code === 'DUPLICATE_REJECTED' || [404, 405, 409].includes(error.status) || isPassing(error);
}

/** Up to 400 ms, and twice as much each time. */
function pauseAfter(attempt: number): number {
  return Math.random() * 200 * 2 ** attempt;
}

function fetchInTime(url: URL, call: NoomCall): Promise<Response> {
  return fetch(url, { ...call, signal: AbortSignal.timeout(30_000) });
}

/** @throws NoomError where the number is none: nobody would be found, which reads as no opt-out */
function referenceTo(nhsNumber: number): string {
  const digits = formatNhsNumber(nhsNumber);
  if (nhsNumberIn(digits, nhsNumberBlocks) === undefined) throw new NoomError('That is no valid NHS number');
  return `${patients.prefixes[0]}${digits}`;
}

/** With or without the version at its end. */
function writtenIn({ headers, status }: Response): Written {
  const [, id, inLocation] =
    /\/Consent\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/.exec(headers.get('location') ?? '') ??
    [];
  const versionId = /^(?:W\/)?"(.+)"$/.exec(headers.get('etag') ?? '')?.[1] ?? inLocation;
  if (id === undefined || versionId === undefined)
    throw new NoomError('The answer does not say what was written', status);
  return { id, versionId };
}

/** @throws NoomError where the connection is lost within the body */
async function bodyOf(response: Response): Promise<unknown> {
  try {
    return parseJson(await response.text());
  } catch (error) {
    throw new NoomError('The answer was not received whole', response.status, undefined, { cause: error });
  }
}

/** An error may come as XML though JSON was asked for. */
async function outcomeOf(response: Response): Promise<unknown> {
  const text = await response.text();
  if (!text.trimStart().startsWith('<')) return parseJson(text);
  try {
    return readXml(text);
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
