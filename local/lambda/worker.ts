/**
 * The part of the Lambda Node runtime that runs in a worker thread: loads the handler named in `_HANDLER` from
 * `LAMBDA_TASK_ROOT` and answers one invocation after another.
 */
import { parentPort } from 'node:worker_threads';
import { captureLines } from './captured-lines.ts';
import { describeError } from './function-errors.ts';
import { type Handler, loadHandler } from './handler-loading.ts';
import type { FunctionError, InvocationMessage, WorkerMessage } from './messages.ts';

// Node has read it by now; the function is not to see what is the host's.
delete process.env.NODE_COMPILE_CACHE;

let requestId = '';

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

const flush = [process.stdout, process.stderr].map((stream) =>
  captureLines(stream, (line) => {
    post({ kind: 'line', at: Date.now(), line });
  }),
);

/** The runtime writes every failure to the log, message and all. */
function logFailure(title: string, { errorType, errorMessage, trace }: FunctionError): void {
  const details = JSON.stringify({ errorType, errorMessage, stack: trace });
  process.stdout.write(`${new Date().toISOString()}\t${requestId}\tERROR\t${title}\t${details}\n`);
  for (const flushStream of flush) flushStream();
}

function memoryBytes(): number {
  const { heapTotal, external } = process.memoryUsage();
  return heapTotal + external;
}

function crash(title: string, error: FunctionError): void {
  logFailure(title, error);
  post({ kind: 'crash', error, memoryBytes: memoryBytes() });
}

process.on('uncaughtException', (error) => {
  crash('Uncaught Exception ', describeError(error));
});
process.on('unhandledRejection', (reason) => {
  const { trace = [] } = describeError(reason);
  crash('Unhandled Promise Rejection ', {
    errorType: 'Runtime.UnhandledPromiseRejection',
    errorMessage: String(reason),
    trace,
  });
});

async function serveInvocation(handler: Handler, message: InvocationMessage): Promise<void> {
  requestId = message.requestId;
  const context = {
    awsRequestId: message.requestId,
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: message.invokedFunctionArn,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    getRemainingTimeInMillis: () => Math.max(0, message.deadline - Date.now()),
  };
  let outcome: WorkerMessage;
  try {
    const event: unknown = JSON.parse(message.event);
    const payload = JSON.stringify((await handler(event, context)) ?? null);
    outcome = { kind: 'answer', payload, memoryBytes: memoryBytes() };
  } catch (error) {
    const described = describeError(error);
    logFailure('Invoke Error ', described);
    outcome = { kind: 'failure', error: described, memoryBytes: memoryBytes() };
  }
  for (const flushStream of flush) flushStream();
  post(outcome);
}

try {
  const handler = await loadHandler(process.env.LAMBDA_TASK_ROOT ?? '', process.env._HANDLER ?? '');
  parentPort?.on('message', (message: InvocationMessage) => {
    void serveInvocation(handler, message);
  });
  for (const flushStream of flush) flushStream();
  post({ kind: 'ready' });
} catch (error) {
  crash('Uncaught Exception ', describeError(error));
}
