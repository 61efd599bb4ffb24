import { evaluate, ExpressionFailed } from './expressions.ts';
import type { Trail } from './history.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { StateFailure, withinDataLimit } from './state-failure.ts';
import type { TaskTokens } from './task-tokens.ts';

/** A Lambda function's answer: what it returned, or the error that it ended with. */
export type InvocationAnswer =
  | { readonly payload: unknown }
  | { readonly errorType: string; readonly errorMessage: string; readonly trace?: readonly string[] };

export type InvokeLambda = (
  functionArn: string,
  payload: unknown,
  options: { readonly signal: AbortSignal },
) => Promise<InvocationAnswer>;

/** What running needs besides the definition. */
export interface Surroundings {
  readonly invokeLambda: InvokeLambda;
  readonly tokens: TaskTokens;
  /** Multiplies every Wait. */
  readonly waitScale: number;
  /** Multiplies every pause before a retry. */
  readonly retryScale: number;
}

/** Where a run of states happens: the whole execution, or one iteration of a Map inside it. */
export interface Scope {
  readonly surroundings: Surroundings;
  /** The context object as far as it is the same for all states in the scope. */
  readonly context: JsonObject;
  /** Variables of the outer scopes, as they were when this scope was entered. */
  readonly outerVariables: Readonly<Record<string, Json>>;
  readonly trail: Trail;
  readonly signal: AbortSignal;
}

/** What `$states` holds besides `input` and `context`. */
export interface Known {
  readonly result?: Json;
  readonly errorOutput?: Json;
}

export interface Outcome {
  readonly output: Json;
  readonly assigned: Readonly<Record<string, Json>>;
}

interface OutcomeFields {
  readonly Output?: Json | undefined;
  readonly Assign?: Record<string, Json> | undefined;
}

/** One visit to one state, with the values it was entered with. */
export class Visit {
  readonly scope: Scope;
  readonly stateName: string;
  readonly input: Json;
  readonly variables: Readonly<Record<string, Json>>;
  readonly #enteredAt = new Date();
  readonly #enteredEventId: number;
  retryCount = 0;

  constructor(scope: Scope, stateName: string, input: Json, variables: Readonly<Record<string, Json>>) {
    this.scope = scope;
    this.stateName = stateName;
    this.input = input;
    this.variables = variables;
    this.#enteredEventId = scope.trail.lastEventId;
  }

  /** The context object, `$states.context`. */
  context(more: JsonObject = {}): JsonObject {
    const State = {
      Name: this.stateName,
      EnteredTime: this.#enteredAt.toISOString(),
      RetryCount: this.retryCount,
    };
    return { ...this.scope.context, State, ...more };
  }

  /**
   * Evaluates one field of the state.
   *
   * @param known results and the like; a `context` here replaces the visit's own
   * @throws StateFailure `States.QueryEvaluationError`
   */
  async evaluate(template: Json, field: string, known: Known & { readonly context?: JsonObject } = {}): Promise<Json> {
    const states = { input: this.input, context: this.context(), ...known };
    try {
      return await evaluate(template, { states, variables: this.variables }, field);
    } catch (error) {
      if (error instanceof ExpressionFailed) throw this.evaluationFailed(error.location, error.message);
      throw error;
    }
  }

  /** @throws StateFailure `States.QueryEvaluationError` also when the value is not a whole number in the range */
  async evaluateWholeNumber(template: Json, field: string, [least, most]: readonly [number, number]): Promise<number> {
    const value = await this.evaluate(template, field);
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw this.evaluationFailed(field, `The field '${field}' must be a whole number from ${least} to ${most}.`);
  }

  /** Records that a field's value cannot be used; the error is the caller's to throw. */
  evaluationFailed(location: string, message: string): StateFailure {
    const where = `(entered at the event id #${this.#enteredEventId})`;
    const cause = `An error occurred while executing the state '${this.stateName}' ${where}. ${message}`;
    const error = 'States.QueryEvaluationError';
    this.scope.trail.record('EvaluationFailed', {
      evaluationFailedEventDetails: { error, cause, location, state: this.stateName },
    });
    return new StateFailure(error, cause);
  }

  /** Output and Assign are both evaluated with the values the state was entered with. */
  async outcome({ Output, Assign }: OutcomeFields, known: Known, defaultOutput: Json): Promise<Outcome> {
    const assigned = Assign === undefined ? {} : await this.evaluate(Assign, 'Assign', known);
    const output = Output === undefined ? defaultOutput : await this.evaluate(Output, 'Output', known);
    withinDataLimit(output, `The state/task '${this.stateName}' returned a result`);
    withinDataLimit(assigned, `The state/task '${this.stateName}' assigned variables`);
    return { output, assigned: isJsonObject(assigned) ? assigned : {} };
  }
}
