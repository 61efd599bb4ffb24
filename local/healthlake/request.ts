import type { IncomingMessage } from 'node:http';
import type { Operation } from './faults.ts';
import { nameOf, type Call } from './interactions.ts';
import { badRequest, notImplemented } from './refused.ts';

/** A request to the data plane, its body read. */
export interface Received {
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  /** Of the path below the base URL. */
  readonly segments: readonly string[];
  readonly body: Buffer;
}

export function operationOf({ request: { method = '' }, segments }: Received): Operation {
  if (method === 'POST' && segments.join('/') === '') return 'batch';
  if (method === 'POST' && segments.join('/') === 'Patient/$export') return 'export';
  if (segments[1] === '_search' || (method === 'GET' && segments.length === 1 && segments[0] !== 'metadata'))
    return 'search';
  return method === 'GET' ? 'read' : 'write';
}

/** @throws Refused */
export function callOf({ request, segments, query, body }: Received): Call {
  const method = request.method ?? '';
  const call = {
    method,
    segments,
    ifMatch: header(request, 'if-match'),
    ifNoneMatch: header(request, 'if-none-match'),
    idempotencyKey: header(request, 'x-amz-fhir-idempotency-key'),
  };
  if (method === 'POST' && segments[1] === '_search') {
    if (query.size > 0 && body.length > 0)
      throw badRequest('Search parameters stand in the URL or in the body, not both');
    if (body.length > 0 && !/^application\/x-www-form-urlencoded\b/.test(header(request, 'content-type') ?? '')) {
      throw badRequest('The body of a search must be application/x-www-form-urlencoded');
    }
    return { ...call, parameters: query.size > 0 ? query : new URLSearchParams(body.toString()) };
  }
  if (method !== 'POST' && method !== 'PUT') return { ...call, parameters: query };
  if (segments[1]?.startsWith('_') === true) throw notImplemented(nameOf(call));
  return { ...call, parameters: query, resource: parseJson(body) };
}

/** Headers that change what a request means, and that this store would otherwise pass over in silence. */
export function refuseUnknownHeaders(request: IncomingMessage): void {
  for (const name of ['prefer', 'if-none-exist', 'if-modified-since', 'x-amz-fhir-history-consistency-level']) {
    if (request.headers[name] !== undefined) throw notImplemented(`the header ${name}`);
  }
  const level = header(request, 'x-amzn-healthlake-fhir-validation-level') ?? 'strict';
  if (level !== 'strict') throw notImplemented('a validation level other than strict');
}

/** Reads a body to its end, so that the sender sees the answer; gives undefined when it is larger than allowed. */
export async function readUpTo(request: IncomingMessage, mostBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const source: AsyncIterable<Buffer> = request;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes <= mostBytes) chunks.push(chunk);
  }
  return bytes <= mostBytes ? Buffer.concat(chunks) : undefined;
}

/** @throws Refused */
export function parseJson(body: Buffer | string): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw badRequest('The body is not JSON', 'structure');
  }
}

export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
