import type { Faults } from './faults.ts';
import type { Call } from './interactions.ts';
import { Allowances, writeUnits } from './quota.ts';
import { Refused, throttled } from './refused.ts';

/** What a test reads of admission, counted since the start. */
export interface AdmissionCounters {
  /** Resources answered with 429, as entries of a batch or alone. */
  throttledEntries: number;
  /** Units of the write quota that were let through. */
  writeUnits: number;
}

/** Decides whether a resource is dealt with at all, before anybody looks at what it says. */
export class Admission {
  readonly allowances = new Allowances();
  readonly #faults: Faults;
  readonly #counters: AdmissionCounters;

  constructor(faults: Faults, counters: AdmissionCounters) {
    this.#faults = faults;
    this.#counters = counters;
  }

  /**
   * @param at position in the batch, for an entry
   * @throws Refused
   */
  admit(call: Call, at?: number): void {
    try {
      this.refuseByFault(call, at);
      this.#charge(call);
    } catch (error) {
      if (error instanceof Refused && error.status === 429) this.#counters.throttledEntries += 1;
      throw error;
    }
  }

  /** @throws Refused where a test has asked for it */
  refuseByFault({ method, segments: [, id] }: Pick<Call, 'method' | 'segments'>, at?: number): void {
    const fault = this.#faults.takeEntryFault({ method, id, at });
    switch (fault?.kind) {
      case undefined:
        return;
      case 'entry-throttle':
        throw throttled();
      case 'entry-refuse':
        throw new Refused(fault.status ?? 400, { code: 'business-rule', diagnostics: 'The resource was refused' });
    }
  }

  /** Searches and operations have quotas of their own, which are not imitated. */
  #charge({ method, segments: [, id], resource }: Call): void {
    if (id?.startsWith('_') === true || id?.startsWith('$') === true) return;
    if (method === 'GET') {
      if (id !== undefined) this.allowances.takeRead();
      return;
    }
    const units = writeUnits(resource);
    this.allowances.takeWrite(units);
    this.#counters.writeUnits += units;
  }
}
