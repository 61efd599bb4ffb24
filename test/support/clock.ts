/** A clock that stands still until it is told to move. */
export class Clock {
  #at: number;

  constructor(at: string) {
    this.#at = Date.parse(at);
  }

  readonly now = (): Date => new Date(this.#at);

  advance(seconds: number): void {
    this.#at += seconds * 1000;
  }
}
