/** The time of day inside MESH: the real one, and further on by whatever it was moved. Tokens keep to the real one. */
export class Clock {
  #aheadMilliseconds = 0;

  now(): Date {
    return new Date(Date.now() + this.#aheadMilliseconds);
  }

  /** @throws RangeError where time would run backwards */
  advance(seconds: number): void {
    if (!(seconds >= 0 && Number.isFinite(seconds))) throw new RangeError('The clock moves forward only');
    this.#aheadMilliseconds += seconds * 1000;
  }
}
