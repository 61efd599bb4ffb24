import {
  type HistoryEvent,
  SFNClient,
  StartExecutionCommand,
  type StartExecutionCommandInput,
} from '@aws-sdk/client-sfn';
import type { Ending } from '../../../local/step-functions/execution.ts';
import { startStepFunctions, type StepFunctionsStandIn } from '../../../local/step-functions/step-functions.ts';
import type { InvocationAnswer } from '../../../local/step-functions/visit.ts';

export const machineArn = 'arn:aws:states:eu-west-2:123456789012:stateMachine:Refresh';
export const functionArn = 'arn:aws:lambda:eu-west-2:123456789012:function:step';

export type Payload = Record<string, unknown>;
export type Answer = InvocationAnswer | Promise<InvocationAnswer>;

/** A running stand-in with one state machine, and a real SDK client that talks to it. */
export interface Machine {
  readonly standIn: StepFunctionsStandIn;
  readonly client: SFNClient;
  start(input?: unknown, more?: Partial<StartExecutionCommandInput>): Promise<string>;
  run(input?: unknown): Promise<Ending & { readonly value?: unknown; readonly executionArn: string }>;
  close(): Promise<void>;
}

export async function openMachine(
  definition: object,
  answer: (payload: Payload, signal: AbortSignal, arn: string) => Answer = (payload) => ({ payload }),
  scales: { readonly waitScale?: number; readonly retryScale?: number } = {},
): Promise<Machine> {
  const standIn = await startStepFunctions({
    stateMachines: [{ arn: machineArn, name: 'Refresh', definition: { QueryLanguage: 'JSONata', ...definition } }],
    invokeLambda: async (arn, payload, { signal }) => answer(payload as Payload, signal, arn),
    waitScale: scales.waitScale ?? 0.001,
    retryScale: scales.retryScale ?? 0.001,
    credentials: new Map([['AKIALOCAL', 'secret']]),
  });
  const client = new SFNClient({
    region: 'eu-west-2',
    endpoint: standIn.url,
    credentials: { accessKeyId: 'AKIALOCAL', secretAccessKey: 'secret' },
    maxAttempts: 1,
  });
  const start: Machine['start'] = async (input = {}, more = {}) => {
    const started = await client.send(
      new StartExecutionCommand({ stateMachineArn: machineArn, input: JSON.stringify(input), ...more }),
    );
    return started.executionArn!;
  };
  return {
    standIn,
    client,
    start,
    run: async (input) => {
      const executionArn = await start(input);
      const ending = await standIn.finished(executionArn);
      return {
        ...ending,
        executionArn,
        ...(ending.output === undefined ? {} : { value: JSON.parse(ending.output) as unknown }),
      };
    },
    close: async () => {
      client.destroy();
      await standIn.close();
    },
  };
}

export function typesOf(events: readonly HistoryEvent[] | undefined): unknown[] {
  return (events ?? []).map(({ type }) => type);
}

export const task = (more: object = {}) => ({
  Type: 'Task',
  Resource: 'arn:aws:states:::lambda:invoke',
  Arguments: { FunctionName: functionArn, Payload: '{% $states.input %}' },
  ...more,
});

export const pass = (more: object = {}) => ({ Type: 'Pass', End: true, ...more });
