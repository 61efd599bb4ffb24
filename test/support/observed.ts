/** Stands for a process that stops dead: nothing after it happens. */
export class Stopped extends Error {}

/**
 * Watches the calls that a step makes to what it is given, in their order over all of it, and can stop the step at one
 * of them: before the call has any effect, or after all of it.
 */
export class Observer {
  readonly calls: string[] = [];
  readonly #stopAt: { readonly call: number; readonly when: 'before' | 'after' } | undefined;

  constructor(stopAt?: { readonly call: number; readonly when: 'before' | 'after' }) {
    this.#stopAt = stopAt;
  }

  /** The same object, its methods watched under `name.method`. */
  watch<Target extends object>(name: string, target: Target): Target {
    return new Proxy(target, {
      get: (_, property) => {
        const member: unknown = Reflect.get(target, property);
        if (typeof member !== 'function') return member;
        return (...given: unknown[]) => {
          const stops = this.#record(`${name}.${String(property)}`, given[0]);
          if (stops === 'before') throw new Stopped();
          const result: unknown = Reflect.apply(member, target, given);
          return stops === 'after' && result instanceof Promise ? result.then(stop) : result;
        };
      },
    });
  }

  #record(call: string, first: unknown): 'before' | 'after' | undefined {
    this.calls.push(typeof first === 'string' ? `${call} ${first}` : call);
    return this.#stopAt?.call === this.calls.length ? this.#stopAt.when : undefined;
  }
}

function stop(): never {
  throw new Stopped();
}
