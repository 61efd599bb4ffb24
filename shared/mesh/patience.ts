/** Waits for the other side, and only so long. Time that we take ourselves, to read or write a file, does not count. */
export class Patience {
  readonly #milliseconds: number;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** @param giveUp gets an error with the code ETIMEDOUT, and makes the waiting end with it */
  async during<Result>(waiting: Promise<Result>, giveUp: (error: Error) => void): Promise<Result> {
    const timer = setTimeout(() => {
      giveUp(Object.assign(new Error('No sign of life'), { code: 'ETIMEDOUT' }));
    }, this.#milliseconds);
    try {
      return await waiting;
    } finally {
      clearTimeout(timer);
    }
  }
}
