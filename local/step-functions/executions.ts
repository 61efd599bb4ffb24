import { randomUUID } from 'node:crypto';
import { Execution } from './execution.ts';
import type { ExecutionEvent } from './history.ts';
import { type Json, toJson } from './json.ts';
import { ServiceError } from './service-error.ts';
import type { StateMachine } from './state-machines.ts';
import { payloadLimitBytes } from './state-failure.ts';
import type { Surroundings } from './visit.ts';

/** The state machines there are, and every execution since the start. */
export class Executions {
  readonly #machines: ReadonlyMap<string, StateMachine>;
  readonly #surroundings: Surroundings;
  readonly #executions = new Map<string, Execution>();
  readonly #listeners: ((executionArn: string, event: ExecutionEvent) => void)[] = [];

  constructor(machines: readonly StateMachine[], surroundings: Surroundings) {
    this.#machines = new Map(machines.map((machine) => [machine.arn, machine]));
    this.#surroundings = surroundings;
  }

  onEvent(listener: (executionArn: string, event: ExecutionEvent) => void): void {
    this.#listeners.push(listener);
  }

  get machines(): StateMachine[] {
    return [...this.#machines.values()];
  }

  /** @throws ServiceError InvalidArn, StateMachineDoesNotExist */
  machine(arn: string): { readonly machine: StateMachine; readonly qualifier: string | undefined } {
    const match = /^(arn:aws[\w-]*:states:[\w-]+:\d{12}:stateMachine:[^:]+)(?::([\w-]+))?$/.exec(arn);
    if (!match) throw new ServiceError('InvalidArn', `Invalid Arn: '${arn}'`);
    const machine = this.#machines.get(match[1] ?? '');
    if (!machine) throw new ServiceError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${arn}'`);
    return { machine, qualifier: match[2] };
  }

  /** @throws ServiceError ExecutionDoesNotExist */
  find(executionArn: string): Execution {
    const execution = this.#executions.get(executionArn);
    if (!execution) throw new ServiceError('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
    return execution;
  }

  /** Latest first. */
  of(machine: StateMachine): Execution[] {
    return [...this.#executions.values()].filter(({ start }) => start.machine === machine).reverse();
  }

  /**
   * Starts an execution. The same name with the same input gives the same execution while it runs; a name is otherwise
   * good for one execution only. Source: StartExecution, AWS Step Functions API reference.
   *
   * @throws ServiceError ExecutionAlreadyExists, InvalidExecutionInput, InvalidName
   */
  start(stateMachineArn: string, name: string = randomUUID(), input = '{}'): Execution {
    const { machine, qualifier } = this.machine(stateMachineArn);
    if (!/^[^\s<>{}[\]?*"#%\\^|~`$&,;:/]{1,80}$/.test(name))
      throw new ServiceError('InvalidName', `Invalid Name: '${name}'`);
    const parsed = parseInput(input);
    const execution = new Execution(
      { name, machine, input, ...(qualifier === undefined ? {} : { qualifier }) },
      (executionArn, event) => {
        for (const listener of this.#listeners) listener(executionArn, event);
      },
    );
    const earlier = this.#executions.get(execution.arn);
    if (earlier) {
      if (earlier.status === 'RUNNING' && earlier.start.input === input) return earlier;
      throw new ServiceError('ExecutionAlreadyExists', `Execution Already Exists: '${execution.arn}'`);
    }
    this.#executions.set(execution.arn, execution);
    void execution.run(parsed, this.#surroundings);
    return execution;
  }

  abortAll(cause: string): void {
    for (const execution of this.#executions.values()) execution.abort({ cause });
  }
}

function parseInput(input: string): Json {
  if (Buffer.byteLength(input) > payloadLimitBytes) {
    throw new ServiceError('ValidationException', `input must be at most ${payloadLimitBytes} bytes long`);
  }
  try {
    return toJson(JSON.parse(input));
  } catch {
    // The parser's own message quotes the input.
    throw new ServiceError('InvalidExecutionInput', 'Invalid State Machine Execution Input: the input is not JSON');
  }
}
