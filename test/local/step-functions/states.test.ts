import { afterEach, describe, expect, it, test } from '@jest/globals';
import { type Answer, functionArn, type Machine, openMachine, pass, type Payload, task } from './machine.ts';

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
const failure = (errorType: string, errorMessage = 'no') => ({ errorType, errorMessage });

describe('Choice', () => {
  const choice = (more: object) =>
    states('Choose', {
      Choose: {
        Type: 'Choice',
        Assign: { by: 'state' },
        Output: { from: 'state' },
        Choices: [
          { Condition: '{% $states.input.n = 1 %}', Next: 'End', Assign: { by: 'rule' }, Output: { from: 'rule' } },
          { Condition: '{% $states.input.n = 2 %}', Next: 'End', Assign: { by: 'second' } },
        ],
        ...more,
      },
      End: pass({ Output: { by: '{% $by %}', input: '{% $states.input %}' } }),
    });

  test.each([
    { n: 1, value: { by: 'rule', input: { from: 'rule' } } },
    { n: 2, value: { by: 'second', input: { n: 2 } } },
    { n: 3, value: { by: 'state', input: { from: 'state' } } },
  ])('for $n the rule that applies, or the state itself, gives Assign and Output', async ({ n, value }) => {
    expect((await run(choice({ Default: 'End' }), { n })).value).toEqual(value);
  });

  it('without a Default and a rule that applies is States.NoChoiceMatched', async () => {
    expect(await run(choice({}), { n: 3 })).toMatchObject({ status: 'FAILED', error: 'States.NoChoiceMatched' });
  });

  it('takes nothing but a boolean for a condition', async () => {
    const definition = choice({ Choices: [{ Condition: '{% $states.input.n %}', Next: 'End' }] });
    expect(await run(definition, { n: 1 })).toMatchObject({ error: 'States.QueryEvaluationError' });
  });
});

describe('Wait', () => {
  it('waits the scaled time, from an expression or a timestamp', async () => {
    const startedAt = Date.now();
    const ending = await run(
      states('A', {
        A: { Type: 'Wait', Seconds: '{% $states.input.seconds * 2 %}', Next: 'B' },
        B: { Type: 'Wait', Timestamp: '{% $fromMillis($millis() + 30000) %}', Next: 'C' },
        C: { Type: 'Wait', Timestamp: '2020-01-01T00:00:00Z', Next: 'Done' },
        Done: { Type: 'Succeed', Output: 'done' },
      }),
      { seconds: 30 },
    );
    expect(ending.value).toBe('done');
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(85);
    expect(Date.now() - startedAt).toBeLessThan(1000);
  });

  test.each([
    { Seconds: '{% 1.5 %}' },
    { Seconds: '{% -1 %}' },
    { Seconds: `{% 'soon' %}` },
    { Timestamp: '{% "tomorrow" %}' },
  ])('refuses %j', async (wait) => {
    expect(await run(single({ Type: 'Wait', ...wait, End: true }))).toMatchObject({
      error: 'States.QueryEvaluationError',
    });
  });
});

describe('Fail', () => {
  it('ends with an evaluated error and cause', async () => {
    const definition = single({ Type: 'Fail', Error: '{% $states.input.e %}', Cause: 'static' });
    expect(await run(definition, { e: 'Overdue' })).toMatchObject({
      status: 'FAILED',
      error: 'Overdue',
      cause: 'static',
    });
  });
});

describe('Task', () => {
  it('gives the SDK-shaped result of lambda:invoke, and the bare payload of a function ARN', async () => {
    const ending = await run(
      states('Invoke', {
        Invoke: task({
          Arguments: { FunctionName: `${functionArn}:7`, Payload: { n: '{% $states.input.n %}' } },
          Next: 'Bare',
        }),
        Bare: { Type: 'Task', Resource: functionArn, Arguments: { seen: '{% $states.input %}' }, End: true },
      }),
      { n: 1 },
    );
    expect(ending.value).toEqual({ seen: { ExecutedVersion: '7', Payload: { n: 1 }, StatusCode: 200 } });
  });

  it('fails with the error type of the function and its error as JSON cause', async () => {
    const ending = await run(single(task({ End: true })), {}, () => ({ ...failure('MeshUnavailable'), trace: ['a'] }));
    expect(ending).toMatchObject({ status: 'FAILED', error: 'MeshUnavailable' });
    expect(JSON.parse(ending.cause!)).toEqual({ errorType: 'MeshUnavailable', errorMessage: 'no', trace: ['a'] });
  });

  it('times out after TimeoutSeconds, also from an expression, and tells the function', async () => {
    let told = false;
    const ending = await run(
      single(task({ TimeoutSeconds: '{% $states.input.limit %}', End: true })),
      { limit: 1 },
      (_, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            told = true;
            resolve({ payload: 'late' });
          });
        }),
    );
    expect(ending).toMatchObject({ status: 'FAILED', error: 'States.Timeout' });
    expect(told).toBe(true);
  });

  it('ends the execution when the local Lambda itself breaks, whatever is caught', async () => {
    const definition = states('Call', {
      Call: task({ Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }], End: true }),
      Caught: pass(),
    });
    const ending = await run(definition, {}, () => Promise.reject(new Error('defect')));
    expect(ending).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
    expect(ending.cause).toContain('defect');
  });
});

describe('Map', () => {
  const each = (more: object, inside: object = task({ Output: '{% $states.result.Payload %}', End: true })) =>
    single({ Type: 'Map', Items: '{% $states.input.items %}', ItemProcessor: single(inside), End: true, ...more });

  it('gives results in the order of the items, and runs no more at once than allowed', async () => {
    let running = 0;
    let most = 0;
    const ending = await run(
      each({ MaxConcurrency: '{% $states.input.most %}' }),
      { items: [30, 5, 10, 1], most: 2 },
      async (milliseconds) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, Number(milliseconds)));
        running -= 1;
        return { payload: milliseconds };
      },
    );
    expect(ending.value).toEqual([30, 5, 10, 1]);
    expect(most).toBe(2);
  });

  it('never runs more than 40 at once', async () => {
    let running = 0;
    let most = 0;
    await run(each({}), { items: Array.from({ length: 60 }, (_, index) => index) }, async (item) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      return { payload: item };
    });
    expect(most).toBe(40);
  });

  it('selects the input of each item, which the states inside see as context too', async () => {
    const ending = await run(
      each(
        { ItemSelector: { of: '{% $states.context.Map.Item %}', all: '{% $count($states.input.items) %}' } },
        pass({ Output: { got: '{% $states.input %}', index: '{% $states.context.Map.Item.Index %}' } }),
      ),
      { items: ['a', 'b'] },
    );
    expect(ending.value).toEqual([
      { got: { of: { Index: 0, Value: 'a' }, all: 2 }, index: 0 },
      { got: { of: { Index: 1, Value: 'b' }, all: 2 }, index: 1 },
    ]);
  });

  it('does nothing for no items, and refuses what is not an array', async () => {
    expect(await run(each({}), { items: [] })).toMatchObject({ value: [] });
    await machine?.close();
    expect(await run(each({}), { items: 'a' })).toMatchObject({ error: 'States.QueryEvaluationError' });
  });

  it('fails with the first failing item, ends the others, and can be caught as a whole', async () => {
    let aborted = 0;
    const ending = await run(
      states('Each', {
        Each: {
          Type: 'Map',
          Items: [1, 2, 3],
          MaxConcurrency: 2,
          ItemProcessor: single(task({ End: true })),
          Catch: [{ ErrorEquals: ['Broken'], Next: 'Caught' }],
          End: true,
        },
        Caught: pass({ Output: '{% $states.input.Error %}' }),
      }),
      {},
      (item, signal) =>
        Number(item) === 2
          ? failure('Broken')
          : new Promise((_, reject) => {
              signal.addEventListener('abort', () => {
                aborted += 1;
                reject(new Error('aborted'));
              });
            }),
    );
    expect(ending.value).toBe('Broken');
    expect(aborted).toBe(1);
    expect(machine!.standIn.history(ending.executionArn).map(({ type }) => type)).toEqual(
      expect.arrayContaining(['MapIterationFailed', 'MapIterationAborted', 'MapStateFailed', 'MapStateExited']),
    );
  });
});
