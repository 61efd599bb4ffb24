import type { ServerResponse } from 'node:http';
import type { FaultOf, Operation } from './faults.ts';
import { etagOf, type Answer } from './interactions.ts';

/** What goes back over HTTP. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object | undefined;
}

/** Of the FHIR data plane. */
export function fhirReply({ status, body, version }: Answer): Reply {
  return {
    status,
    headers: {
      ...(body ? { 'content-type': 'application/fhir+json' } : {}),
      ...(version ? { etag: etagOf(version.version), 'last-modified': new Date(version.updated).toUTCString() } : {}),
    },
    body,
  };
}

/** From before the data plane, where a request is not looked at as FHIR, and of the control plane. */
export function messageReply(status: number, message: string, type?: string): Reply {
  const headers = { 'content-type': 'application/json' };
  if (type === undefined) return { status, headers, body: { message } };
  return { status, headers: { ...headers, 'x-amzn-errortype': type }, body: { __type: type, message } };
}

/** Of the control plane, where all went well. */
export function actionReply(body: object): Reply {
  return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.0' }, body };
}

/** The control plane throttles with 400. */
export function faultReply(
  fault: FaultOf<'throttle' | 'throttle-in-400' | 'unavailable'>,
  operation: Operation,
): Reply {
  if (fault.kind === 'unavailable') return messageReply(503, 'Service Unavailable');
  const isControlPlane = operation === 'import' || operation === 'import-status';
  const status = isControlPlane || fault.kind === 'throttle-in-400' ? 400 : 429;
  const reply = messageReply(status, 'Rate exceeded', 'ThrottlingException');
  if (fault.kind !== 'throttle' || fault.retryAfterSeconds === undefined) return reply;
  return { ...reply, headers: { ...reply.headers, 'retry-after': String(fault.retryAfterSeconds) } };
}

export function send(response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, headers).end(body && JSON.stringify(body));
}
