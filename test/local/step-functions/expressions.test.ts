import { afterEach, describe, expect, it, test } from '@jest/globals';
import { type Answer, type Machine, machineArn, openMachine, pass, type Payload } from './machine.ts';

let machine: Machine | undefined;

afterEach(async () => {
  await machine?.close();
  machine = undefined;
});

async function run(
  definition: object,
  input: unknown = {},
  answer?: (payload: Payload, signal: AbortSignal) => Answer,
) {
  machine = await openMachine(definition, answer);
  return machine.run(input);
}

const states = (StartAt: string, States: object) => ({ StartAt, States });
const single = (state: object) => states('Only', { Only: state });

describe('expressions', () => {
  test.each([
    { Output: '{% $states.input.n + 1 %}', value: 2 },
    { Output: { a: ['{% $states.input.n %}', 'plain', '{%'] }, value: { a: [1, 'plain', '{%'] } },
    { Output: ' {% 1 %}', value: ' {% 1 %}' },
    { Output: '{% $states.input.items[v > 1].v %}', value: [2, 3] },
    { Output: '{% $states.input.items[v > 2].v %}', value: 3 },
    { Output: '{% $states.input.items[v > 2].v[] %}', value: [3] },
    { Output: '{% $partition([1,2,3,4,5], 2) %}', value: [[1, 2], [3, 4], [5]] },
    { Output: '{% $range(1, 9, 2) %}', value: [1, 3, 5, 7, 9] },
    { Output: '{% $range(3, 1, -1) %}', value: [3, 2, 1] },
    {
      Output: `{% $hash('a', 'SHA-256') %}`,
      value: 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb',
    },
    { Output: `{% $parse('{"a":[1,null]}') %}`, value: { a: [1, null] } },
    { Output: '{% $random(7) = $random(7) and $random() < 1 %}', value: true },
    { Output: '{% $match($uuid(), /^[0-9a-f-]{36}$/).match != "" %}', value: true },
    { Output: '{% null %}', value: null },
    { Output: '{% $exists($states.input.none) ? 1 : "none" %}', value: 'none' },
    { Output: '{% $states.context.StateMachine %}', value: { Id: machineArn, Name: 'Refresh' } },
    { Output: '{% $states.context.State.Name & $states.context.State.RetryCount %}', value: 'Only0' },
    { Output: '{% $states.context.Execution.Input.n %}', value: 1 },
  ])('$Output gives $value', async ({ Output, value }) => {
    expect(await run(single(pass({ Output })), { n: 1, items: [{ v: 1 }, { v: 2 }, { v: 3 }] })).toMatchObject({
      status: 'SUCCEEDED',
      value,
    });
  });

  test.each([
    { says: 'nothing', Output: '{% $states.input.none %}', cause: 'returned nothing (undefined)' },
    {
      says: 'a type error',
      Output: { a: `{% 1 + 'x' %}` },
      cause: `'Output/a' threw an error during evaluation. T2002`,
    },
    { says: '$eval', Output: `{% $eval('1') %}`, cause: 'T1006' },
    { says: 'a function', Output: '{% function($x) { $x } %}', cause: 'returned a function' },
    { says: 'a result that is not there', Output: '{% $states.result %}', cause: 'nothing (undefined)' },
  ])('$says is States.QueryEvaluationError', async ({ Output, cause }) => {
    const ending = await run(single(pass({ Output })));
    expect(ending).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
    expect(ending.cause).toContain(cause);
    expect(ending.cause).toContain(`the state 'Only' (entered at the event id #2)`);
  });
});

describe('variables', () => {
  it('evaluates Assign and Output with the values the state was entered with', async () => {
    const ending = await run(
      states('First', {
        First: pass({ End: undefined, Assign: { n: 1 }, Next: 'Second' }),
        Second: {
          Type: 'Pass',
          Assign: { n: '{% $n + 1 %}', old: '{% $n %}' },
          Output: '{% $n %}',
          Next: 'Third',
        },
        Third: pass({ Output: { input: '{% $states.input %}', n: '{% $n %}', old: '{% $old %}' } }),
      }),
    );
    expect(ending.value).toEqual({ input: 1, n: 2, old: 1 });
  });

  it('gives a Map the outer variables as they are, and keeps its own inside', async () => {
    const ending = await run(
      states('Set', {
        Set: { Type: 'Pass', Assign: { factor: 10 }, Next: 'Each' },
        Each: {
          Type: 'Map',
          Items: [1, 2],
          ItemProcessor: states('In', {
            In: { Type: 'Pass', Assign: { own: '{% $states.input * $factor %}' }, Next: 'Inner' },
            Inner: {
              Type: 'Map',
              Items: ['{% $own %}'],
              ItemProcessor: single(pass({ Output: '{% $states.input + $own + $factor %}' })),
              End: true,
            },
          }),
          Next: 'Outside',
        },
        Outside: pass({ Output: { each: '{% $states.input %}', own: '{% $exists($own) %}' } }),
      }),
    );
    expect(ending.value).toEqual({ each: [[30], [50]], own: false });
  });
});
