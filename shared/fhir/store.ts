import { Hash } from '@smithy/hash-node';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { SignatureV4 } from '@smithy/signature-v4';
import { setTimeout as pause } from 'node:timers/promises';
import { PermanentError, RetryableError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { Pace } from './pace.ts';

export interface FhirStoreOptions {
  /** With its trailing slash: `https://healthlake.eu-west-2.amazonaws.com/datastore/<id>/r4/`. */
  readonly baseUrl: string;
  readonly region: string;
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
}

const attempts = 8;
const firstPauseMilliseconds = 200;
const longestPauseMilliseconds = 20_000;

/**
 * The FHIR data plane of a HealthLake store: signed calls, since it is not in the AWS SDK. Throttling and outages are
 * retried with full jitter; HealthLake may say "throttled" with 400 too. Errors carry status and request id, never a
 * body.
 */
export class FhirStore {
  readonly #options: Required<FhirStoreOptions>;
  readonly #signer: SignatureV4;
  readonly #pace: Pace;

  constructor(options: FhirStoreOptions) {
    this.#options = { callsAtOnce: 8, timeoutMilliseconds: 60_000, sleep: pause, ...options };
    this.#pace = new Pace(this.#options.callsAtOnce);
    this.#signer = new SignatureV4({
      service: 'healthlake',
      region: options.region,
      credentials: defaultProvider(),
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
  postBundle(bundle: object): Promise<unknown> {
    return this.call({
      url: new URL(this.baseUrl),
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(bundle),
    });
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
      const url = new URL(next);
      if (!url.href.startsWith(new URL(baseUrl).href)) {
        throw new PermanentError('HealthLakeRefused', 'A search named a next page outside this data store');
      }
      page = await this.call({ url });
    }
  }

  /**
   * The JSON that a call is answered with.
   *
   * @throws PermanentError HealthLakeRefused. RetryableError HealthLakeThrottled, HealthLakeUnavailable
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
      if (error.name === 'HealthLakeThrottled') this.#pace.throttled();
      if (error instanceof PermanentError || attempt === attempts) throw error;
      if (call.isUnrepeatable === true && error.name !== 'HealthLakeThrottled') throw error;
      await this.#options.sleep(pauseBefore(attempt));
    }
  }

  async #attempt({
    url,
    headers,
    body,
    acceptedStatus,
  }: StoreCall): Promise<{ answer: unknown } | { error: RetryableError | PermanentError }> {
    const request = await this.#signer.sign({
      method: body === undefined ? 'GET' : 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      // Page tokens end in a raw `==`: sign and send them as decoded values, encoded anew.
      query: Object.fromEntries(url.searchParams),
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
    } catch {
      return { error: new RetryableError('HealthLakeUnavailable', 'HealthLake did not answer') };
    }
    if (!response.ok && response.status !== acceptedStatus) return { error: failureOf(response, text) };
    const answer = parseJson(text);
    if (answer !== undefined) return { answer };
    return { error: new RetryableError('HealthLakeUnavailable', 'HealthLake answered with no JSON') };
  }
}

/** Full jitter: anything up to the doubled pause, so that callers who failed together do not return together. */
export function pauseBefore(attempt: number): number {
  return Math.random() * Math.min(longestPauseMilliseconds, firstPauseMilliseconds * 2 ** (attempt - 1));
}

/** Throttling comes as 429, or as a 400 that names it. */
export function isThrottling(status: number, text: string): boolean {
  return status === 429 || (status === 400 && /ThrottlingException|Rate exceeded/i.test(text));
}

function failureOf(response: Response, text: string): RetryableError | PermanentError {
  const requestId = response.headers.get('x-amzn-requestid') ?? 'unknown';
  const said = `HealthLake answered ${response.status} (request ${requestId})`;
  if (isThrottling(response.status, text)) return new RetryableError('HealthLakeThrottled', said);
  if (response.status >= 500) return new RetryableError('HealthLakeUnavailable', said);
  return new PermanentError('HealthLakeRefused', said);
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

/** A member of a JSON object, or undefined. */
export function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
