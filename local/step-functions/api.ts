import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import { type Authorize, refusalOf } from '../iam/access.ts';
import { type Credentials, SignatureRefused, verifySignature } from '../signature.ts';
import { readBody } from '../stand-in.ts';
import { type OperationContext, operations } from './operations.ts';
import { ServiceError } from './service-error.ts';

/** Who may call. */
export interface StatesCallers {
  readonly credentials: Credentials;
  /** Whoever signs may do everything when left out. */
  readonly authorize?: Authorize;
}

/** Answers one request in the AWS JSON 1.0 protocol. */
export async function answerStates(
  { credentials, authorize, ...context }: OperationContext & StatesCallers,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  const target = String(request.headers['x-amz-target'] ?? '');
  const name = target.replace(/^AWSStepFunctions\./, '');
  const operation = operations.get(name);
  try {
    const caller = await verifySignature(request, 'states', credentials, body);
    // No role of ours has any right here, on whatever it may be.
    const refused = authorize?.(caller, { action: `states:${name}`, resource: '*' });
    if (refused) throw new ServiceError('AccessDeniedException', refusalOf(refused));
    if (!operation) {
      answer(response, 501, {
        __type: 'NotImplemented',
        message: `The local Step Functions does not implement ${target === '' ? `${request.method ?? ''} ${request.url ?? ''}` : target}`,
      });
      return;
    }
    answer(response, 200, operation(parseBody(body), context));
  } catch (error) {
    if (error instanceof SignatureRefused) {
      answer(response, 403, { __type: 'InvalidSignatureException', message: error.message });
    } else if (error instanceof ServiceError) {
      answer(response, 400, { __type: error.name, message: error.message });
    } else throw error;
  }
}

function parseBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new ServiceError('SerializationException', 'The request is not JSON');
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': randomUUID() })
    .end(JSON.stringify(body, datesAsEpochSeconds));
}

/** `Date` has turned itself into text before a replacer sees it, so the replacer looks at the holder. */
function datesAsEpochSeconds(this: unknown, key: string, value: unknown): unknown {
  const held: unknown = typeof this === 'object' && this !== null ? Reflect.get(this, key) : undefined;
  return held instanceof Date ? held.getTime() / 1000 : value;
}
