import middy, { type MiddlewareObj } from '@middy/core';
import { z } from 'zod';
import { PermanentError, RetryableError } from './errors.ts';
import { log, stackFrames } from './log.ts';
import { runIdForm } from './ndop/run-id.ts';

const invocationLog: MiddlewareObj<unknown, unknown> = {
  before: ({ event, context }) => {
    log.addContext(context);
    log.info('task.started', { input: loggable(event) });
  },
  after: ({ response }) => {
    log.info('task.completed', { output: response });
  },
  // Returning or setting a response here would turn the failure into a success that no Retry or Catch sees.
  onError: (request) => {
    const named = nameError(request.error);
    log.error('task.failed', {
      errorName: named.name,
      reason: named.message,
      origin: request.error?.name,
      frames: stackFrames(request.error),
    });
    request.error = named;
  },
};

/**
 * The one stack around every step: input is parsed before anything else, the start and the end are logged, and every
 * failure leaves with a name that the state machine knows.
 */
export function task<Input, Output>(input: z.ZodType<Input>, run: (input: Input) => Promise<Output>) {
  return middy<unknown, Output>()
    .use(invocationLog)
    .handler((event) => run(parseInput(input, event)));
}

function parseInput<Input>(schema: z.ZodType<Input>, event: unknown): Input {
  const parsed = schema.safeParse(event);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`);
  // A member's name is quoted where it is not known: it may be anything.
  throw new PermanentError('StateInputInvalid', faults.join('; ').replace(/\d{9,}/g, '...'));
}

/** What every step may say of its input: which run, which part. Whatever else a person or a service put in stays out. */
const loggableInput = z.object({
  runId: z.string().regex(runIdForm),
  group: z.number().optional(),
  part: z.number().optional(),
  parts: z.array(z.number()).optional(),
  pass: z.string().optional(),
  file: z.number().optional(),
  waitedSeconds: z.number().optional(),
});

function loggable(event: unknown): unknown {
  return loggableInput.safeParse(event).data;
}

/**
 * Gives a failure its place in `errors.ts`. A foreign error's message is left behind, since it may quote the data that
 * it stumbled over.
 */
function nameError(error: unknown): RetryableError | PermanentError {
  if (error instanceof RetryableError || error instanceof PermanentError) return error;
  // Anything may be thrown, a text with data in it too.
  const fault: object = typeof error === 'object' && error !== null ? error : {};
  const origin = 'name' in fault ? String(fault.name) : 'unknown';
  if (isPassing(fault, origin)) return new RetryableError('AwsUnavailable', `An AWS service did not answer: ${origin}`);
  return new PermanentError('UnexpectedError', `Unexpected ${origin}: see task.failed in this function's log`);
}

/** Throttling, server faults and broken connections, as the AWS SDK marks them once its own retries are used up. */
function isPassing(fault: object, name: string): boolean {
  return (
    ('$retryable' in fault && fault.$retryable !== undefined) ||
    ('$fault' in fault && fault.$fault === 'server') ||
    passingNames.includes(name) ||
    ('code' in fault && brokenConnections.includes(String(fault.code))) ||
    // A library may wrap what the SDK threw.
    ('cause' in fault &&
      typeof fault.cause === 'object' &&
      fault.cause !== null &&
      isPassing(fault.cause, nameIn(fault.cause)))
  );
}

const passingNames = [
  'TimeoutError',
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'RequestTimeout',
];
const brokenConnections = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'];

function nameIn(fault: object): string {
  return 'name' in fault ? String(fault.name) : '';
}
