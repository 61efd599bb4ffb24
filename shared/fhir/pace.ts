const firstPauseMilliseconds = 200;
export const longestPauseMilliseconds = 20_000;

/** Full jitter: anything up to the doubled pause, so that callers who failed together do not return together. */
export function pauseBefore(attempt: number): number {
  return Math.random() * Math.min(longestPauseMilliseconds, firstPauseMilliseconds * 2 ** (attempt - 1));
}

/** How long before another try: with jitter, and not before we were asked to be back. */
export function pauseAfter(attempt: number, leastMilliseconds: number): number {
  return Math.min(longestPauseMilliseconds, leastMilliseconds + pauseBefore(attempt));
}

/**
 * How many calls to a store may be under way at once: one more after each round of successes, half as many after
 * throttling, never more than the ceiling and never fewer than one. Even one may be too many where answers come fast: so
 * after throttling none begins for a moment, and for longer while nothing succeeds.
 */
export class Pace {
  readonly #ceiling: number;
  readonly #sleep: (milliseconds: number) => Promise<unknown>;
  /** Whole calls count; the fraction is what successes have added so far. */
  #atOnce: number;
  #underWay = 0;
  /** Calls are numbered in the order in which they begin. */
  #begun = 0;
  #endedLast = 0;
  #begunWhenSlowed = 0;
  #slowedInARow = 0;
  #moments = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(ceiling: number, sleep: (milliseconds: number) => Promise<unknown>) {
    this.#ceiling = ceiling;
    this.#sleep = sleep;
    this.#atOnce = ceiling;
  }

  /** Makes a call when its turn has come; until then it waits behind those that asked earlier. */
  async take<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.#admit();
    });
    const number = (this.#begun += 1);
    try {
      return await call();
    } finally {
      this.#endedLast = number;
      this.#underWay -= 1;
      this.#admit();
    }
  }

  /** A call has succeeded: so many successes as may be under way make room for one more. */
  succeeded(): void {
    this.#slowedInARow = 0;
    this.#atOnce = Math.min(this.#ceiling, this.#atOnce + 1 / this.#atOnce);
    this.#admit();
  }

  /**
   * The call that ended last was throttled. Those that were under way at the last slowing were sent at the old pace: their
   * throttling says nothing new.
   *
   * @param leastPauseMilliseconds how long the store asked to be left alone
   */
  throttled(leastPauseMilliseconds = 0): void {
    if (this.#endedLast <= this.#begunWhenSlowed) return;
    this.#begunWhenSlowed = this.#begun;
    this.#atOnce = Math.max(1, this.#atOnce / 2);
    this.#slowedInARow += 1;
    void this.#waitAMoment(pauseAfter(this.#slowedInARow, leastPauseMilliseconds));
  }

  async #waitAMoment(milliseconds: number): Promise<void> {
    this.#moments += 1;
    await this.#sleep(milliseconds);
    this.#moments -= 1;
    this.#admit();
  }

  #admit(): void {
    while (this.#moments === 0 && this.#underWay < Math.floor(this.#atOnce)) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#underWay += 1;
      next();
    }
  }
}
