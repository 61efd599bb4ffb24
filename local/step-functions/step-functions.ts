import { serve, type StandIn } from '../stand-in.ts';
import type { Authorize } from '../iam/access.ts';
import type { Credentials } from '../signature.ts';
import { answerStates } from './api.ts';
import type { Ending, Execution } from './execution.ts';
import { Executions } from './executions.ts';
import type { ExecutionEvent } from './history.ts';
import { loadStateMachine, type StateMachineSource } from './state-machines.ts';
import { TaskTokens } from './task-tokens.ts';
import type { InvokeLambda } from './visit.ts';

export interface StepFunctionsOptions {
  readonly stateMachines: readonly StateMachineSource[];
  readonly invokeLambda: InvokeLambda;
  /** Multiplies every Wait state; time limits are never scaled. */
  readonly waitScale: number;
  /** Multiplies every pause before a retry. */
  readonly retryScale: number;
  readonly credentials: Credentials;
  /** Whoever signs may do everything when left out. */
  readonly authorize?: Authorize;
  /** 0, the default, takes any free port. */
  readonly port?: number;
}

export interface StepFunctionsStandIn extends StandIn {
  /** Calls the listener with every event of every execution from now on, as it happens. */
  onEvent(listener: (executionArn: string, event: ExecutionEvent) => void): void;
  /** The events so far, in the shape of GetExecutionHistory. */
  history(executionArn: string): readonly ExecutionEvent[];
  execution(executionArn: string): Execution;
  /** Settles when the execution has ended, however it ended. */
  finished(executionArn: string): Promise<Ending>;
}

/**
 * Starts a local Step Functions: Standard executions of JSONata state machines, kept in memory.
 *
 * @throws DefinitionRefused when a definition holds what Step Functions would refuse or this stand-in does not do
 */
export async function startStepFunctions(options: StepFunctionsOptions): Promise<StepFunctionsStandIn> {
  const { invokeLambda, waitScale, retryScale, credentials, authorize, port } = options;
  const tokens = new TaskTokens();
  const executions = new Executions(options.stateMachines.map(loadStateMachine), {
    invokeLambda,
    tokens,
    waitScale,
    retryScale,
  });
  const server = await serve(
    (request, response) =>
      answerStates({ executions, tokens, credentials, ...(authorize && { authorize }) }, request, response),
    port,
  );
  return {
    url: server.url,
    onEvent: (listener) => {
      executions.onEvent(listener);
    },
    history: (executionArn) => executions.find(executionArn).events,
    execution: (executionArn) => executions.find(executionArn),
    finished: (executionArn) => executions.find(executionArn).finished,
    close: async () => {
      executions.abortAll('The local Step Functions was closed');
      await server.close();
    },
  };
}
