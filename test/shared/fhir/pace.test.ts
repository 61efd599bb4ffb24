import { describe, expect, it, test } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { Pace } from '../../../shared/fhir/pace.ts';

/** Calls at a pace that end when they are told to. */
class Calls {
  readonly pace: Pace;
  readonly begun: number[] = [];
  readonly #ends = new Map<number, () => void>();
  #asked = 0;

  constructor(ceiling: number, sleep: () => Promise<unknown> = () => Promise.resolve()) {
    this.pace = new Pace(ceiling, sleep);
  }

  async ask(count: number): Promise<void> {
    for (let each = 0; each < count; each += 1) {
      const name = (this.#asked += 1);
      void this.pace.take(() => {
        this.begun.push(name);
        return new Promise<void>((resolve) => this.#ends.set(name, resolve));
      });
    }
    await setImmediate();
  }

  get underWay(): readonly number[] {
    return [...this.#ends.keys()];
  }

  /** Ends the call that has been under way longest. */
  async end(how: 'succeeded' | 'throttled' | 'failed'): Promise<void> {
    const [first] = this.#ends;
    if (!first) throw new Error('No call is under way');
    const [name, finish] = first;
    this.#ends.delete(name);
    finish();
    await setImmediate();
    if (how !== 'failed') this.pace[how]();
    await setImmediate();
  }

  async endAll(how: 'succeeded' | 'throttled'): Promise<void> {
    while (this.#ends.size > 0) await this.end(how);
  }

  /** How many may be under way at present. */
  async room(): Promise<number> {
    await this.ask(100);
    return this.#ends.size;
  }
}

describe('calls', () => {
  it('begin in the order in which they were asked for', async () => {
    const calls = new Calls(2);
    await calls.ask(5);
    expect(calls.underWay).toEqual([1, 2]);
    await calls.endAll('succeeded');
    expect(calls.begun).toEqual([1, 2, 3, 4, 5]);
  });

  it('make way for the next where they fail', async () => {
    const pace = new Pace(1, () => Promise.resolve());
    await expect(pace.take(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await pace.take(() => Promise.resolve('next'))).toBe('next');
  });
});

describe('throttling', () => {
  test.each([
    { ceiling: 8, left: 4 },
    { ceiling: 3, left: 1 },
    { ceiling: 1, left: 1 },
  ])('leaves $left of $ceiling', async ({ ceiling, left }) => {
    const calls = new Calls(ceiling);
    await calls.ask(1);
    await calls.end('throttled');
    expect(await calls.room()).toBe(left);
  });

  it('of all that are under way at once halves once, and of the next halves again', async () => {
    const calls = new Calls(8);
    await calls.ask(8);
    await calls.endAll('throttled');
    await calls.ask(4);
    expect(calls.underWay).toHaveLength(4);
    await calls.endAll('throttled');
    expect(await calls.room()).toBe(2);
  });

  it('lets nothing begin for a moment, and for longer while nothing succeeds', async () => {
    const moments: { milliseconds: number; end: () => void }[] = [];
    const pace = new Pace(2, (milliseconds) => new Promise<void>((end) => moments.push({ milliseconds, end })));
    const isThrottled = async () => {
      await pace.take(() => Promise.resolve());
      pace.throttled();
    };
    await isThrottled();
    let hasBegun = false;
    const next = pace.take(() => {
      hasBegun = true;
      return Promise.resolve();
    });
    await setImmediate();
    expect(hasBegun).toBe(false);
    moments[0]?.end();
    await next;
    expect(hasBegun).toBe(true);
    for (let each = 1; each < 30; each += 1) {
      pace.throttled();
      moments[each]?.end();
      await setImmediate();
      await pace.take(() => Promise.resolve());
    }
    const [first = 0, ...others] = moments.map(({ milliseconds }) => milliseconds);
    expect(first).toBeLessThan(200);
    expect(Math.max(...others)).toBeGreaterThan(200);
    expect(Math.max(...others)).toBeLessThanOrEqual(20_000);
    pace.succeeded();
    pace.throttled();
    expect(moments.at(-1)?.milliseconds).toBeLessThan(200);
  });

  it('lets nothing begin for as long as the store has asked for', async () => {
    const moments: number[] = [];
    const pace = new Pace(2, (milliseconds) => Promise.resolve(moments.push(milliseconds)));
    await pace.take(() => Promise.resolve());
    pace.throttled(5_000);
    expect(moments[0]).toBeGreaterThanOrEqual(5_000);
  });

  test.each([
    { successes: 0, room: 4 },
    { successes: 4, room: 4 },
    { successes: 5, room: 5 },
    { successes: 11, room: 6 },
    { successes: 100, room: 8 },
  ])('is made up for by $successes successes so far that $room of eight may', async ({ successes, room }) => {
    const calls = new Calls(8);
    await calls.ask(1);
    await calls.end('throttled');
    for (let each = 0; each < successes; each += 1) {
      await calls.ask(1);
      await calls.end('succeeded');
    }
    expect(await calls.room()).toBe(room);
  });
});

it('whatever comes of calls, none waits for ever, one always may, and never more than the ceiling', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.constantFrom('succeeded', 'throttled', 'failed'), { maxLength: 40 }),
      async (ceiling, ends) => {
        const calls = new Calls(ceiling);
        await calls.ask(ends.length);
        for (const how of ends) {
          expect(calls.underWay.length).toBeGreaterThanOrEqual(1);
          expect(calls.underWay.length).toBeLessThanOrEqual(ceiling);
          await calls.end(how);
        }
        expect(calls.begun).toHaveLength(ends.length);
        expect(calls.underWay).toEqual([]);
      },
    ),
    { numRuns: 50 },
  );
});
