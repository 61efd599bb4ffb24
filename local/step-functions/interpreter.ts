import type { ChoiceState, MapState, State, States, TaskState, WaitState } from './definition.ts';
import { delay } from './delay.ts';
import type { Json } from './json.ts';
import { runMap } from './map.ts';
import { RetryCounters } from './retry.ts';
import { matches, StateFailure } from './state-failure.ts';
import { runTask } from './task.ts';
import { type Outcome, type Scope, Visit } from './visit.ts';

interface Step extends Outcome {
  /** The state to go on with; undefined at the end. */
  readonly next: string | undefined;
}

/**
 * Runs states from the first to the last and gives the output of the last one.
 *
 * @throws StateFailure the error that no state caught
 */
export async function runStates(states: States, input: Json, scope: Scope): Promise<Json> {
  let stateName: string | undefined = states.StartAt;
  let current = input;
  let variables: Readonly<Record<string, Json>> = {};
  while (stateName !== undefined) {
    const state = states.States[stateName];
    if (!state) throw new StateFailure('States.Runtime', `There is no state ${stateName}`);
    scope.signal.throwIfAborted();
    scope.trail.record(`${state.Type}StateEntered`, {
      stateEnteredEventDetails: { name: stateName, input: JSON.stringify(current), inputDetails: { truncated: false } },
    });
    const visit = new Visit(scope, stateName, current, { ...scope.outerVariables, ...variables });
    const { next, output, assigned } = await runState(state, visit);
    if (state.Type !== 'Fail') recordExit(scope, stateName, `${state.Type}StateExited`, { output, assigned });
    variables = { ...variables, ...assigned };
    current = output;
    stateName = next;
  }
  return current;
}

async function runState(state: State, visit: Visit): Promise<Step> {
  switch (state.Type) {
    case 'Pass':
      return { ...(await visit.outcome(state, {}, visit.input)), next: state.Next };
    case 'Succeed':
      return { ...(await visit.outcome(state, {}, visit.input)), next: undefined };
    case 'Fail': {
      const error = await visit.evaluate(state.Error ?? '', 'Error');
      const cause = await visit.evaluate(state.Cause ?? '', 'Cause');
      if (typeof error !== 'string') throw visit.evaluationFailed('Error', `The field 'Error' must be a string.`);
      if (typeof cause !== 'string') throw visit.evaluationFailed('Cause', `The field 'Cause' must be a string.`);
      throw new StateFailure(error, cause);
    }
    case 'Choice':
      return choose(state, visit);
    case 'Wait':
      return wait(state, visit);
    case 'Task':
    case 'Map':
      return withErrorHandling(state, visit);
  }
}

/** The rule that applies gives Output and Assign; the state's own count only where no rule does. */
async function choose(state: ChoiceState, visit: Visit): Promise<Step> {
  for (const [index, rule] of state.Choices.entries()) {
    const field = `Choices/${index}/Condition`;
    const applies = await visit.evaluate(rule.Condition, field);
    if (typeof applies !== 'boolean') throw visit.evaluationFailed(field, `The field '${field}' must be a boolean.`);
    if (applies) return { ...(await visit.outcome(rule, {}, visit.input)), next: rule.Next };
  }
  if (state.Default === undefined) {
    throw new StateFailure('States.NoChoiceMatched', `No choice rule of the state '${visit.stateName}' applies`);
  }
  return { ...(await visit.outcome(state, {}, visit.input)), next: state.Default };
}

async function wait(state: WaitState, visit: Visit): Promise<Step> {
  const { signal, surroundings } = visit.scope;
  await delay((await waitMilliseconds(state, visit)) * surroundings.waitScale, signal);
  return { ...(await visit.outcome(state, {}, visit.input)), next: state.Next };
}

async function waitMilliseconds({ Seconds, Timestamp }: WaitState, visit: Visit): Promise<number> {
  if (Seconds !== undefined) return (await visit.evaluateWholeNumber(Seconds, 'Seconds', [0, 99_999_999])) * 1000;
  const timestamp = await visit.evaluate(Timestamp ?? '', 'Timestamp');
  const form = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
  if (typeof timestamp === 'string' && form.test(timestamp)) return Date.parse(timestamp) - Date.now();
  throw visit.evaluationFailed('Timestamp', `The field 'Timestamp' must be an RFC 3339 timestamp.`);
}

async function withErrorHandling(state: TaskState | MapState, visit: Visit): Promise<Step> {
  const { signal, surroundings } = visit.scope;
  const retries = new RetryCounters(state.Retry);
  for (;;) {
    try {
      const result = state.Type === 'Task' ? await runTask(state, visit) : await runMap(state, visit, runStates);
      return { ...(await visit.outcome(state, { result }, result)), next: state.Next };
    } catch (failure) {
      signal.throwIfAborted();
      if (!(failure instanceof StateFailure)) throw failure;
      const pauseSeconds = retries.next(failure.name);
      if (pauseSeconds === undefined) return handle(state, visit, failure);
      await delay(pauseSeconds * 1000 * surroundings.retryScale, signal);
      visit.retryCount += 1;
    }
  }
}

async function handle(state: TaskState | MapState, visit: Visit, failure: StateFailure): Promise<Step> {
  const catcher = state.Catch.find(({ ErrorEquals }) => matches(ErrorEquals, failure.name));
  if (!catcher) throw failure;
  const errorOutput = { Error: failure.name, Cause: failure.message };
  return { ...(await visit.outcome(catcher, { errorOutput }, errorOutput)), next: catcher.Next };
}

function recordExit(
  { trail }: Scope,
  name: string,
  type: `${Exclude<State['Type'], 'Fail'>}StateExited`,
  { output, assigned }: Outcome,
): void {
  const assignedVariables: Record<string, string> = {};
  for (const [variable, value] of Object.entries(assigned)) assignedVariables[variable] = JSON.stringify(value);
  trail.record(type, {
    stateExitedEventDetails: {
      name,
      output: JSON.stringify(output),
      outputDetails: { truncated: false },
      ...(Object.keys(assigned).length > 0
        ? { assignedVariables, assignedVariablesDetails: { truncated: false } }
        : {}),
    },
  });
}
