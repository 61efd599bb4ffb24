import { randomUUID } from 'node:crypto';
import { ExecutionEnvironment, type Outcome } from './execution-environment.ts';
import type { LambdaFunction } from './lambda-function.ts';
import type { FunctionError } from './messages.ts';
import { reportLine } from './report-line.ts';

export interface LogLine {
  readonly functionName: string;
  /** Of the invocation it belongs to; for lines written while loading, the one that made the function load. */
  readonly requestId: string;
  readonly at: Date;
  readonly line: string;
}

export interface LambdaHostOptions {
  readonly functions: readonly LambdaFunction[];
  readonly onLog: (entry: LogLine) => void;
}

export interface LambdaHost {
  /**
   * Invokes a function and waits for its answer, as a synchronous invocation does. All its log lines have been handed
   * to `onLog` when this settles. Rejects with the signal's reason when that aborts.
   *
   * @param functionArn with or without a version or alias
   */
  invoke(
    functionArn: string,
    payload: unknown,
    options: { readonly signal: AbortSignal },
  ): Promise<{ readonly payload: unknown } | FunctionError>;
  /** Highest memory use so far by function name, in megabytes of 2^20 bytes; see {@link ExecutionEnvironment}. */
  memoryUsed(): Map<string, number>;
  /** Ends all workers, busy ones too. */
  close(): Promise<void>;
}

/** Limit of a synchronous invocation, for what goes in and what comes out. Source: "Lambda quotas". */
const payloadLimitBytes = 6 * 2 ** 20;
const longestInitMs = 10_000;

/** What exists of one function: its environments, and those of them that wait for work. */
interface Deployed {
  readonly lambdaFunction: LambdaFunction;
  readonly environments: Set<Running>;
  readonly idle: Running[];
  peakMegabytes: number;
}

interface Running {
  readonly environment: ExecutionEnvironment;
  requestId: string;
}

/** Runs Lambda functions in worker threads: one invocation at a time each, kept warm, more of them for calls at once. */
export function createLambdaHost({ functions, onLog }: LambdaHostOptions): LambdaHost {
  const deployed = new Map<string, Deployed>();
  for (const lambdaFunction of functions) {
    deployed.set(lambdaFunction.arn, { lambdaFunction, environments: new Set(), idle: [], peakMegabytes: 0 });
  }
  let isClosed = false;

  const start = (of: Deployed, requestId: string): Running => {
    const running: Running = {
      environment: new ExecutionEnvironment(of.lambdaFunction, (line, at) => {
        onLog({ functionName: of.lambdaFunction.name, requestId: running.requestId, at, line });
      }),
      requestId,
    };
    of.environments.add(running);
    return running;
  };

  /** An environment may have ended while it waited, e.g. by a timer that its function left behind. */
  const takeIdle = (of: Deployed): Running | undefined => {
    for (let idle = of.idle.pop(); idle; idle = of.idle.pop()) {
      if (idle.environment.isAlive) return idle;
      of.environments.delete(idle);
    }
    return undefined;
  };

  const release = (of: Deployed, running: Running): void => {
    const { environment } = running;
    of.peakMegabytes = Math.max(of.peakMegabytes, environment.peakMegabytes);
    if (environment.isAlive) {
      environment.hold(false);
      of.idle.push(running);
    } else of.environments.delete(running);
  };

  const run = async (of: Deployed, functionArn: string, event: string, signal: AbortSignal): Promise<Outcome> => {
    const { name, memorySize, timeoutSeconds } = of.lambdaFunction;
    const requestId = randomUUID();
    const log = (line: string): void => {
      onLog({ functionName: name, requestId, at: new Date(), line });
    };
    const warm = takeIdle(of);
    const running = warm ?? start(of, requestId);
    const { environment } = running;
    running.requestId = requestId;
    environment.hold(true);
    const startedAt = performance.now();
    let outcome: Outcome = { kind: 'ready' };
    let initMs: number | undefined;
    if (!warm) {
      const milliseconds = Math.max(longestInitMs, timeoutSeconds * 1000);
      outcome = await environment.start({ milliseconds, requestId, signal });
      initMs = performance.now() - startedAt;
    }
    log(`START RequestId: ${requestId} Version: ${functionArn.split(':')[7] ?? '$LATEST'}`);
    const invokedAt = performance.now();
    if (outcome.kind === 'ready') {
      const milliseconds = timeoutSeconds * 1000;
      outcome = await environment.invoke(
        { requestId, invokedFunctionArn: functionArn, event, deadline: Date.now() + milliseconds },
        { milliseconds, requestId, signal },
      );
    }
    const durationMs = performance.now() - invokedAt;
    log(`END RequestId: ${requestId}`);
    const errorType = outcome.kind === 'error' && !environment.isAlive ? outcome.error.errorType : undefined;
    log(reportLine({ requestId, durationMs, initMs, memorySize, memoryUsed: environment.peakMegabytes, errorType }));
    release(of, running);
    return outcome;
  };

  return {
    invoke: async (functionArn, payload, { signal }) => {
      if (isClosed) throw new Error('The local Lambda is closed');
      signal.throwIfAborted();
      const of = deployed.get(functionArn.split(':').slice(0, 7).join(':'));
      if (!of) {
        return { errorType: 'Lambda.ResourceNotFoundException', errorMessage: `Function not found: ${functionArn}` };
      }
      const event = payload === undefined ? '{}' : JSON.stringify(payload);
      const eventBytes = Buffer.byteLength(event);
      if (eventBytes > payloadLimitBytes) {
        return {
          errorType: 'Lambda.RequestTooLargeException',
          errorMessage: `Request must be smaller than ${payloadLimitBytes} bytes for the InvokeFunction operation`,
        };
      }
      const outcome = await run(of, functionArn, event, signal);
      signal.throwIfAborted();
      if (outcome.kind === 'error') return outcome.error;
      if (outcome.kind === 'ready') throw new Error('The worker answered out of turn');
      if (Buffer.byteLength(outcome.payload) > payloadLimitBytes) {
        return {
          errorType: 'Function.ResponseSizeTooLarge',
          errorMessage: `Response payload size exceeded maximum allowed payload size (${payloadLimitBytes} bytes).`,
        };
      }
      const answer: unknown = JSON.parse(outcome.payload);
      return { payload: answer };
    },
    memoryUsed: () =>
      new Map([...deployed.values()].map(({ lambdaFunction, peakMegabytes }) => [lambdaFunction.name, peakMegabytes])),
    close: async () => {
      isClosed = true;
      const all = [...deployed.values()].flatMap(({ environments }) => [...environments]);
      await Promise.all(all.map(({ environment }) => environment.terminate()));
    },
  };
}
