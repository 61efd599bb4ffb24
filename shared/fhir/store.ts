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
  readonly sleep?: (milliseconds: number) => Promise<unknown>;
}

/** One call to a store, signed when it is made. */
export interface StoreCall {
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** A POST where there is one, else a GET. */
  readonly body?: string;
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

const attempts = 8;

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
   * Every resource that a search finds, page by page. The search is a POST, so that nothing about a person stands in a
   * URL; `next` is followed within this store only.
   */
  async *search(type: string, parameters: Readonly<Record<string, string>>): AsyncGenerator {
    const { baseUrl } = this;
    let page = await this.call({
      url: new URL(`${type}/_search`, baseUrl),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(parameters).toString(),
    });
    for (;;) {
      const { resources, next } = readSearchSet(page);
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
      if (error instanceof PermanentError || attempt === attempts) throw error;
      if (call.isUnrepeatable === true && error.name !== 'HealthLakeThrottled') throw error;
      await this.#options.sleep(pauseAfter(attempt, leastPauseMilliseconds));
    }
  }

  async #attempt(call: StoreCall): Promise<Attempted> {
    const { url, headers, body } = call;
    const request = await this.#signer.sign({
      method: body === undefined ? 'GET' : 'POST',
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

interface SearchSet {
  readonly resources: readonly unknown[];
  readonly next?: string;
}

/** Anything but a Bundle read as an empty page would take everybody in it for absent. */
function readSearchSet(page: unknown): SearchSet {
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
