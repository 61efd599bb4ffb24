import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { RetryableError } from '../../shared/errors.ts';
import { log } from '../../shared/log.ts';
import { refused } from '../../shared/noom/outcome.ts';
import { Refusal } from '../../shared/noom/refusal.ts';
import { resultOf, type Answer } from './answer.ts';
import { interactions, type NoomDeps } from './interactions.ts';
import { answerFormat, formatOfRefusal } from './media-types.ts';
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
    answer = await interactions[interaction](request, deps);
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

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof RetryableError) {
    return new Refusal('INTERNAL_SERVER_ERROR', 'The store is away or busy: nothing is known, try again', {
      status: 503,
      issueType: 'transient',
      cause: error,
    });
  }
  return new Refusal('INTERNAL_SERVER_ERROR', 'Something went wrong here: nothing is known', { cause: error });
}

function refusalAnswer(refusal: Refusal, error: unknown): Answer {
  if (refusal.status >= 500) logFailure(error);
  const allow = error instanceof Refusal && 'allow' in error ? { allow: String(error.allow) } : {};
  return {
    status: refusal.status,
    headers: { ...allow, ...(refusal.status === 503 ? { 'retry-after': '5' } : {}) },
    resource: refused(refusal),
  };
}

/** A foreign error's message is left behind, since it may quote what it stumbled over. */
function logFailure(error: unknown): void {
  const { name = 'unknown', stack = '' } = error instanceof Error ? error : {};
  const frames = stack.split('\n').filter((line) => line.trimStart().startsWith('at '));
  log.error('noom.failed', { errorName: name, frames: frames.slice(0, 8).map((line) => line.trim()) });
}

function idOf(resource: object | undefined): string | undefined {
  return resource && 'id' in resource ? String(resource.id) : undefined;
}
