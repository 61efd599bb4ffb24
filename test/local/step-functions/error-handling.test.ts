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

describe('Retry', () => {
  const attempts = (errors: string[]) => {
    const queue = [...errors];
    return (): Answer => {
      const error = queue.shift();
      return error === undefined ? { payload: 'ok' } : failure(error);
    };
  };
  const retried = single(
    task({
      Retry: [
        { ErrorEquals: ['Busy'], MaxAttempts: 2, IntervalSeconds: 1 },
        { ErrorEquals: ['States.ALL'], MaxAttempts: 1, IntervalSeconds: 1, JitterStrategy: 'FULL' },
      ],
      Output: '{% $states.context.State.RetryCount %}',
      End: true,
    }),
  );

  test.each([
    { errors: [], value: 0 },
    { errors: ['Busy', 'Busy'], value: 2 },
    { errors: ['Busy', 'Other', 'Busy'], value: 3 },
    { errors: ['Busy', 'Busy', 'Busy'], error: 'Busy' },
    { errors: ['Other', 'Other'], error: 'Other' },
  ])('counts for each retrier: after $errors', async ({ errors, ...ending }) => {
    expect(await run(retried, {}, attempts(errors))).toMatchObject(ending);
  });

  it('backs off up to the longest delay', async () => {
    const startedAt = Date.now();
    machine = await openMachine(
      single(
        task({
          Retry: [{ ErrorEquals: ['Busy'], IntervalSeconds: 2, BackoffRate: 10, MaxDelaySeconds: 4, MaxAttempts: 3 }],
          End: true,
        }),
      ),
      attempts(['Busy', 'Busy', 'Busy']),
      { retryScale: 0.01 },
    );
    expect(await machine.run()).toMatchObject({ status: 'SUCCEEDED' });
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(98);
    expect(Date.now() - startedAt).toBeLessThan(1000);
  });

  it('evaluates the arguments again', async () => {
    const seen: unknown[] = [];
    const definition = single(
      task({
        Arguments: { FunctionName: functionArn, Payload: { attempt: '{% $states.context.State.RetryCount %}' } },
        Retry: [{ ErrorEquals: ['States.TaskFailed'], MaxAttempts: 1 }],
        End: true,
      }),
    );
    await run(definition, {}, (payload) => {
      seen.push(payload.attempt);
      return failure('Busy');
    });
    expect(seen).toEqual([0, 1]);
  });
});

describe('Catch', () => {
  it('gives the error output, and assigns with the values the state was entered with', async () => {
    const ending = await run(
      states('Call', {
        Call: task({
          Assign: { never: 1 },
          Catch: [
            { ErrorEquals: ['Other'], Next: 'Wrong' },
            {
              ErrorEquals: ['Busy'],
              Assign: { problem: '{% $states.errorOutput.Error & $states.input.n %}' },
              Next: 'Caught',
            },
          ],
          Next: 'Wrong',
        }),
        Caught: pass({
          Output: { problem: '{% $problem %}', input: '{% $states.input.Error %}', never: '{% $exists($never) %}' },
        }),
        Wrong: { Type: 'Fail' },
      }),
      { n: 1 },
      () => failure('Busy'),
    );
    expect(ending.value).toEqual({ problem: 'Busy1', input: 'Busy', never: false });
  });

  test.each([
    { catches: 'States.ALL', error: 'Busy', isCaught: true },
    { catches: 'States.TaskFailed', error: 'Busy', isCaught: true },
    { catches: 'States.TaskFailed', error: 'States.Timeout', isCaught: false },
    { catches: 'States.ALL', error: 'States.Timeout', isCaught: true },
    { catches: 'States.ALL', error: 'States.DataLimitExceeded', isCaught: false },
    { catches: 'States.DataLimitExceeded', error: 'States.DataLimitExceeded', isCaught: true },
    { catches: 'States.ALL', error: 'States.Runtime', isCaught: false },
    { catches: 'States.Runtime', error: 'States.Runtime', isCaught: false },
  ])('$catches catches $error: $isCaught', async ({ catches, error, isCaught }) => {
    const definition = states('Call', {
      Call: task({ Catch: [{ ErrorEquals: [catches], Next: 'Caught' }], End: true }),
      Caught: pass(),
    });
    const ending = await run(definition, {}, () => failure(error));
    expect(ending.status).toBe(isCaught ? 'SUCCEEDED' : 'FAILED');
  });

  it('catches what goes wrong in the state’s own expressions', async () => {
    const definition = states('Call', {
      Call: task({
        Output: '{% $states.result.Payload.none %}',
        Catch: [{ ErrorEquals: ['States.QueryEvaluationError'], Output: 'caught', Next: 'Caught' }],
        End: true,
      }),
      Caught: pass(),
    });
    expect(await run(definition)).toMatchObject({ value: 'caught' });
  });
});

describe('limits', () => {
  const long = 'x'.repeat(262_143);

  test.each([
    { where: 'a task result', state: task({ End: true }) },
    { where: 'an Output', state: pass({ Output: { doubled: '{% $states.input & $states.input %}' } }) },
    { where: 'an Assign', state: pass({ Assign: { doubled: '{% $states.input & $states.input %}' } }) },
    { where: 'arguments', state: task({ Arguments: { FunctionName: functionArn, Payload: [long] }, End: true }) },
  ])('$where of more than 256 KiB is States.DataLimitExceeded', async ({ state }) => {
    const ending = await run(single(state), 'x'.repeat(200_000), () => ({ payload: long }));
    expect(ending).toMatchObject({ status: 'FAILED', error: 'States.DataLimitExceeded' });
    expect(ending.cause).toContain('exceeding the maximum number of bytes service limit');
  });

  it('ends an execution at the time limit of its machine', async () => {
    const ending = await run({ TimeoutSeconds: 1, ...single({ Type: 'Wait', Seconds: 10_000, End: true }) });
    expect(ending.status).toBe('TIMED_OUT');
    expect(machine!.standIn.history(ending.executionArn).at(-1)?.type).toBe('ExecutionTimedOut');
  });

  it('ends an execution at 25,000 events', async () => {
    const ending = await run(states('A', { A: { Type: 'Pass', Next: 'B' }, B: { Type: 'Pass', Next: 'A' } }));
    expect(ending).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
    expect(machine!.standIn.history(ending.executionArn)).toHaveLength(25_000);
  });
});
