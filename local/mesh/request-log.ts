import type { IncomingMessage, ServerResponse } from 'node:http';

/** One answered request, without bodies and without credentials. */
export interface MeshRequest {
  /** ISO time at which the request arrived. */
  readonly at: string;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** 0 where the connection broke before an answer. */
  readonly status: number;
  readonly durationMs: number;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly responseHeaders: Readonly<Record<string, string>>;
  /** Body bytes as they travelled, before decompression. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** What was made to go wrong with it. */
  readonly fault?: string;
  /** Why it is none of the MESH API, for whoever looks for the mistake: MESH itself says less. */
  readonly remark?: string;
}

/** @param started the `performance.now()` of the request's arrival */
export function logEntry(
  request: IncomingMessage,
  response: ServerResponse,
  started: number,
  what: {
    readonly requestBytes: number;
    readonly responseBytes: number;
    readonly fault: string | undefined;
    readonly remark: string | undefined;
  },
): MeshRequest {
  return {
    at: new Date(performance.timeOrigin + started).toISOString(),
    method: request.method ?? '',
    path: request.url ?? '',
    status: response.headersSent ? response.statusCode : 0,
    durationMs: Math.round((performance.now() - started) * 10) / 10,
    requestHeaders: plain(Object.entries(request.headers).filter(([name]) => name !== 'authorization')),
    responseHeaders: plain(Object.entries(response.getHeaders())),
    requestBytes: what.requestBytes,
    responseBytes: what.responseBytes,
    ...(what.fault === undefined ? {} : { fault: what.fault }),
    ...(what.remark === undefined ? {} : { remark: what.remark }),
  };
}

function plain(headers: [string, string | number | string[] | undefined][]): Record<string, string> {
  return Object.fromEntries(headers.map(([name, value = '']) => [name, String(value)]));
}
