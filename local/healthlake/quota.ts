import { throttled } from './refused.ts';

/** Of one data store, per second; what is left out is not limited. */
export interface Quota {
  /** Create, update and delete, in units of a begun KB of payload. */
  readonly writeUnitsPerSecond?: number;
  /** Reads by id. */
  readonly readsPerSecond?: number;
}

const bytesPerUnit = 1024;

/**
 * What a request takes of the write quota: 1 KB steps of its payload, one for a deletion.
 * Source: AWS HealthLake Developer Guide, "Endpoints and quotas".
 */
export function writeUnits(payload: unknown): number {
  const bytes = payload === undefined ? 0 : Buffer.byteLength(JSON.stringify(payload));
  return Math.max(1, Math.ceil(bytes / bytesPerUnit));
}

/**
 * What a data store lets through. AWS does not say how it measures a second: here what is not used is kept for one
 * second and no longer, and a request larger than a second's quota needs a whole second's.
 */
export class Allowances {
  #quota: Quota = {};
  readonly #writes = new Bucket();
  readonly #reads = new Bucket();

  get quota(): Quota {
    return this.#quota;
  }

  /** Holds from now on, beginning with a full second. */
  set quota(quota: Quota) {
    this.#quota = quota;
    this.#writes.limitTo(quota.writeUnitsPerSecond);
    this.#reads.limitTo(quota.readsPerSecond);
  }

  /** @throws Refused 429 */
  takeWrite(units: number): void {
    if (!this.#writes.take(units)) throw throttled();
  }

  /** @throws Refused 429 */
  takeRead(): void {
    if (!this.#reads.take(1)) throw throttled();
  }
}

class Bucket {
  #perSecond = Infinity;
  #left = Infinity;
  #filledAt = 0;

  limitTo(perSecond = Infinity): void {
    this.#perSecond = perSecond;
    this.#left = perSecond;
    this.#filledAt = performance.now();
  }

  take(units: number): boolean {
    if (this.#perSecond === Infinity) return true;
    const now = performance.now();
    this.#left = Math.min(this.#perSecond, this.#left + ((now - this.#filledAt) / 1000) * this.#perSecond);
    this.#filledAt = now;
    if (this.#left < Math.min(units, this.#perSecond)) return false;
    this.#left -= units;
    return true;
  }
}
