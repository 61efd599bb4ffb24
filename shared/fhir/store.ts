import { Hash } from '@smithy/hash-node';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { SignatureV4, type SignatureV4Init } from '@smithy/signature-v4';
import { setTimeout as pause } from 'node:timers/promises';
import { PermanentError, RetryableError } from '../errors.ts';
import { listOf, memberOf, parseJson } from '../json.ts';
import { ensureSameRegion, failureOf, isAbsence, noAnswer, retryAfterMilliseconds } from './failures.ts';
import { Pace, pauseAfter } from './pace.ts';

export interface FhirStoreOptions {
  /** With its trailing slash: `https://healthlake.eu-west-2.amazonaws.com/datastore/<id>/r4/`. */
  readonly baseUrl: string;
  readonly region: string;
  /** Who signs; whoever the AWS credentials at hand belong to, when left out. */
  readonly credentials?: SignatureV4Init['credentials'];
  /** How many calls may be under way at once; fewer while HealthLake throttles. */
  readonly callsAtOnce?: number;
  readonly timeoutMilliseconds?: number;
  /** How often a call is made before its failure stands. */
  readonly attempts?: number;
  readonly sleep?: (milliseconds: number) => Promise<unknown>;
}

/** One call to a store, signed when it is made. */
export interface StoreCall {
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent with it, or else it is a GET. */
  readonly body?: string;
  /** POST when left out, where there is a body. */
  readonly method?: 'PUT';
  /** Twice is not the same as once: made again only where HealthLake has turned it away. */
  readonly isUnrepeatable?: boolean;
  /** A status beside the successful ones whose body is an answer too. */
  readonly acceptedStatus?: number;
  /** Where there is no such resource, undefined is the answer. */
  readonly mayBeAbsent?: boolean;
}

/** What came of one attempt. */
type Attempted =
  | { readonly answer: unknown }
  | { readonly error: RetryableError | PermanentError; readonly leastPauseMilliseconds?: number };

/**
 * The FHIR data plane of a HealthLake store: signed calls, since it is not in the AWS SDK, at a pace that the store takes.
 * Throttling and outages are retried with full jitter, not before HealthLake asks to be. Errors carry status and request
 * id, never a body.
 */
export class FhirStore {
  readonly #options: Required<FhirStoreOptions>;
  readonly #signer: SignatureV4;
  readonly #pace: Pace;

  /** @throws PermanentError ConfigurationInvalid where the base URL is in another region */
  constructor(options: FhirStoreOptions) {
    ensureSameRegion(options.baseUrl, options.region);
    this.#options = {
      credentials: defaultProvider(),
      callsAtOnce: 8,
      timeoutMilliseconds: 60_000,
      attempts: 8,
      sleep: pause,
      ...options,
    };
    this.#pace = new Pace(this.#options.callsAtOnce, this.#options.sleep);
    this.#signer = new SignatureV4({
      service: 'healthlake',
      region: options.region,
      credentials: this.#options.credentials,
      sha256: Hash.bind(null, 'sha256'),
    });
  }

  get baseUrl(): string {
    return this.#options.baseUrl;
  }

  /** Slows further calls down: to be called where a Bundle was answered and some of its entries were throttled. */
  throttled(): void {
    this.#pace.throttled();
  }

  /** Posts a Bundle to the base. */
  postBundle(bundle: object, options: Pick<StoreCall, 'isUnrepeatable'> = {}): Promise<unknown> {
    return this.call({
      url: new URL(this.baseUrl),
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(bundle),
      ...options,
    });
  }

  /**
   * A resource by its id, which names nobody.
   *
   * @returns undefined where there is none, or none any more
   * @throws as `call` does
   */
  async read(type: string, id: string): Promise<unknown> {
    const resource = await this.call({ url: new URL(`${type}/${id}`, this.baseUrl), mayBeAbsent: true });
    if (resource === undefined || (memberOf(resource, 'resourceType') === type && memberOf(resource, 'id') === id)) {
      return resource;
    }
    throw new PermanentError('HealthLakeRefused', `A ${type} was asked for by id and answered with another resource`);
  }

  /**
   * Writes a resource under its id, where the store holds what is expected there.
   *
   * @returns the resource as it is stored; undefined where the store holds something else
   * @throws as `call` does
   */
  async put(resource: FhirResource, expected: Expected): Promise<unknown> {
    const answer = await this.call({
      method: 'PUT',
      url: new URL(`${resource.resourceType}/${resource.id}`, this.baseUrl),
      headers: {
        'content-type': 'application/fhir+json',
        ...(expected === 'none' ? { 'if-none-match': '*' } : {}),
        ...(typeof expected === 'object' ? { 'if-match': expected.etag } : {}),
      },
      body: JSON.stringify(resource),
      acceptedStatus: 412,
    });
    return memberOf(answer, 'resourceType') === resource.resourceType ? answer : undefined;
  }

  /**
   * One version of a resource.
   *
   * @returns undefined where there is none
   * @throws as `call` does
   */
  async readVersion(type: string, id: string, versionId: string): Promise<unknown> {
    const url = new URL(`${type}/${id}/_history/${versionId}`, this.baseUrl);
    const version = await this.call({ url, mayBeAbsent: true });
    const isAsked = memberOf(version, 'id') === id && memberOf(memberOf(version, 'meta'), 'versionId') === versionId;
    if (version === undefined || isAsked) return version;
    throw new PermanentError('HealthLakeRefused', `A version of a ${type} was asked for and answered with another`);
  }

  /** Every version of a resource that the store tells of, which may lag behind what it holds; none of deletions. */
  async history(type: string, id: string): Promise<unknown[]> {
    const page = await this.call({ url: new URL(`${type}/${id}/_history`, this.baseUrl), mayBeAbsent: true });
    if (page === undefined) return [];
    const versions: unknown[] = [];
    for await (const version of this.#resourcesFrom(page)) {
      if (version !== undefined) versions.push(version);
    }
    return versions;
  }

  /**
   * Every resource that a search finds, page by page. The search is a POST, so that nothing about a person stands in a
   * URL.
   */
  async *search(type: string, parameters: Readonly<Record<string, string>>): AsyncGenerator {
    const page = await this.call({
      url: new URL(`${type}/_search`, this.baseUrl),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(parameters).toString(),
    });
    yield* this.#resourcesFrom(page);
  }

  /** What a page holds and all that follow it; `next` is followed within this store only. */
  async *#resourcesFrom(firstPage: unknown): AsyncGenerator {
    const { baseUrl } = this;
    let page = firstPage;
    for (;;) {
      const { resources, next } = readPage(page);
      yield* resources;
      if (next === undefined) return;
      const url = URL.parse(next);
      if (url?.href.startsWith(new URL(baseUrl).href) !== true) {
        throw new PermanentError('HealthLakeRefused', 'A search named a next page outside this data store');
      }
      page = await this.call({ url });
    }
  }

  /**
   * The JSON that a call is answered with.
   *
   * @throws PermanentError HealthLakeForbidden, HealthLakeStoreUnknown, HealthLakeRefused. RetryableError
   *   HealthLakeThrottled, HealthLakeUnavailable
   */
  async call(call: StoreCall): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      // A place is held during the attempt, never during the pause after it.
      const said = await this.#pace.take(() => this.#attempt(call));
      if ('answer' in said) {
        this.#pace.succeeded();
        return said.answer;
      }
      const { error } = said;
      const { leastPauseMilliseconds = 0 } = said;
      if (error.name === 'HealthLakeThrottled') this.#pace.throttled(leastPauseMilliseconds);
      if (error instanceof PermanentError || attempt === this.#options.attempts) throw error;
      if (call.isUnrepeatable === true && error.name !== 'HealthLakeThrottled') throw error;
      await this.#options.sleep(pauseAfter(attempt, leastPauseMilliseconds));
    }
  }

  async #attempt(call: StoreCall): Promise<Attempted> {
    const { url, headers, body } = call;
    const request = await this.#signer.sign({
      method: body === undefined ? 'GET' : (call.method ?? 'POST'),
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      // Page tokens end in a raw `==`: sign and send them as decoded values, encoded anew.
      query: Object.fromEntries([...url.searchParams.keys()].map((name) => [name, url.searchParams.getAll(name)])),
      headers: { host: url.host, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const target = new URL(url);
    target.search = new URLSearchParams([...url.searchParams]).toString().replaceAll('+', '%20');
    let response: Response;
    let text: string;
    try {
      response = await fetch(target, {
        method: request.method,
        headers: request.headers,
        redirect: 'error',
        signal: AbortSignal.timeout(this.#options.timeoutMilliseconds),
        ...(body === undefined ? {} : { body }),
      });
      text = await response.text();
    } catch (error) {
      return { error: noAnswer(error, this.#options.timeoutMilliseconds) };
    }
    if (call.mayBeAbsent === true && isAbsence(response, text)) return { answer: undefined };
    if (!response.ok && response.status !== call.acceptedStatus) {
      return {
        error: failureOf({ ...call, baseUrl: this.baseUrl }, response, text),
        leastPauseMilliseconds: retryAfterMilliseconds(response, new Date()),
      };
    }
    const answer = parseJson(text);
    if (answer !== undefined) return { answer };
    return { error: new RetryableError('HealthLakeUnavailable', 'HealthLake answered with no JSON') };
  }
}

/**
 * What a write counts on: a version, by its ETag; that there is nothing, and never was (HealthLake counts what was deleted);
 * or whatever there is.
 */
export type Expected = { readonly etag: string } | 'none' | 'anything';

/** A resource that is written under an id of ours. */
export interface FhirResource {
  readonly resourceType: string;
  readonly id: string;
}

interface ResultPage {
  readonly resources: readonly unknown[];
  readonly next?: string;
}

/** Anything but a Bundle read as an empty page would take everybody in it for absent. */
function readPage(page: unknown): ResultPage {
  if (memberOf(page, 'resourceType') !== 'Bundle') {
    throw new PermanentError('HealthLakeRefused', 'A search was answered with no Bundle');
  }
  const entries = listOf(memberOf(page, 'entry'));
  const links = listOf(memberOf(page, 'link'));
  const next = memberOf(
    links.find((link) => memberOf(link, 'relation') === 'next'),
    'url',
  );
  // A server may add an OperationOutcome about the search itself. Source: FHIR R4, "Search", `Bundle.entry.search.mode`.
  const found = entries.filter((entry) => memberOf(memberOf(entry, 'search'), 'mode') !== 'outcome');
  return {
    resources: found.map((entry) => memberOf(entry, 'resource')),
    ...(typeof next === 'string' ? { next } : {}),
  };
}
