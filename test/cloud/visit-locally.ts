import { openMachine } from '../local/step-functions/machine.ts';
import { waysFrom, type States } from '../infra/definition-shape.ts';
import type { Expected, StateCase } from './state-cases.ts';

/** Lets the local interpreter visit one state alone: what it goes on with says what the variables hold, and ends. */
export async function visitLocally(definition: States, one: StateCase): Promise<Expected> {
  const { state: name, variables = {}, input = {}, result, failure } = one;
  const state = definition.States[name]!;
  const names = new Set([
    ...Object.keys(variables),
    ...Object.keys(state.Assign ?? {}),
    ...waysFrom(state).flatMap(({ assigned }) => assigned),
  ]);
  const end = (next: string) => ({
    Type: 'Succeed',
    Output: {
      next,
      variables: Object.fromEntries([...names].map((of) => [of, `{% $exists($${of}) ? $${of} : null %}`])),
    },
  });
  const machine = await openMachine(
    {
      StartAt: 'What is given',
      States: {
        'What is given': { Type: 'Pass', Assign: variables, Next: name },
        ...Object.fromEntries(waysFrom(state).map(({ to }) => [to, end(to)])),
        [name]: state.Type === 'Map' ? { ...state, Items: result, ItemProcessor: givingItems } : state,
      },
    },
    () => (failure === undefined ? { payload: result } : { errorType: failure, errorMessage: 'no' }),
    { retryScale: 0 },
  );
  try {
    const { value, error } = await machine.run(input);
    if (error !== undefined) return { error };
    return waysFrom(state).length === 0 ? { output: value } : (value as Expected);
  } finally {
    await machine.close();
  }
}

/** In place of what a Map does for each item: the item is what came of it. */
const givingItems = { StartAt: 'Given', States: { Given: { Type: 'Pass', End: true } } };
