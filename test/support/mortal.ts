/** The end of a process: nothing after it happens, until another one takes its place. */
export class Killed extends Error {}

export interface Kill {
  /** The first call is 1. */
  readonly call: number;
  readonly when: 'before' | 'after';
}

/** Watches the calls that a process makes to the world outside, and kills it at one of them. */
export class Mortality {
  readonly calls: string[] = [];
  deaths = 0;
  #kill: Kill | undefined;
  #isWatching = false;
  #isDead = false;

  /** From now on calls count, from 1. */
  watch(kill?: Kill): void {
    this.calls.length = 0;
    this.#kill = kill;
    this.#isWatching = true;
    this.#isDead = false;
  }

  /** From now on nothing counts, and nobody is dead. */
  rest(): void {
    this.#isWatching = false;
    this.#isDead = false;
  }

  /** What takes the place of a dead process. */
  revive(): void {
    this.#isDead = false;
  }

  /** The same object, each of its methods a call under `name.method`. */
  of<Target extends object>(name: string, target: Target): Target {
    return new Proxy(target, {
      get: (_, property) => {
        const member: unknown = Reflect.get(target, property);
        if (typeof member !== 'function') return member;
        return (...given: unknown[]) => {
          if (this.#isDead) throw new Killed();
          const killed = this.#count(`${name}.${String(property)}`);
          if (killed === 'before') this.#die();
          const result: unknown = Reflect.apply(member, target, given);
          return killed === 'after' && result instanceof Promise ? result.then(() => this.#die()) : result;
        };
      },
    });
  }

  #count(call: string): Kill['when'] | undefined {
    if (!this.#isWatching) return undefined;
    this.calls.push(call);
    return this.#kill?.call === this.calls.length ? this.#kill.when : undefined;
  }

  #die(): never {
    this.#isDead = true;
    this.deaths += 1;
    throw new Killed();
  }
}
