import type { IncomingMessage, ServerResponse } from 'node:http';

/** One answered request, without bodies and without credentials. */
export interface MeshRequest {
  /** ISO time at which the request arrived. */
  readonly at: string;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly responseHeaders: Readonly<Record<string, string>>;
  /** Body bytes as they travelled, before decompression. */
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** A body up to a limit, or undefined where it is longer. */
export interface LimitedBody {
  readonly bytes: number;
  readonly body: Buffer | undefined;
}

/** Reads to the end even past the limit, dropping the bytes, so that the sender gets an answer and not a reset. */
export async function readLimitedBody(request: IncomingMessage, maxBytes: number): Promise<LimitedBody> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const source: AsyncIterable<Buffer> = request;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  return { bytes, body: bytes <= maxBytes ? Buffer.concat(chunks) : undefined };
}

/** @param started the `performance.now()` of the request's arrival */
export function logEntry(
  request: IncomingMessage,
  response: ServerResponse,
  started: number,
  bytes: Pick<MeshRequest, 'requestBytes' | 'responseBytes'>,
): MeshRequest {
  return {
    at: new Date(performance.timeOrigin + started).toISOString(),
    method: request.method ?? '',
    path: request.url ?? '',
    status: response.statusCode,
    durationMs: Math.round((performance.now() - started) * 10) / 10,
    requestHeaders: plain(Object.entries(request.headers).filter(([name]) => name !== 'authorization')),
    responseHeaders: plain(Object.entries(response.getHeaders())),
    ...bytes,
  };
}

function plain(headers: [string, string | number | string[] | undefined][]): Record<string, string> {
  return Object.fromEntries(headers.map(([name, value = '']) => [name, String(value)]));
}
