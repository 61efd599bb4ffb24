import type { TaskState } from './definition.ts';
import { delay } from './delay.ts';
import { isJsonObject, type Json, toJson } from './json.ts';
import { StateFailure, withinDataLimit } from './state-failure.ts';
import type { WaitingTask } from './task-tokens.ts';
import type { Visit } from './visit.ts';

interface Call {
  readonly functionArn: string;
  readonly payload: Json;
}

/**
 * Runs a Task once and gives its result, before Output and Assign.
 *
 * @throws StateFailure the function's own error, `States.Timeout`, `States.DataLimitExceeded`, or what a reporter sent
 */
export async function runTask(state: TaskState, visit: Visit): Promise<Json> {
  const { trail, signal, surroundings } = visit.scope;
  const waiting =
    state.Resource.kind === 'lambda:invoke' && state.Resource.waitsForTaskToken
      ? surroundings.tokens.issue()
      : undefined;
  try {
    const context = visit.context(waiting ? { Task: { Token: waiting.token } } : {});
    const taskArguments = await visit.evaluate(state.Arguments ?? visit.input, 'Arguments', { context });
    withinDataLimit(taskArguments, `The state/task '${visit.stateName}' has arguments`);
    const timeoutSeconds = await visit.evaluateWholeNumber(state.TimeoutSeconds, 'TimeoutSeconds', [1, 99_999_999]);
    const call = callOf(state, taskArguments);
    const names = namesOf(state);
    trail.record('TaskScheduled', {
      taskScheduledEventDetails: {
        ...names,
        region: call.functionArn.split(':')[3] ?? '',
        parameters: JSON.stringify(taskArguments),
        ...(state.TimeoutSeconds === 99_999_999 ? {} : { timeoutInSeconds: timeoutSeconds }),
      },
    });
    trail.record('TaskStarted', { taskStartedEventDetails: names });
    try {
      const result = await within(timeoutSeconds, signal, (ended) => invoke(state, call, visit, waiting, ended));
      withinDataLimit(result, `The state/task '${visit.stateName}' returned a result`);
      const output = JSON.stringify(result);
      trail.record('TaskSucceeded', { taskSucceededEventDetails: { ...names, output, outputDetails: whole } });
      return result;
    } catch (failure) {
      if (!(failure instanceof StateFailure)) throw failure;
      const details = { ...names, error: failure.name, cause: failure.message };
      if (failure.name === 'States.Timeout') trail.record('TaskTimedOut', { taskTimedOutEventDetails: details });
      else trail.record('TaskFailed', { taskFailedEventDetails: details });
      throw failure;
    }
  } finally {
    waiting?.close();
  }
}

/** The stand-in never cuts a payload short in the history. */
const whole = { truncated: false };

async function invoke(
  state: TaskState,
  call: Call,
  visit: Visit,
  waiting: WaitingTask | undefined,
  signal: AbortSignal,
): Promise<Json> {
  const answer = await visit.scope.surroundings
    .invokeLambda(call.functionArn, call.payload, { signal })
    .catch((error: unknown): never => {
      signal.throwIfAborted();
      throw new StateFailure('States.Runtime', `The local Lambda is defective: ${String(error)}`);
    });
  signal.throwIfAborted();
  if ('errorType' in answer) throw new StateFailure(answer.errorType, JSON.stringify(answer));
  const payload = toJson(answer.payload);
  if (state.Resource.kind === 'function') return payload;
  const qualifier = call.functionArn.split(':')[7] ?? '';
  const ExecutedVersion = /^\d+$/.test(qualifier) ? qualifier : '$LATEST';
  const result = { ExecutedVersion, Payload: payload, StatusCode: 200 };
  if (!waiting) return result;
  visit.scope.trail.record('TaskSubmitted', {
    taskSubmittedEventDetails: { ...namesOf(state), output: JSON.stringify(result), outputDetails: whole },
  });
  return waiting.result;
}

/** Runs a task no longer than its time limit and no longer than its execution. */
async function within(seconds: number, signal: AbortSignal, run: (ended: AbortSignal) => Promise<Json>): Promise<Json> {
  const over = new AbortController();
  const ended = AbortSignal.any([signal, over.signal]);
  const timeout = async (): Promise<never> => {
    await delay(seconds * 1000, ended);
    throw new StateFailure('States.Timeout', '');
  };
  try {
    return await Promise.race([run(ended), timeout()]);
  } finally {
    over.abort();
  }
}

function callOf({ Resource }: TaskState, taskArguments: Json): Call {
  if (Resource.kind === 'function') return { functionArn: Resource.functionArn, payload: taskArguments };
  if (!isJsonObject(taskArguments)) throw new StateFailure('States.Runtime', 'lambda:invoke needs named arguments');
  const { FunctionName, Payload = {}, ...others } = taskArguments;
  if (typeof FunctionName !== 'string') throw new StateFailure('States.Runtime', 'lambda:invoke needs a FunctionName');
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw new StateFailure(
      'States.Runtime',
      `The local Step Functions does not know the lambda:invoke argument ${unknown}`,
    );
  }
  return { functionArn: FunctionName, payload: Payload };
}

function namesOf({ Resource }: TaskState): { readonly resourceType: string; readonly resource: string } {
  if (Resource.kind === 'function') return { resourceType: 'lambda', resource: Resource.functionArn };
  return { resourceType: 'lambda', resource: Resource.waitsForTaskToken ? 'invoke.waitForTaskToken' : 'invoke' };
}
