import { meshOutages, RetryableError } from '../errors.ts';
import { MeshBusy } from './failures.ts';

export type Pause = (milliseconds: number) => Promise<unknown>;

/** Before the second and the third attempt. */
const backOffMilliseconds = [500, 1_000];

/** Whoever is asked to wait longer than this leaves it to a later run. */
const longestRetryAfterSeconds = 10;

/**
 * Makes up to three attempts at a call that does no harm when it is repeated.
 *
 * @param run gets the number of the attempt, from 1
 */
export async function attemptRepeatedly<Result>(
  pause: Pause,
  run: (attempt: number) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run(attempt);
    } catch (error) {
      const wait = waitAfter(error, attempt);
      if (wait === undefined) throw error;
      await pause(wait);
    }
  }
}

/** Undefined where another attempt makes no sense. */
function waitAfter(error: unknown, attempt: number): number | undefined {
  const backOff = backOffMilliseconds[attempt - 1];
  if (backOff === undefined || !(error instanceof RetryableError) || !meshOutages.includes(error.name))
    return undefined;
  const retryAfterSeconds = error instanceof MeshBusy ? error.retryAfterSeconds : 0;
  if (retryAfterSeconds > longestRetryAfterSeconds) return undefined;
  // Clients that failed together shall not come back together.
  return Math.max(backOff * (0.75 + Math.random() / 2), retryAfterSeconds * 1_000);
}
