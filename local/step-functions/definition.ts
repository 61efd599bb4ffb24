import { z } from 'zod';
import { compileAll, isExpression } from './expressions.ts';
import { isJsonObject, toJson } from './json.ts';

/** A definition that the interpreter cannot run as Step Functions would. */
class DefinitionRefused extends Error {
  override readonly name = 'DefinitionRefused';
}

const longestSeconds = 99_999_999;
const template = z.json();
const assign = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,79}$/), template).optional();
const expression = z.string().refine(isExpression, 'must be a number or an expression in {% %}');
const commonFields = { Comment: z.string().optional(), QueryLanguage: z.literal('JSONata').optional() };
const nextOrEnd = { Next: z.string().optional(), End: z.literal(true).optional() };
const errorEquals = z.array(z.string()).min(1);

const retrier = z.strictObject({
  ErrorEquals: errorEquals,
  IntervalSeconds: z.int().min(1).max(longestSeconds).default(1),
  MaxAttempts: z.int().min(0).max(longestSeconds).default(3),
  BackoffRate: z.number().min(1).default(2),
  MaxDelaySeconds: z.int().min(1).max(31_622_400).optional(),
  JitterStrategy: z.enum(['FULL', 'NONE']).default('NONE'),
  Comment: z.string().optional(),
});
const catcher = z.strictObject({
  ErrorEquals: errorEquals,
  Next: z.string(),
  Assign: assign,
  Output: template.optional(),
  Comment: z.string().optional(),
});
const errorHandling = { Retry: z.array(retrier).default([]), Catch: z.array(catcher).default([]) };

const passState = z.strictObject({
  Type: z.literal('Pass'),
  ...commonFields,
  ...nextOrEnd,
  Assign: assign,
  Output: template.optional(),
});
const taskState = z.strictObject({
  Type: z.literal('Task'),
  ...commonFields,
  ...nextOrEnd,
  ...errorHandling,
  Resource: z.string().transform((resource, context) => {
    const parsed = parseResource(resource);
    if (parsed) return parsed;
    context.addIssue({ code: 'custom', message: `Resource ${resource} is not supported by the local Step Functions` });
    return z.NEVER;
  }),
  Arguments: template.optional(),
  TimeoutSeconds: z.union([z.int().min(1).max(longestSeconds), expression]).default(longestSeconds),
  Assign: assign,
  Output: template.optional(),
});
const choiceState = z.strictObject({
  Type: z.literal('Choice'),
  ...commonFields,
  Choices: z
    .array(
      z.strictObject({
        Condition: z.union([z.boolean(), expression]),
        Next: z.string(),
        Assign: assign,
        Output: template.optional(),
        Comment: z.string().optional(),
      }),
    )
    .min(1),
  Default: z.string().optional(),
  Assign: assign,
  Output: template.optional(),
});
const waitState = z.strictObject({
  Type: z.literal('Wait'),
  ...commonFields,
  ...nextOrEnd,
  Seconds: z.union([z.int().min(0).max(longestSeconds), expression]).optional(),
  Timestamp: z.string().optional(),
  Assign: assign,
  Output: template.optional(),
});
const mapState = z.strictObject({
  Type: z.literal('Map'),
  ...commonFields,
  ...nextOrEnd,
  ...errorHandling,
  Items: template.optional(),
  ItemSelector: template.optional(),
  MaxConcurrency: z.union([z.int().min(0), expression]).default(0),
  ItemProcessor: z.unknown().transform((value) => parseItemProcessor(value)),
  Assign: assign,
  Output: template.optional(),
});
const succeedState = z.strictObject({ Type: z.literal('Succeed'), ...commonFields, Output: template.optional() });
const failState = z.strictObject({
  Type: z.literal('Fail'),
  ...commonFields,
  Error: z.string().optional(),
  Cause: z.string().optional(),
});
const state = z.discriminatedUnion('Type', [
  passState,
  taskState,
  choiceState,
  waitState,
  mapState,
  succeedState,
  failState,
]);
const statesFields = { StartAt: z.string(), States: z.record(z.string().min(1).max(80), state) };
const itemProcessor = z.strictObject({
  ...statesFields,
  ProcessorConfig: z.strictObject({ Mode: z.literal('INLINE') }).optional(),
  Comment: z.string().optional(),
});
const stateMachine = z.strictObject({
  ...statesFields,
  QueryLanguage: z.literal('JSONata', 'QueryLanguage must be JSONata on the state machine'),
  TimeoutSeconds: z.int().min(1).max(longestSeconds).optional(),
  Version: z.literal('1.0').optional(),
  Comment: z.string().optional(),
});

export type State = z.infer<typeof state>;
export type TaskState = z.infer<typeof taskState>;
export type ChoiceState = z.infer<typeof choiceState>;
export type WaitState = z.infer<typeof waitState>;
export type MapState = z.infer<typeof mapState>;
export type Retrier = z.infer<typeof retrier>;

/** States that know each other by name: a whole machine, or the inside of a Map. */
export interface States {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

export interface StateMachineDefinition extends States {
  readonly TimeoutSeconds?: number | undefined;
}

/** `lambda:invoke` takes FunctionName and Payload as arguments; a plain function ARN takes its arguments as payload. */
type Resource =
  | { readonly kind: 'lambda:invoke'; readonly waitsForTaskToken: boolean }
  | { readonly kind: 'function'; readonly functionArn: string };

/**
 * Reads a resolved definition and refuses whatever Step Functions would refuse or this interpreter does not know:
 * unknown fields and resources, states that are not there, broken expressions, a Map that assigns an outer variable.
 *
 * @throws DefinitionRefused
 */
export function parseDefinition(definition: unknown): StateMachineDefinition {
  const parsed = stateMachine.safeParse(definition);
  if (!parsed.success) throw new DefinitionRefused(z.prettifyError(parsed.error));
  try {
    compileAll(toJson(definition), '');
  } catch (error) {
    throw new DefinitionRefused(error instanceof Error ? error.message : String(error));
  }
  checkStates(parsed.data, new Set());
  return parsed.data;
}

function parseItemProcessor(value: unknown): States {
  const parsed = itemProcessor.safeParse(value);
  if (!parsed.success) throw new DefinitionRefused(`ItemProcessor: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function parseResource(resource: string): Resource | undefined {
  const invoke = /^arn:aws[\w-]*:states:::lambda:invoke(\.waitForTaskToken)?$/.exec(resource);
  if (invoke) return { kind: 'lambda:invoke', waitsForTaskToken: invoke[1] !== undefined };
  const isFunction = /^arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:[\w-]+(:[\w$-]+)?$/.test(resource);
  return isFunction ? { kind: 'function', functionArn: resource } : undefined;
}

function checkStates({ StartAt, States: states }: States, outerVariables: ReadonlySet<string>): void {
  const assigned = new Set(Object.values(states).flatMap(assignedNames));
  if (assigned.has('states')) throw new DefinitionRefused('Assign: the name states is reserved');
  for (const name of assigned) {
    if (outerVariables.has(name)) throw new DefinitionRefused(`A Map may not assign the outer variable ${name}`);
  }
  if (!(StartAt in states)) throw new DefinitionRefused(`StartAt: there is no state ${StartAt}`);
  for (const [name, definition] of Object.entries(states)) {
    for (const target of targets(definition)) {
      if (!(target in states)) throw new DefinitionRefused(`${name}: there is no state ${target}`);
    }
    checkState(name, definition);
    if (definition.Type === 'Map') checkStates(definition.ItemProcessor, new Set([...outerVariables, ...assigned]));
  }
}

function checkState(name: string, definition: State): void {
  if ('Next' in definition || 'End' in definition || !['Choice', 'Succeed', 'Fail'].includes(definition.Type)) {
    const next = 'Next' in definition ? definition.Next : undefined;
    const end = 'End' in definition ? definition.End : undefined;
    if ((next === undefined) === (end === undefined)) throw new DefinitionRefused(`${name}: needs either Next or End`);
  }
  if (definition.Type === 'Wait' && (definition.Seconds === undefined) === (definition.Timestamp === undefined)) {
    throw new DefinitionRefused(`${name}: needs either Seconds or Timestamp`);
  }
  if (definition.Type === 'Task') checkArguments(name, definition);
  if (definition.Type === 'Task' || definition.Type === 'Map') {
    for (const handlers of [definition.Retry, definition.Catch]) {
      handlers.forEach(({ ErrorEquals }, index) => {
        if (!ErrorEquals.includes('States.ALL')) return;
        if (ErrorEquals.length > 1 || index < handlers.length - 1) {
          throw new DefinitionRefused(`${name}: States.ALL must stand alone and last`);
        }
      });
    }
  }
}

/** Arguments that are one expression are looked at when they are known. */
function checkArguments(name: string, { Resource, Arguments }: TaskState): void {
  if (Resource.kind !== 'lambda:invoke' || !isJsonObject(Arguments)) return;
  if (!('FunctionName' in Arguments)) throw new DefinitionRefused(`${name}: lambda:invoke needs a FunctionName`);
  const unknown = Object.keys(Arguments).find((key) => key !== 'FunctionName' && key !== 'Payload');
  if (unknown !== undefined) throw new DefinitionRefused(`${name}: the argument ${unknown} is not supported`);
}

function assignedNames(definition: State): string[] {
  const places = [
    'Assign' in definition ? definition.Assign : undefined,
    ...('Catch' in definition ? definition.Catch.map(({ Assign }) => Assign) : []),
    ...('Choices' in definition ? definition.Choices.map(({ Assign }) => Assign) : []),
  ];
  return places.flatMap((place) => Object.keys(place ?? {}));
}

function targets(definition: State): string[] {
  const next = 'Next' in definition && definition.Next !== undefined ? [definition.Next] : [];
  if (definition.Type === 'Task' || definition.Type === 'Map') {
    return [...next, ...definition.Catch.map(({ Next }) => Next)];
  }
  if (definition.Type !== 'Choice') return next;
  return [
    ...definition.Choices.map(({ Next }) => Next),
    ...(definition.Default === undefined ? [] : [definition.Default]),
  ];
}
