import { PermanentError, RetryableError } from '../errors.ts';
import { memberOf, parseJson } from '../json.ts';
import { outcomeText } from './operation-outcome.ts';
import { longestPauseMilliseconds } from './pace.ts';

/** A call, as far as it tells what a failure of it means. */
export interface FailedCall {
  readonly url: URL;
  readonly baseUrl: string;
  readonly mayBeAbsent?: boolean | undefined;
}

const rightsOrSignature =
  /^(AccessDenied|UnrecognizedClient|InvalidSignature|IncompleteSignature|MissingAuthenticationToken|ExpiredToken)Exception$/;

/**
 * What an answer other than success is to us. The control plane tells what is wrong by name and throttles with 400; so may
 * the data plane. Source: AWS HealthLake API Reference, "StartFHIRImportJob", errors; AWS HealthLake Developer Guide,
 * "Troubleshooting".
 */
export function failureOf(call: FailedCall, response: Response, text: string): RetryableError | PermanentError {
  const { status, headers } = response;
  const body = parseJson(text);
  const name = errorNameOf(headers, body);
  const requestId = /^[\w-]{1,64}$/.exec(headers.get('x-amzn-requestid') ?? '')?.[0] ?? 'unknown';
  const answered = `HealthLake answered ${status}${name === '' ? '' : ` ${name}`} (request ${requestId})`;
  if (isThrottling(status, `${name} ${text}`)) return new RetryableError('HealthLakeThrottled', answered);
  if (status >= 500) return new RetryableError('HealthLakeUnavailable', answered);
  if (status === 401 || status === 403 || rightsOrSignature.test(name)) {
    return new PermanentError(
      'HealthLakeForbidden',
      `${answered}: check that the caller's role may do this HealthLake action on this data store, and that calls are signed for the data store's region`,
    );
  }
  if (isOfNoStore(call, status, name)) {
    return new PermanentError(
      'HealthLakeStoreUnknown',
      `${answered}: check the data store's id and the region in its base URL`,
    );
  }
  const reason = outcomeText(body);
  return new PermanentError('HealthLakeRefused', `${answered}${reason === '' ? '' : `: ${reason}`}`);
}

/** Throttling comes as 429, or as a 400 that names it. */
export function isThrottling(status: number, text: string): boolean {
  return status === 429 || (status === 400 && /ThrottlingException|Rate exceeded|"code"\s*:\s*"throttled"/i.test(text));
}

/** Whether there is no such resource, rather than no such store: only the store itself speaks in OperationOutcomes. */
export function isAbsence({ status }: Response, text: string): boolean {
  return status === 410 || (status === 404 && memberOf(parseJson(text), 'resourceType') === 'OperationOutcome');
}

/** No answer at all: nobody knows whether the call was done. */
export function noAnswer(error: unknown, timeoutMilliseconds: number): RetryableError {
  const code = memberOf(memberOf(error, 'cause'), 'code');
  if (code === 'ENOTFOUND') {
    return new RetryableError(
      'HealthLakeUnavailable',
      'The host of the data store is not known: check the region in its base URL, and that names can be resolved here',
    );
  }
  if (error instanceof Error && error.name === 'TimeoutError') {
    const seconds = timeoutMilliseconds / 1000;
    return new RetryableError('HealthLakeUnavailable', `HealthLake did not answer within ${seconds} seconds`);
  }
  const reason = typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? ` (${code})` : '';
  return new RetryableError('HealthLakeUnavailable', `HealthLake did not answer${reason}`);
}

/** How long HealthLake asks to be left alone, be it in seconds or until a time; not beyond our own longest pause. */
export function retryAfterMilliseconds({ headers }: Response, now: Date): number {
  const stated = headers.get('retry-after') ?? '';
  const asked = /^\d+$/.test(stated) ? Number(stated) * 1000 : Date.parse(stated) - now.getTime();
  return Number.isNaN(asked) ? 0 : Math.min(Math.max(asked, 0), longestPauseMilliseconds);
}

/**
 * A call that is signed for another region than its host is in is refused with words that do not say so.
 *
 * @throws PermanentError ConfigurationInvalid
 */
export function ensureSameRegion(baseUrl: string, region: string): void {
  const [, regionOfHost = region] =
    /(?:^|\.)healthlake(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\./.exec(new URL(baseUrl).hostname) ?? [];
  if (regionOfHost === region) return;
  throw new PermanentError(
    'ConfigurationInvalid',
    `The FHIR base URL is in the region ${regionOfHost}, and the pipeline in ${region}: a data store must be in its region`,
  );
}

/** The header may name a page after a colon, the body a namespace before a hash. */
function errorNameOf(headers: Headers, body: unknown): string {
  const inBody = memberOf(body, '__type');
  const stated = headers.get('x-amzn-errortype') ?? (typeof inBody === 'string' ? inBody : '');
  return /^(?:[\w.]+#)?([A-Z][A-Za-z]{1,60}Exception)(?::|$)/.exec(stated)?.[1] ?? '';
}

function isOfNoStore({ url, baseUrl, mayBeAbsent = false }: FailedCall, status: number, name: string): boolean {
  const basePath = new URL(baseUrl).pathname;
  if (!url.pathname.startsWith(basePath)) return name === 'ResourceNotFoundException';
  const [, second] = url.pathname.slice(basePath.length).split('/');
  return status === 404 && (mayBeAbsent || second === undefined || /^[$_]/.test(second));
}
