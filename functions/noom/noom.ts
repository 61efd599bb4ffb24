import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { setTimeout as pause } from 'node:timers/promises';
import { PermanentError, RetryableError } from '../../shared/errors.ts';
import { log, stackFrames } from '../../shared/log.ts';
import { refused } from '../../shared/noom/outcome.ts';
import { Refusal } from '../../shared/noom/refusal.ts';
import { resultOf, type Answer } from './answer.ts';
import { interactions, type NoomDeps } from './interactions.ts';
import { answerFormat, formatOfRefusal, requirePlain } from './media-types.ts';
import { negotiationOf, requestOf, traceIdOf } from './request.ts';
import { routeOf, type Interaction } from './route.ts';

/** Answers one call; whatever fails is an OperationOutcome, in the format that the client reads. */
export async function noom(event: APIGatewayProxyEventV2, deps: NoomDeps): Promise<APIGatewayProxyStructuredResultV2> {
  const began = performance.now();
  const request = requestOf(event, deps.baseUrl);
  let interaction: Interaction | 'none' = 'none';
  let answer: Answer;
  let refusal: Refusal | undefined;
  let format = formatOfRefusal(negotiationOf(request));
  try {
    interaction = routeOf(request);
    // To be passed over in silence would be to create what a client believed to be there.
    if (request.header('if-none-exist') !== undefined) {
      throw new Refusal('PRECONDITION_FAILED', 'Conditional creates are not supported: search first');
    }
    format = answerFormat(negotiationOf(request));
    requirePlain(request.header('content-encoding'));
    answer = await inTime(interactions[interaction](request, deps), deps.patienceMilliseconds);
  } catch (error) {
    refusal = refusalOf(error);
    answer = refusalAnswer(refusal, error);
  }
  log.info('noom.answered', {
    interaction,
    status: answer.status,
    code: refusal?.code,
    outcomeId: refusal ? idOf(answer.resource) : undefined,
    requestId: request.id,
    traceId: traceIdOf(request),
    milliseconds: Math.round(performance.now() - began),
  });
  return resultOf(answer, format, request.header('accept-encoding'));
}

/** While API Gateway still waits: what it would say itself is no OperationOutcome. */
async function inTime<Result>(work: Promise<Result>, milliseconds: number): Promise<Result> {
  const over = new AbortController();
  try {
    const late = pause(milliseconds, undefined, { signal: over.signal }).then(() => {
      throw new RetryableError('HealthLakeUnavailable', 'The store took too long');
    });
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof RetryableError) {
    return new Refusal('INTERNAL_SERVER_ERROR', 'The store is away or busy: nothing is known, try again', {
      status: 503,
      issueType: 'transient',
      headers: { 'retry-after': '5' },
      cause: error,
    });
  }
  return new Refusal('INTERNAL_SERVER_ERROR', 'Something went wrong here: nothing is known', { cause: error });
}

function refusalAnswer(refusal: Refusal, error: unknown): Answer {
  // A refusal of the store's is the client's to mend, or ours.
  if (refusal.status >= 500 || refusal.cause instanceof PermanentError) logFailure(refusal.cause ?? error);
  return { status: refusal.status, headers: refusal.headers, resource: refused(refusal) };
}

/** A foreign error's message is left behind, since it may quote what it stumbled over. */
function logFailure(error: unknown): void {
  const failure = error instanceof Error ? error : undefined;
  const isOurs = failure instanceof RetryableError || failure instanceof PermanentError;
  log.error('noom.failed', {
    errorName: failure?.name ?? 'unknown',
    reason: isOurs ? failure.message : undefined,
    frames: stackFrames(failure),
  });
}

function idOf(resource: object | undefined): string | undefined {
  return resource && 'id' in resource ? String(resource.id) : undefined;
}
