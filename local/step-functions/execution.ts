import type { ExecutionStatus } from '@aws-sdk/client-sfn';
import { delay } from './delay.ts';
import { type EventDetails, type ExecutionEvent, History, Trail } from './history.ts';
import { runStates } from './interpreter.ts';
import { type Json } from './json.ts';
import { StateFailure } from './state-failure.ts';
import type { StateMachine } from './state-machines.ts';
import type { Surroundings } from './visit.ts';

/** How an execution ended. */
export interface Ending {
  readonly status: Exclude<ExecutionStatus, 'RUNNING' | 'PENDING_REDRIVE'>;
  /** JSON text. */
  readonly output?: string;
  readonly error?: string;
  readonly cause?: string;
}

export interface ExecutionStart {
  readonly name: string;
  readonly machine: StateMachine;
  /** JSON text, as the starter gave it. */
  readonly input: string;
  /** Alias or version that the starter named. */
  readonly qualifier?: string;
}

/** One Standard execution; it lives in memory and ends with the process. */
export class Execution {
  readonly arn: string;
  readonly start: ExecutionStart;
  readonly startDate = new Date();
  readonly finished: Promise<Ending>;
  readonly #history: History;
  readonly #over = new AbortController();
  readonly #resolve: (ending: Ending) => void;
  #ending: (Ending & { readonly stopDate: Date }) | undefined;

  constructor(start: ExecutionStart, onEvent: (executionArn: string, event: ExecutionEvent) => void) {
    this.start = start;
    this.arn = `${start.machine.arn.replace(':stateMachine:', ':execution:')}:${start.name}`;
    this.#history = new History((event) => {
      onEvent(this.arn, event);
    });
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.finished = promise;
    this.#resolve = resolve;
  }

  get events(): readonly ExecutionEvent[] {
    return this.#history.events;
  }

  get status(): ExecutionStatus {
    return this.#ending?.status ?? 'RUNNING';
  }

  /** Undefined while the execution runs. */
  get ending(): (Ending & { readonly stopDate: Date }) | undefined {
    return this.#ending;
  }

  /** Runs to the end; whatever goes wrong is in the ending and never thrown. */
  async run(input: Json, surroundings: Surroundings): Promise<void> {
    const { machine } = this.start;
    const signal = this.#over.signal;
    this.#history.append('ExecutionStarted', 0, {
      executionStartedEventDetails: {
        input: this.start.input,
        inputDetails: { truncated: false },
        roleArn: machine.roleArn,
        ...this.qualifiedArn,
      },
    });
    if (machine.definition.TimeoutSeconds !== undefined) {
      delay(machine.definition.TimeoutSeconds * 1000, signal).then(
        () => {
          this.#end({ status: 'TIMED_OUT' }, 'ExecutionTimedOut', { executionTimedOutEventDetails: {} });
        },
        () => undefined,
      );
    }
    const context = {
      Execution: {
        Id: this.arn,
        Name: this.start.name,
        StartTime: this.startDate.toISOString(),
        Input: input,
        RoleArn: machine.roleArn,
      },
      StateMachine: { Id: machine.arn, Name: machine.name },
    };
    try {
      const trail = new Trail(this.#history);
      const result = await runStates(machine.definition, input, {
        surroundings,
        context,
        outerVariables: {},
        trail,
        signal,
      });
      const output = JSON.stringify(result);
      this.#end({ status: 'SUCCEEDED', output }, 'ExecutionSucceeded', {
        executionSucceededEventDetails: { output, outputDetails: { truncated: false } },
      });
    } catch (problem) {
      const failure =
        problem instanceof StateFailure
          ? problem
          : new StateFailure('States.Runtime', `Interpreter: ${String(problem)}`);
      const details = {
        ...(failure.name === '' ? {} : { error: failure.name }),
        ...(failure.message === '' ? {} : { cause: failure.message }),
      };
      this.#end({ status: 'FAILED', ...details }, 'ExecutionFailed', { executionFailedEventDetails: details });
    }
  }

  /** Ends a running execution from outside; an execution that has ended stays as it is. */
  abort(details: { readonly error?: string; readonly cause?: string }): void {
    this.#end({ status: 'ABORTED', ...details }, 'ExecutionAborted', { executionAbortedEventDetails: details });
  }

  /** The alias or version the execution was started through, as the API names it. */
  get qualifiedArn(): { readonly stateMachineVersionArn?: string; readonly stateMachineAliasArn?: string } {
    const { qualifier, machine } = this.start;
    if (qualifier === undefined) return {};
    const arn = `${machine.arn}:${qualifier}`;
    return /^\d+$/.test(qualifier) ? { stateMachineVersionArn: arn } : { stateMachineAliasArn: arn };
  }

  #end(
    ending: Ending,
    type: 'ExecutionSucceeded' | 'ExecutionFailed' | 'ExecutionAborted' | 'ExecutionTimedOut',
    details: EventDetails,
  ): void {
    if (this.#ending) return;
    this.#ending = { ...ending, stopDate: new Date() };
    this.#history.close(type, details);
    this.#over.abort();
    this.#resolve(ending);
  }
}
