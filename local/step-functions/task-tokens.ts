import { randomBytes } from 'node:crypto';
import type { Json } from './json.ts';
import { StateFailure } from './state-failure.ts';

/** A task that waits to be told its result from outside. */
export interface WaitingTask {
  readonly token: string;
  readonly result: Promise<Json>;
  /** The task is over: whoever still reports to it is told so. */
  close(): void;
}

interface Answering {
  readonly resolve: (output: Json) => void;
  readonly reject: (failure: StateFailure) => void;
}

/** The tokens handed out so far, and who waits for each. */
export class TaskTokens {
  readonly #waiting = new Map<string, Answering>();
  readonly #closed = new Set<string>();

  issue(): WaitingTask {
    const token = randomBytes(96).toString('base64');
    const { promise, resolve, reject } = Promise.withResolvers<Json>();
    // The report may come before anybody awaits it.
    promise.catch(() => undefined);
    this.#waiting.set(token, { resolve, reject });
    return {
      token,
      result: promise,
      close: () => {
        this.#waiting.delete(token);
        this.#closed.add(token);
      },
    };
  }

  succeed(token: string, output: Json): 'accepted' | 'closed' | 'unknown' {
    return this.#answer(token, ({ resolve }) => {
      resolve(output);
    });
  }

  fail(token: string, error: string, cause: string): 'accepted' | 'closed' | 'unknown' {
    return this.#answer(token, ({ reject }) => {
      reject(new StateFailure(error, cause));
    });
  }

  #answer(token: string, answer: (waiting: Answering) => void): 'accepted' | 'closed' | 'unknown' {
    const waiting = this.#waiting.get(token);
    if (!waiting) return this.#closed.has(token) ? 'closed' : 'unknown';
    this.#waiting.delete(token);
    this.#closed.add(token);
    answer(waiting);
    return 'accepted';
  }
}
