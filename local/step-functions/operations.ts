import { z } from 'zod';
import type { Execution } from './execution.ts';
import type { Executions } from './executions.ts';
import { type Json, toJson } from './json.ts';
import { ServiceError } from './service-error.ts';
import { payloadLimitBytes } from './state-failure.ts';
import type { TaskTokens } from './task-tokens.ts';

export interface OperationContext {
  readonly executions: Executions;
  readonly tokens: TaskTokens;
}

type Operation = (input: unknown, context: OperationContext) => object;

const executionArn = z.string();
const stateMachineArn = z.string();
const page = { maxResults: z.int().min(0).max(1000).optional(), nextToken: z.string().optional() };

/** Everything the stand-in answers, by the operation's name. */
export const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  [
    'StartExecution',
    operation(
      z.strictObject({ stateMachineArn, name: z.string().optional(), input: z.string().optional() }),
      (input, { executions }) => {
        const execution = executions.start(input.stateMachineArn, input.name, input.input);
        return { executionArn: execution.arn, startDate: execution.startDate };
      },
    ),
  ],
  [
    'DescribeExecution',
    operation(z.strictObject({ executionArn }), (input, { executions }) => {
      const execution = executions.find(input.executionArn);
      const { output, error, cause } = execution.ending ?? {};
      return {
        ...summaryOf(execution),
        input: execution.start.input,
        inputDetails: { included: true },
        ...(output === undefined ? {} : { output, outputDetails: { included: true } }),
        ...(error === undefined ? {} : { error }),
        ...(cause === undefined ? {} : { cause }),
      };
    }),
  ],
  [
    'ListExecutions',
    operation(
      z.strictObject({
        stateMachineArn,
        statusFilter: z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']).optional(),
        ...page,
      }),
      (input, { executions }) => {
        const { machine, qualifier } = executions.machine(input.stateMachineArn);
        const wanted = executions
          .of(machine)
          .filter(({ start }) => qualifier === undefined || start.qualifier === qualifier)
          .filter(({ status }) => input.statusFilter === undefined || status === input.statusFilter);
        const { items, ...rest } = pageOf(wanted, input);
        return { executions: items.map(summaryOf), ...rest };
      },
    ),
  ],
  [
    'GetExecutionHistory',
    operation(
      z.strictObject({
        executionArn,
        reverseOrder: z.boolean().default(false),
        includeExecutionData: z.literal(true).optional(),
        ...page,
      }),
      (input, { executions }) => {
        const { events } = executions.find(input.executionArn);
        const { items, ...rest } = pageOf(input.reverseOrder ? events.toReversed() : events, input);
        return { events: items, ...rest };
      },
    ),
  ],
  [
    'StopExecution',
    operation(
      z.strictObject({ executionArn, error: z.string().max(256).optional(), cause: z.string().max(32_768).optional() }),
      ({ error, cause, ...input }, { executions }) => {
        const execution = executions.find(input.executionArn);
        execution.abort({ ...(error === undefined ? {} : { error }), ...(cause === undefined ? {} : { cause }) });
        return { stopDate: execution.ending?.stopDate };
      },
    ),
  ],
  [
    'SendTaskSuccess',
    operation(z.strictObject({ taskToken: z.string(), output: z.string() }), (input, { tokens }) => {
      requireAccepted(tokens.succeed(input.taskToken, parseOutput(input.output)));
      return {};
    }),
  ],
  [
    'SendTaskFailure',
    operation(
      z.strictObject({
        taskToken: z.string(),
        error: z.string().max(256).default(''),
        cause: z.string().max(32_768).default(''),
      }),
      (input, { tokens }) => {
        requireAccepted(tokens.fail(input.taskToken, input.error, input.cause));
        return {};
      },
    ),
  ],
  [
    'DescribeStateMachine',
    operation(z.strictObject({ stateMachineArn }), (input, { executions }) => {
      const { machine } = executions.machine(input.stateMachineArn);
      return {
        stateMachineArn: machine.arn,
        name: machine.name,
        status: 'ACTIVE',
        definition: machine.definitionText,
        roleArn: machine.roleArn,
        type: 'STANDARD',
        creationDate: machine.creationDate,
      };
    }),
  ],
  [
    'ListStateMachines',
    operation(z.strictObject(page), (input, { executions }) => {
      const { items, ...rest } = pageOf(executions.machines, input);
      const stateMachines = items.map(({ arn, name, creationDate }) => ({
        stateMachineArn: arn,
        name,
        type: 'STANDARD',
        creationDate,
      }));
      return { stateMachines, ...rest };
    }),
  ],
]);

function operation<Schema extends z.ZodType>(
  schema: Schema,
  run: (input: z.output<Schema>, context: OperationContext) => object,
): Operation {
  return (input, context) => {
    const parsed = schema.safeParse(input);
    if (!parsed.success) throw new ServiceError('ValidationException', z.prettifyError(parsed.error));
    return run(parsed.data, context);
  };
}

function summaryOf(execution: Execution): object {
  return {
    executionArn: execution.arn,
    stateMachineArn: execution.start.machine.arn,
    name: execution.start.name,
    status: execution.status,
    startDate: execution.startDate,
    ...(execution.ending ? { stopDate: execution.ending.stopDate } : {}),
    ...execution.qualifiedArn,
    redriveCount: 0,
  };
}

interface PageInput {
  readonly maxResults?: number | undefined;
  readonly nextToken?: string | undefined;
}

function pageOf<Item>(
  items: readonly Item[],
  { maxResults, nextToken }: PageInput,
): { readonly items: Item[]; readonly nextToken?: string } {
  const start = nextToken === undefined ? 0 : Number(Buffer.from(nextToken, 'base64url').toString());
  if (!Number.isInteger(start) || start < 0 || (nextToken !== undefined && start === 0)) {
    throw new ServiceError('InvalidToken', 'Invalid Token: the nextToken is not from an earlier answer');
  }
  // 0 means the default, as in the service.
  const end = start + (maxResults === undefined || maxResults === 0 ? 100 : maxResults);
  return {
    items: items.slice(start, end),
    ...(end < items.length ? { nextToken: Buffer.from(String(end)).toString('base64url') } : {}),
  };
}

function parseOutput(output: string): Json {
  try {
    if (Buffer.byteLength(output) <= payloadLimitBytes) return toJson(JSON.parse(output));
  } catch {
    // The parser's own message quotes the output.
  }
  throw new ServiceError('InvalidOutput', `Invalid Output: JSON of at most ${payloadLimitBytes} bytes is expected`);
}

function requireAccepted(outcome: 'accepted' | 'closed' | 'unknown'): void {
  if (outcome === 'unknown') throw new ServiceError('InvalidToken', 'Invalid Token: it was never issued');
  if (outcome === 'closed') throw new ServiceError('TaskTimedOut', 'Task Timed Out: the task has ended already');
}
