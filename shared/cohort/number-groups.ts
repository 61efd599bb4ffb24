/** What there is to say of a person who has several numbers. */
export interface OthersOfPerson {
  /** Whose answers count for this person too. */
  readonly nhsNumbers: readonly number[];
  /** Whether the person has a number that cannot be asked about, since the service refused it. */
  readonly hasRefused: boolean;
}

/** Numbers that are one person's: each stands in one group. */
export class NumberGroups {
  /** Sorted. */
  readonly nhsNumbers: Float64Array;
  readonly #refused: Pick<ReadonlySet<number>, 'has'>;
  /** By place of a number. */
  readonly #groups: Uint32Array;
  /** Places of numbers, group by group, and for each group where it begins among them. */
  readonly #members: Uint32Array;
  readonly #starts: Uint32Array;
  readonly #people: Uint8Array;
  #next = 0;

  /**
   * @param nhsNumbers sorted
   * @param groupIds what the numbers of a group have in common, in the same order
   */
  constructor(nhsNumbers: Float64Array, groupIds: Uint32Array, refused: Pick<ReadonlySet<number>, 'has'>) {
    this.nhsNumbers = nhsNumbers;
    this.#refused = refused;
    this.#members = Uint32Array.from(groupIds, (_, place) => place).sort(
      (one, other) => (groupIds[one] ?? 0) - (groupIds[other] ?? 0) || one - other,
    );
    this.#groups = new Uint32Array(nhsNumbers.length);
    const starts: number[] = [];
    let before: number | undefined;
    for (const [index, place] of this.#members.entries()) {
      if (groupIds[place] !== before) starts.push(index);
      before = groupIds[place];
      this.#groups[place] = starts.length - 1;
    }
    this.#starts = Uint32Array.from([...starts, nhsNumbers.length]);
    this.#people = new Uint8Array(starts.length);
  }

  /**
   * The others of the next person of the cohort; undefined for a person with one number alone.
   *
   * @param nhsNumber higher than the one before: people come in order
   */
  take(nhsNumber: number): OthersOfPerson | undefined {
    const { nhsNumbers } = this;
    while ((nhsNumbers[this.#next] ?? Infinity) < nhsNumber) this.#next += 1;
    if (nhsNumbers[this.#next] !== nhsNumber) return undefined;
    const group = this.#groups[this.#next] ?? 0;
    this.#people[group] = (this.#people[group] ?? 0) + 1;
    const others = this.#membersOf(group).filter((member) => member !== nhsNumber);
    const askable = others.filter((member) => !this.#refused.has(member));
    return { nhsNumbers: askable, hasRefused: askable.length < others.length };
  }

  /**
   * How many numbers of all people so far count for somebody else: asked about for another's sake, or refused by the
   * service and so holding another back.
   */
  count(): { readonly asked: number; readonly refused: number } {
    let asked = 0;
    let refused = 0;
    for (const [group, people] of this.#people.entries()) {
      if (people === 0) continue;
      const members = this.#membersOf(group);
      const askable = members.filter((member) => !this.#refused.has(member)).length;
      // The number of the only person counts for nobody else.
      asked += people === 1 ? askable - 1 : askable;
      refused += members.length - askable;
    }
    return { asked, refused };
  }

  #membersOf(group: number): number[] {
    return Array.from(
      this.#members.subarray(this.#starts[group], this.#starts[group + 1]),
      (place) => this.nhsNumbers[place] ?? 0,
    );
  }
}
