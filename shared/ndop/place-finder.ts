/**
 * Finds the places of values in a sorted list. A few searches halve the list; whoever goes on searching gets an index that
 * divides the list's range into as many cells as it has values: where those are spread evenly, as NHS numbers of a part
 * are, a cell holds one or two.
 */
export class PlaceFinder {
  readonly #sorted: Float64Array;
  readonly #first: number;
  readonly #last: number;
  readonly #cellsPerUnit: number;
  #searchesBeforeIndex: number;
  /** For each cell the place of its first value; one more at the end. */
  #starts: Uint32Array | undefined;

  constructor(sorted: Float64Array) {
    this.#sorted = sorted;
    this.#first = sorted[0] ?? 0;
    this.#last = sorted[sorted.length - 1] ?? 0;
    this.#cellsPerUnit = (sorted.length - 1) / (this.#last - this.#first || 1);
    this.#searchesBeforeIndex = sorted.length / 64;
  }

  /** -1 where the value is absent. */
  placeOf(value: number): number {
    if (!(value >= this.#first && value <= this.#last)) return -1;
    if (this.#searchesBeforeIndex > 0) {
      this.#searchesBeforeIndex -= 1;
      return this.#search(value, 0, this.#sorted.length - 1);
    }
    this.#starts ??= this.#divide();
    const cell = this.#cellOf(value);
    return this.#search(value, this.#starts[cell] ?? 0, (this.#starts[cell + 1] ?? 0) - 1);
  }

  #search(value: number, first: number, last: number): number {
    const sorted = this.#sorted;
    let low = first;
    let high = last;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = sorted[middle] ?? 0;
      if (found === value) return middle;
      if (found < value) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #cellOf(value: number): number {
    return ((value - this.#first) * this.#cellsPerUnit) | 0;
  }

  #divide(): Uint32Array {
    const sorted = this.#sorted;
    const starts = new Uint32Array(sorted.length + 1);
    let cell = 0;
    for (let place = 0; place < sorted.length; place += 1) {
      const itsCell = this.#cellOf(sorted[place] ?? 0);
      for (; cell < itsCell; cell += 1) starts[cell + 1] = place;
    }
    starts.fill(sorted.length, cell + 1);
    return starts;
  }
}
