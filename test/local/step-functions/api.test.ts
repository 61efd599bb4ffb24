import {
  CreateActivityCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  paginateGetExecutionHistory,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterEach, describe, expect, it, test } from '@jest/globals';
import { functionArn, type Machine, machineArn, openMachine, pass, task, typesOf } from './machine.ts';

let machine: Machine;

afterEach(() => machine.close());

const single = (state: object) => ({ StartAt: 'Only', States: { Only: state } });
const executionArnOf = (name: string) => `${machineArn.replace(':stateMachine:', ':execution:')}:${name}`;
const endless = single({ Type: 'Wait', Seconds: 10_000, End: true });
const wait = { waitScale: 1 };

describe('starting', () => {
  it('gives the same execution for the same name and input while it runs, and refuses the name otherwise', async () => {
    machine = await openMachine(endless, undefined, wait);
    const name = 'run-1';
    const first = await machine.start({ n: 1 }, { name });
    expect(first).toBe(executionArnOf(name));
    expect(await machine.start({ n: 1 }, { name })).toBe(first);
    await expect(machine.start({ n: 2 }, { name })).rejects.toThrow(
      expect.objectContaining({ name: 'ExecutionAlreadyExists' }),
    );
    await machine.client.send(new StopExecutionCommand({ executionArn: first }));
    await expect(machine.start({ n: 1 }, { name })).rejects.toThrow(
      expect.objectContaining({ name: 'ExecutionAlreadyExists' }),
    );
  });

  it('takes an alias, and starts with {} where no input is given', async () => {
    machine = await openMachine(single(pass()));
    const executionArn = await machine.start({}, { stateMachineArn: `${machineArn}:live`, input: undefined });
    expect(await machine.standIn.finished(executionArn)).toEqual({ status: 'SUCCEEDED', output: '{}' });
    expect(await machine.client.send(new DescribeExecutionCommand({ executionArn }))).toMatchObject({
      stateMachineArn: machineArn,
      stateMachineAliasArn: `${machineArn}:live`,
    });
  });

  test.each([
    { more: { input: '{"nhs":' }, name: 'InvalidExecutionInput' },
    { more: { input: JSON.stringify('x'.repeat(262_144)) }, name: 'ValidationException' },
    { more: { name: '2026-11-20T06:00:00Z' }, name: 'InvalidName' },
    { more: { stateMachineArn: `${machineArn}Other` }, name: 'StateMachineDoesNotExist' },
    { more: { stateMachineArn: 'Refresh' }, name: 'InvalidArn' },
  ])('answers $name', async ({ more, name }) => {
    machine = await openMachine(single(pass()));
    await expect(machine.start({}, more)).rejects.toThrow(expect.objectContaining({ name }));
  });
});

describe('looking', () => {
  it('describes an execution while it runs and after', async () => {
    machine = await openMachine(single({ Type: 'Fail', Error: 'Overdue', Cause: 'late' }));
    const { executionArn } = await machine.run({ n: 1 });
    const described = await machine.client.send(new DescribeExecutionCommand({ executionArn }));
    expect(described).toMatchObject({
      executionArn,
      stateMachineArn: machineArn,
      status: 'FAILED',
      input: '{"n":1}',
      error: 'Overdue',
      cause: 'late',
      startDate: expect.any(Date),
      stopDate: expect.any(Date),
    });
    expect(described.output).toBeUndefined();
    expect(machine.standIn.execution(executionArn).status).toBe('FAILED');
    await expect(
      machine.client.send(new DescribeExecutionCommand({ executionArn: executionArnOf('none') })),
    ).rejects.toThrow(expect.objectContaining({ name: 'ExecutionDoesNotExist' }));
  });

  it('lists executions by page, latest first, and by status', async () => {
    machine = await openMachine(endless, undefined, wait);
    for (const name of ['a', 'b', 'c']) await machine.start({}, { name });
    await machine.client.send(new StopExecutionCommand({ executionArn: executionArnOf('b') }));
    const list = (more: object) =>
      machine.client.send(new ListExecutionsCommand({ stateMachineArn: machineArn, ...more }));
    const first = await list({ maxResults: 2 });
    expect(first.executions?.map(({ name }) => name)).toEqual(['c', 'b']);
    const second = await list({ maxResults: 2, nextToken: first.nextToken });
    expect(second.executions?.map(({ name }) => name)).toEqual(['a']);
    expect(second.nextToken).toBeUndefined();
    expect((await list({ statusFilter: 'ABORTED' })).executions?.map(({ name }) => name)).toEqual(['b']);
    await expect(list({ nextToken: 'mine' })).rejects.toThrow(expect.objectContaining({ name: 'InvalidToken' }));
  });

  it('describes and lists its state machines', async () => {
    machine = await openMachine(single(pass()));
    const { definition, status } = await machine.client.send(
      new DescribeStateMachineCommand({ stateMachineArn: machineArn }),
    );
    expect(status).toBe('ACTIVE');
    expect(JSON.parse(definition!)).toEqual({ QueryLanguage: 'JSONata', ...single(pass()) });
    const { stateMachines } = await machine.client.send(new ListStateMachinesCommand());
    expect(stateMachines).toEqual([
      { stateMachineArn: machineArn, name: 'Refresh', type: 'STANDARD', creationDate: expect.any(Date) },
    ]);
  });
});

describe('history', () => {
  const definition = {
    StartAt: 'Set',
    States: {
      Set: { Type: 'Pass', Assign: { n: [1] }, Next: 'Pause' },
      Pause: { Type: 'Wait', Seconds: 1, Next: 'Choose' },
      Choose: { Type: 'Choice', Choices: [{ Condition: true, Next: 'Each' }] },
      Each: {
        Type: 'Map',
        Items: ['a', 'b'],
        MaxConcurrency: 1,
        ItemProcessor: single(
          task({ TimeoutSeconds: 5, Retry: [{ ErrorEquals: ['Busy'], MaxAttempts: 1 }], End: true }),
        ),
        Next: 'Done',
      },
      Done: { Type: 'Succeed', Output: 1 },
    },
  };
  const oneTask = ['TaskScheduled', 'TaskStarted', 'TaskSucceeded', 'TaskStateExited', 'MapIterationSucceeded'];
  const expected = [
    'ExecutionStarted',
    ...['PassStateEntered', 'PassStateExited', 'WaitStateEntered', 'WaitStateExited'],
    ...['ChoiceStateEntered', 'ChoiceStateExited', 'MapStateEntered', 'MapStateStarted'],
    ...['MapIterationStarted', 'TaskStateEntered', 'TaskScheduled', 'TaskStarted', 'TaskFailed', ...oneTask],
    ...['MapIterationStarted', 'TaskStateEntered', ...oneTask],
    ...['MapStateSucceeded', 'MapStateExited', 'SucceedStateEntered', 'SucceedStateExited', 'ExecutionSucceeded'],
  ];

  it('has the service’s events, ids, predecessors and details, by page and backwards', async () => {
    let calls = 0;
    machine = await openMachine(definition, (payload) =>
      ++calls === 1 ? { errorType: 'Busy', errorMessage: 'later' } : { payload },
    );
    const live: [string, string | undefined][] = [];
    machine.standIn.onEvent((arn, { type }) => live.push([arn, type]));
    const { executionArn } = await machine.run();

    const events: HistoryEvent[] = [];
    for await (const page of paginateGetExecutionHistory({ client: machine.client, pageSize: 7 }, { executionArn })) {
      events.push(...(page.events ?? []));
    }
    expect(typesOf(events)).toEqual(expected);
    expect(live).toEqual(expected.map((type) => [executionArn, type]));
    expect(events.map(({ id }) => id)).toEqual(expected.map((_, index) => index + 1));
    const secondIteration = expected.lastIndexOf('MapIterationStarted');
    expect(events[secondIteration]?.previousEventId).toBe(expected.indexOf('MapStateStarted') + 1);
    expect(events.slice(0, 4).map(({ previousEventId }) => previousEventId)).toEqual([0, 0, 2, 3]);

    const first = (type: string) => events.find((event) => event.type === type);
    expect(first('PassStateExited')?.stateExitedEventDetails?.assignedVariables).toEqual({ n: '[1]' });
    expect(first('MapStateStarted')?.mapStateStartedEventDetails).toEqual({ length: 2 });
    expect(first('MapIterationStarted')?.mapIterationStartedEventDetails).toEqual({ name: 'Each', index: 0 });
    expect(first('TaskScheduled')?.taskScheduledEventDetails).toEqual({
      resourceType: 'lambda',
      resource: 'invoke',
      region: 'eu-west-2',
      parameters: JSON.stringify({ FunctionName: functionArn, Payload: 'a' }),
      timeoutInSeconds: 5,
    });
    expect(first('TaskFailed')?.taskFailedEventDetails).toEqual({
      resourceType: 'lambda',
      resource: 'invoke',
      error: 'Busy',
      cause: '{"errorType":"Busy","errorMessage":"later"}',
    });
    expect(first('ExecutionSucceeded')?.executionSucceededEventDetails).toMatchObject({ output: '1' });
    expect(events[0]?.timestamp).toBeInstanceOf(Date);

    const backwards = await machine.client.send(
      new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 1 }),
    );
    expect(typesOf(backwards.events)).toEqual(['ExecutionSucceeded']);
    expect(typesOf(machine.standIn.history(executionArn))).toEqual(expected);
  });

  it('records what a failed evaluation was about', async () => {
    machine = await openMachine(single(pass({ Output: { a: '{% $none %}' } })));
    const { executionArn } = await machine.run();
    expect(machine.standIn.history(executionArn).at(-2)).toMatchObject({
      type: 'EvaluationFailed',
      evaluationFailedEventDetails: { location: 'Output/a', state: 'Only', error: 'States.QueryEvaluationError' },
    });
  });
});

describe('stopping', () => {
  it('aborts at once, and records who said why', async () => {
    machine = await openMachine(endless, undefined, wait);
    const executionArn = await machine.start();
    const { stopDate } = await machine.client.send(
      new StopExecutionCommand({ executionArn, error: 'Stopped', cause: 'by the operator' }),
    );
    expect(stopDate).toBeInstanceOf(Date);
    expect(await machine.standIn.finished(executionArn)).toEqual({
      status: 'ABORTED',
      error: 'Stopped',
      cause: 'by the operator',
    });
    expect(typesOf(machine.standIn.history(executionArn))).toEqual([
      'ExecutionStarted',
      'WaitStateEntered',
      'ExecutionAborted',
    ]);
  });
});

describe('waiting for a task token', () => {
  const hold = (more: object = {}) =>
    single(
      task({
        Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
        Arguments: { FunctionName: functionArn, Payload: { token: '{% $states.context.Task.Token %}' } },
        End: true,
        ...more,
      }),
    );

  async function begin(definition: object) {
    const { promise, resolve } = Promise.withResolvers<string>();
    machine = await openMachine(definition, ({ token }) => {
      resolve(String(token));
      return { payload: null };
    });
    const executionArn = await machine.start();
    const finished = machine.standIn.finished(executionArn);
    return { taskToken: await promise, finished, executionArn };
  }

  it('succeeds with the output that is sent, once', async () => {
    const { taskToken, finished, executionArn } = await begin(hold());
    await machine.client.send(new SendTaskSuccessCommand({ taskToken, output: '{"approved":true}' }));
    expect(await finished).toEqual({ status: 'SUCCEEDED', output: '{"approved":true}' });
    expect(typesOf(machine.standIn.history(executionArn))).toContain('TaskSubmitted');
    await expect(machine.client.send(new SendTaskSuccessCommand({ taskToken, output: '{}' }))).rejects.toThrow(
      expect.objectContaining({ name: 'TaskTimedOut' }),
    );
  });

  it('fails with the error that is sent', async () => {
    const { taskToken, finished } = await begin(hold());
    await machine.client.send(new SendTaskFailureCommand({ taskToken, error: 'Rejected', cause: 'too many' }));
    expect(await finished).toEqual({ status: 'FAILED', error: 'Rejected', cause: 'too many' });
  });

  it('times out, and tells who reports afterwards', async () => {
    const { taskToken, finished } = await begin(hold({ TimeoutSeconds: 1 }));
    expect(await finished).toMatchObject({ status: 'FAILED', error: 'States.Timeout' });
    await expect(machine.client.send(new SendTaskSuccessCommand({ taskToken, output: '{}' }))).rejects.toThrow(
      expect.objectContaining({ name: 'TaskTimedOut' }),
    );
  });

  it('refuses unknown tokens and output that is not JSON', async () => {
    const { taskToken } = await begin(hold());
    await expect(machine.client.send(new SendTaskSuccessCommand({ taskToken, output: 'yes' }))).rejects.toThrow(
      expect.objectContaining({ name: 'InvalidOutput' }),
    );
    await expect(machine.client.send(new SendTaskFailureCommand({ taskToken: 'made up' }))).rejects.toThrow(
      expect.objectContaining({ name: 'InvalidToken' }),
    );
  });
});

describe('refusing', () => {
  it('answers 501 to every other operation, naming it', async () => {
    machine = await openMachine(single(pass()));
    await expect(machine.client.send(new CreateActivityCommand({ name: 'a' }))).rejects.toMatchObject({
      message: 'The local Step Functions does not implement AWSStepFunctions.CreateActivity',
      $metadata: { httpStatusCode: 501 },
    });
  });

  it('turns away who signs with another key', async () => {
    machine = await openMachine(single(pass()));
    const stranger = new SFNClient({
      region: 'eu-west-2',
      endpoint: machine.standIn.url,
      credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'wrong' },
    });
    await expect(stranger.send(new ListStateMachinesCommand())).rejects.toMatchObject({
      name: 'InvalidSignatureException',
      $metadata: { httpStatusCode: 403 },
    });
    stranger.destroy();
  });
});
