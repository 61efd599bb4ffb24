import type { Retrier } from './definition.ts';
import { matches } from './state-failure.ts';

/** Counts the retries of one visit to a state: each retrier has its own attempts. */
export class RetryCounters {
  readonly #retriers: readonly Retrier[];
  readonly #attempts = new Map<Retrier, number>();

  constructor(retriers: readonly Retrier[]) {
    this.#retriers = retriers;
  }

  /** Seconds to pause before the next attempt, or undefined when the first retrier that matches is exhausted or none does. */
  next(error: string): number | undefined {
    const retrier = this.#retriers.find(({ ErrorEquals }) => matches(ErrorEquals, error));
    if (!retrier) return undefined;
    const attempts = this.#attempts.get(retrier) ?? 0;
    if (attempts >= retrier.MaxAttempts) return undefined;
    this.#attempts.set(retrier, attempts + 1);
    const backedOff = retrier.IntervalSeconds * retrier.BackoffRate ** attempts;
    const capped = Math.min(backedOff, retrier.MaxDelaySeconds ?? Infinity);
    return retrier.JitterStrategy === 'FULL' ? Math.random() * capped : capped;
  }
}
