import type { APIGatewayProxyEventV2 } from 'aws-lambda';
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
  const { rawPath, rawQueryString, headers, body = '', isBase64Encoded, requestContext } = event;
  // API Gateway sets both, whatever a client sent.
  const { host = requestContext.domainName, 'x-forwarded-proto': protocol = 'https' } = headers;
  const base = baseUrl ?? `${protocol}://${host}`;
  const basePath = new URL(base).pathname.replace(/\/$/, '');
  const path = rawPath.startsWith(`${basePath}/`) ? rawPath.slice(basePath.length) : rawPath;
  return {
    method: requestContext.http.method,
    segments: path.split('/').filter((segment) => segment !== ''),
    parameters: new URLSearchParams(rawQueryString),
    body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
    baseUrl: base,
    id: requestContext.requestId,
    header: (name) => headers[name],
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
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.exec(
    header('ssp-traceid') ?? header('x-request-id') ?? '',
  )?.[0];
}
