/** So many times the silence that is borne, all waiting for one answer may take. */
const longestAnswer = 10;

/**
 * Waits for the other side of one call, and only so long at a time and in all: a peer that sends a byte now and then would
 * hold the mailbox for ever. Time that we take ourselves, to read or write a file, does not count.
 */
export class Patience {
  readonly #milliseconds: number;
  #left: number;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
    this.#left = longestAnswer * milliseconds;
  }

  /** @param giveUp gets an error with the code ETIMEDOUT; the waiting ends with it, whatever becomes of what is waited for */
  async during<Result>(waiting: Promise<Result>, giveUp: (error: Error) => void): Promise<Result> {
    const began = performance.now();
    const silence = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => {
        const error = Object.assign(new Error('No sign of life'), { code: 'ETIMEDOUT' });
        silence.reject(error);
        giveUp(error);
      },
      Math.min(this.#milliseconds, this.#left),
    );
    try {
      return await Promise.race([waiting, silence.promise]);
    } finally {
      clearTimeout(timer);
      this.#left = Math.max(1, this.#left - (performance.now() - began));
    }
  }
}
