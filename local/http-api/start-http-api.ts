import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DeployedHttpApi } from '../assembly/http-api.ts';
import type { Authorize } from '../iam/access.ts';
import type { LambdaHost, LogLine } from '../lambda/lambda-host.ts';
import { SignatureRefused, verifySignature, type Credentials } from '../signature.ts';
import { serve, type StandIn } from '../stand-in.ts';
import { accessLine, type Logged } from './access-log.ts';
import { callOf, type Call } from './call.ts';
import { clfTime } from './clf-time.ts';
import { eventOf, type Invoker } from './event.ts';
import { internalServerError, refusal, replyOf, type Reply } from './reply.ts';
import { TokenBucket } from './token-bucket.ts';

export interface HttpApiOptions {
  readonly api: DeployedHttpApi;
  readonly credentials: Credentials;
  readonly authorize: Authorize;
  readonly invokeLambda: LambdaHost['invoke'];
  /** Receives the lines of the access log, under the name of its log group. */
  readonly onLog: (line: LogLine) => void;
  readonly port?: number;
}

/** Source: "Quotas for configuring and running an HTTP API", Amazon API Gateway Developer Guide. */
const largestBodyBytes = 10 * 2 ** 20;

/** What the access log says of a call beside what every call has. */
type Outcome = Pick<Logged, 'identity.userArn' | 'integrationLatency' | 'integrationErrorMessage'>;

/**
 * A stand-in for an HTTP API of API Gateway: IAM lets in, a token bucket holds back, and a function answers. Which of these looks
 * first is assumed.
 */
export async function startHttpApi(options: HttpApiOptions): Promise<StandIn> {
  const { api, onLog, port } = options;
  const { ratePerSecond, burst, accessLog } = api;
  const bucket = new TokenBucket(ratePerSecond, burst);
  const line = accessLine(accessLog.format);
  return serve(async (request, response) => {
    const began = performance.now();
    const call = callOf(request);
    const { reply, ...outcome } = bucket.take()
      ? await answerOf(options, call, request)
      : { reply: refusal(429, 'Too Many Requests') };
    send(response, call, reply);
    const logged = {
      ...{ requestId: call.requestId, requestTime: clfTime(call.at), routeKey: '$default', httpMethod: call.method },
      ...{ status: reply.status, responseLength: reply.body.length },
      responseLatency: Math.round(performance.now() - began),
      ...outcome,
    };
    onLog({ functionName: accessLog.group, requestId: call.requestId, at: call.at, line: line(logged) });
  }, port);
}

async function answerOf(
  { api, credentials, authorize, invokeLambda }: HttpApiOptions,
  call: Call,
  request: IncomingMessage,
): Promise<{ readonly reply: Reply } & Outcome> {
  const body = await readAtMost(request, largestBodyBytes);
  if (!body) return { reply: refusal(413, 'Request Entity Too Large') };
  const invoker = await invokerOf(request, body, { api, credentials });
  if (!invoker) return { reply: refusal(403, 'Forbidden') };
  const caller = { 'identity.userArn': invoker.userArn };
  // Assumed: by the path that was called, although the route is `$default`.
  const resource = `${api.arn}/$default/${call.method}${call.path}`;
  const refused = authorize(invoker.accessKeyId, { action: 'execute-api:Invoke', resource });
  if (refused) return { reply: refusal(403, 'Forbidden'), ...caller };
  const began = performance.now();
  const reply = await invoke(invokeLambda, api, eventOf(call, body, api.id, invoker));
  return { ...reply, ...caller, integrationLatency: Math.round(performance.now() - began) };
}

async function invoke(
  invokeLambda: LambdaHost['invoke'],
  { functionArn, timeoutMilliseconds }: DeployedHttpApi,
  event: object,
): Promise<{ readonly reply: Reply } & Outcome> {
  const signal = AbortSignal.timeout(timeoutMilliseconds);
  try {
    const outcome = await invokeLambda(functionArn, event, { signal });
    if ('payload' in outcome) return { reply: replyOf(outcome.payload) };
    // Of a call that fits the API and, as an event, not the function: assumed.
    const isTooLarge = outcome.errorType === 'Lambda.RequestTooLargeException';
    return {
      reply: isTooLarge ? refusal(413, 'Request Entity Too Large') : internalServerError,
      integrationErrorMessage: 'The function has failed',
    };
  } catch (error) {
    if (!signal.aborted) throw error;
    return { reply: refusal(503, 'Service Unavailable'), integrationErrorMessage: 'Endpoint request timed out' };
  }
}

/** Who has signed, if anybody that is known here has. */
async function invokerOf(
  request: IncomingMessage,
  body: Buffer,
  { api, credentials }: Pick<HttpApiOptions, 'api' | 'credentials'>,
): Promise<Invoker | undefined> {
  try {
    const accessKeyId = await verifySignature(request, 'execute-api', credentials, body);
    const account = api.arn.split(':')[4] ?? '';
    return { accessKeyId, account, userArn: `arn:aws:iam::${account}:user/${accessKeyId}` };
  } catch (error) {
    if (error instanceof SignatureRefused) return undefined;
    throw error;
  }
}

/** The body, or nothing where it is longer. */
async function readAtMost(request: IncomingMessage, bytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  const source: AsyncIterable<Buffer> = request;
  for await (const chunk of source) {
    length += chunk.length;
    // What is left has to be taken in, or a caller that is still sending would not hear the answer.
    if (length <= bytes) chunks.push(chunk);
  }
  return length <= bytes ? Buffer.concat(chunks) : undefined;
}

function send(response: ServerResponse, { requestId }: Call, { status, headers, cookies, body }: Reply): void {
  response
    .writeHead(status, {
      ...headers,
      ...(cookies.length > 0 ? { 'set-cookie': [...cookies] } : {}),
      'apigw-requestid': requestId,
    })
    .end(body);
}
