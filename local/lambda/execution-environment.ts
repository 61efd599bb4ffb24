import { type ResourceLimits, Worker } from 'node:worker_threads';
import { environmentVariables, type LambdaFunction } from './lambda-function.ts';
import type { FunctionError, InvocationMessage, WorkerMessage } from './messages.ts';

/** How starting or one invocation ended. */
export type Outcome =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly payload: string }
  | { readonly kind: 'error'; readonly error: FunctionError };

/** What ends a worker from outside. */
export interface Limits {
  readonly milliseconds: number;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

const sampleEveryMs = 20;
const bytesPerMegabyte = 2 ** 20;

/**
 * One worker thread that runs one function, one invocation at a time.
 *
 * Memory is that of the worker's own V8 isolate: the heap it has reserved plus external memory (array buffers). It is
 * read from outside every 20 ms, also while the function computes without a pause, and by the worker at the end of
 * each invocation. Peaks between two samples go unseen; the memory that all isolates share (Node itself, about 50 MB
 * on Lambda) is not counted.
 */
export class ExecutionEnvironment {
  readonly #function: LambdaFunction;
  readonly #worker: Worker;
  #settle: ((outcome: Outcome) => void) | undefined;
  /** Set once the worker is bound to end, to what that means for whoever waits. */
  #ending: FunctionError | undefined;
  #isOver = false;
  #isSampling = false;
  #peakBytes = 0;

  constructor(lambdaFunction: LambdaFunction, onLine: (line: string, at: Date) => void) {
    this.#function = lambdaFunction;
    // The shares that Lambda's Node runtime gives V8: 90 % to old objects, three semi-spaces of 5 % to young ones.
    const resourceLimits: ResourceLimits = {
      maxOldGenerationSizeMb: lambdaFunction.memorySize * 0.9,
      maxYoungGenerationSizeMb: lambdaFunction.memorySize * 0.15,
    };
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      env: { ...environmentVariables(lambdaFunction), ...compileCache() },
      execArgv: [],
      resourceLimits,
      // The worker posts what is written; whatever gets past that must not reach the host's own output.
      stdout: true,
      stderr: true,
    });
    this.#worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'line') onLine(message.line, new Date(message.at));
      else this.#receive(message);
    });
    this.#worker.on('error', (error: unknown) => {
      const isMemory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      this.#ending ??= isMemory
        ? { errorType: 'Runtime.OutOfMemory', errorMessage: 'Error: Runtime exited with error: signal: killed' }
        : { errorType: 'Runtime.ExitError', errorMessage: `Error: Runtime exited with error: ${String(error)}` };
      if (isMemory) this.#peakBytes = Math.max(this.#peakBytes, lambdaFunction.memorySize * bytesPerMegabyte);
    });
    // Messages posted before the end are delivered before this event.
    this.#worker.on('exit', (code) => {
      this.#isOver = true;
      this.#ending ??= { errorType: 'Runtime.ExitError', errorMessage: exitMessage(code) };
      this.#settle?.({ kind: 'error', error: this.#ending });
    });
  }

  /** Whether it can take another invocation. */
  get isAlive(): boolean {
    return this.#ending === undefined && !this.#isOver;
  }

  /** Megabytes of 2^20 bytes, rounded up. */
  get peakMegabytes(): number {
    return Math.ceil(this.#peakBytes / bytesPerMegabyte);
  }

  /** Settles when the function has loaded. */
  start(limits: Limits): Promise<Outcome> {
    return this.#until(limits, () => undefined);
  }

  invoke(message: InvocationMessage, limits: Limits): Promise<Outcome> {
    return this.#until(limits, () => {
      this.#worker.postMessage(message);
    });
  }

  /** Keeps the process alive, or lets it end although the worker waits. */
  hold(isHeld: boolean): void {
    if (isHeld) this.#worker.ref();
    else this.#worker.unref();
  }

  async terminate(): Promise<void> {
    this.#end({ errorType: 'Runtime.ExitError', errorMessage: 'Error: The local Lambda was closed' });
    await this.#worker.terminate();
  }

  async #until({ milliseconds, requestId, signal }: Limits, begin: () => void): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#settle = resolve;
    if (this.#isOver && this.#ending) resolve({ kind: 'error', error: this.#ending });
    const seconds = this.#function.timeoutSeconds.toFixed(2);
    const timeLimit = setTimeout(() => {
      this.#end({ errorType: 'Sandbox.Timedout', errorMessage: `Error: Task timed out after ${seconds} seconds` });
    }, milliseconds);
    const sampling = setInterval(() => {
      this.#sample();
    }, sampleEveryMs);
    const onAbort = (): void => {
      this.#end({ errorType: 'Runtime.ExitError', errorMessage: 'Error: The invocation was aborted' });
    };
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    else begin();
    try {
      const outcome = await promise;
      if (outcome.kind !== 'error' || !this.#ending || outcome.error.trace) return outcome;
      const { errorType, errorMessage } = outcome.error;
      return { kind: 'error', error: { errorType, errorMessage: `RequestId: ${requestId} ${errorMessage}` } };
    } finally {
      clearTimeout(timeLimit);
      clearInterval(sampling);
      signal.removeEventListener('abort', onAbort);
      this.#settle = undefined;
    }
  }

  #receive(message: Exclude<WorkerMessage, { kind: 'line' }>): void {
    if (message.kind === 'ready') {
      this.#settle?.(message);
      return;
    }
    this.#peakBytes = Math.max(this.#peakBytes, message.memoryBytes);
    if (message.kind === 'crash') this.#end(message.error);
    else if (message.kind === 'answer') this.#settle?.({ kind: 'answer', payload: message.payload });
    else this.#settle?.({ kind: 'error', error: message.error });
  }

  #end(error: FunctionError): void {
    if (this.#ending) return;
    this.#ending = error;
    void this.#worker.terminate();
  }

  #sample(): void {
    if (this.#isSampling || this.#isOver) return;
    this.#isSampling = true;
    this.#worker
      .getHeapStatistics()
      .then(
        ({ total_heap_size, external_memory }) => {
          this.#peakBytes = Math.max(this.#peakBytes, total_heap_size + external_memory);
          // V8's own limit does not count array buffers; Lambda's does.
          if (this.#peakBytes > this.#function.memorySize * bytesPerMegabyte) {
            this.#end({
              errorType: 'Runtime.OutOfMemory',
              errorMessage: 'Error: Runtime exited with error: signal: killed',
            });
          }
        },
        () => undefined,
      )
      .finally(() => {
        this.#isSampling = false;
      });
  }
}

/** The host's own, which the worker takes out of the function's environment once it has begun. */
function compileCache(): Record<string, string> {
  const { NODE_COMPILE_CACHE } = process.env;
  return NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
}

function exitMessage(code: number): string {
  return code === 0
    ? 'Error: Runtime exited without providing a reason'
    : `Error: Runtime exited with error: exit status ${code}`;
}
