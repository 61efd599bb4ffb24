import type { MapState, States } from './definition.ts';
import { isJsonArray, type Json } from './json.ts';
import { withinDataLimit } from './state-failure.ts';
import type { Scope, Visit } from './visit.ts';

/** An inline Map runs at most this many iterations at once, also where MaxConcurrency is 0 or higher. */
const inlineConcurrency = 40;

/**
 * Runs every item through the Map's states and gives the results in the order of the items. The first failure ends the
 * iterations that still run, and becomes the Map's own.
 *
 * @param runStates the interpreter, for what is inside
 * @throws StateFailure
 */
export async function runMap(
  state: MapState,
  visit: Visit,
  runStates: (states: States, input: Json, scope: Scope) => Promise<Json>,
): Promise<Json> {
  const { trail, signal } = visit.scope;
  const items = await itemsOf(state, visit);
  const asked = await visit.evaluateWholeNumber(state.MaxConcurrency, 'MaxConcurrency', [0, Number.MAX_SAFE_INTEGER]);
  const concurrency = asked === 0 ? inlineConcurrency : Math.min(asked, inlineConcurrency);
  trail.record('MapStateStarted', { mapStateStartedEventDetails: { length: items.length } });

  const failed = new AbortController();
  const ended = AbortSignal.any([signal, failed.signal]);
  const results: Json[] = Array.from({ length: items.length }, () => null);
  const beginning = trail.fork();

  const iterate = async (value: Json, index: number): Promise<void> => {
    const context = { ...visit.context(), Map: { Item: { Index: index, Value: value } } };
    const ownTrail = beginning.fork();
    const details = { name: visit.stateName, index };
    ownTrail.record('MapIterationStarted', { mapIterationStartedEventDetails: details });
    try {
      const input =
        state.ItemSelector === undefined
          ? value
          : await visit.evaluate(state.ItemSelector, 'ItemSelector', { context });
      results[index] = await runStates(state.ItemProcessor, input, {
        ...visit.scope,
        context: { ...visit.scope.context, Map: context.Map },
        outerVariables: visit.variables,
        trail: ownTrail,
        signal: ended,
      });
      ownTrail.record('MapIterationSucceeded', { mapIterationSucceededEventDetails: details });
    } catch (error) {
      if (signal.aborted) throw error;
      if (failed.signal.aborted) {
        ownTrail.record('MapIterationAborted', { mapIterationAbortedEventDetails: details });
      } else {
        ownTrail.record('MapIterationFailed', { mapIterationFailedEventDetails: details });
        failed.abort(error);
      }
    } finally {
      trail.join(ownTrail);
    }
  };

  const waiting = items.entries();
  const takeTurns = async (): Promise<void> => {
    for (const [index, value] of waiting) {
      if (ended.aborted) return;
      await iterate(value, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, takeTurns));
  signal.throwIfAborted();
  if (failed.signal.aborted) {
    trail.record('MapStateFailed');
    throw failed.signal.reason;
  }
  withinDataLimit(results, `The state/task '${visit.stateName}' returned a result`);
  trail.record('MapStateSucceeded');
  return results;
}

async function itemsOf({ Items }: MapState, visit: Visit): Promise<readonly Json[]> {
  const items = Items === undefined ? visit.input : await visit.evaluate(Items, 'Items');
  if (isJsonArray(items)) return items;
  throw visit.evaluationFailed('Items', `The field 'Items' must be an array.`);
}
