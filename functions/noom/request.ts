import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { isUuid } from '../../shared/fhir/uuid.ts';
import type { Negotiation } from './media-types.ts';

/** A call as the interactions see it. */
export interface NoomRequest {
  readonly method: string;
  /** Path below the base URL. */
  readonly segments: readonly string[];
  readonly parameters: URLSearchParams;
  readonly body: Uint8Array;
  /** Of the API, without a slash at its end. */
  readonly baseUrl: string;
  /** Names this call in the log, and in the version that it writes. */
  readonly id: string;
  readonly header: (name: string) => string | undefined;
}

/** @param baseUrl as clients know the API, where it has a domain of its own; else it is that of the request */
export function requestOf(event: APIGatewayProxyEventV2, baseUrl: string | undefined): NoomRequest {
  const { rawPath, rawQueryString, body = '', isBase64Encoded, requestContext } = event;
  const headers = new Map(Object.entries(event.headers).map(([name, value]) => [name.toLowerCase(), value]));
  // API Gateway sets both, whatever a client sent.
  const host = headers.get('host') ?? requestContext.domainName;
  const base = baseUrl ?? `${headers.get('x-forwarded-proto') ?? 'https'}://${host}`;
  const basePath = new URL(base).pathname.replace(/\/$/, '');
  const path = rawPath.startsWith(`${basePath}/`) ? rawPath.slice(basePath.length) : rawPath;
  const { method } = requestContext.http;
  const segments = path.split('/').filter((segment) => segment !== '');
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  // A search by POST has its parameters in a form, `_format` among them.
  const form = method === 'POST' && segments.at(-1) === '_search' ? bytes.toString() : '';
  return {
    method,
    segments,
    parameters: new URLSearchParams([...new URLSearchParams(rawQueryString), ...new URLSearchParams(form)]),
    body: bytes,
    baseUrl: base,
    id: requestContext.requestId,
    header: (name) => headers.get(name),
  };
}

export function negotiationOf({ parameters, header }: NoomRequest): Negotiation {
  return {
    format: parameters.get('_format') ?? undefined,
    accept: header('accept'),
    contentType: header('content-type'),
  };
}

/** Only a UUID is worth keeping of what a client calls its own call: anything else may name somebody. */
export function traceIdOf({ header }: NoomRequest): string | undefined {
  return [header('ssp-traceid'), header('x-request-id')].find((id) => id !== undefined && isUuid(id));
}
