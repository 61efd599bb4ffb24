import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Killed, type Kill } from '../support/mortal.ts';
import { day, people, Weeks } from '../support/weeks.ts';

/** What happens after some days: a run about everybody, one whose second part gets no answer, or a drain. */
interface Event {
  readonly daysBefore: number;
  readonly what: 'run' | 'half a run' | 'rebuild' | 'drain';
  /** Who has opted out nationally by then. */
  readonly optedOut: ReadonlySet<number>;
  /** A drain that is killed at one of its calls. */
  readonly kill?: Kill | undefined;
}

const anyEvent: fc.Arbitrary<Event> = fc.record({
  daysBefore: fc.constantFrom(1, 3, 7, 12, 22, 31),
  what: fc.constantFrom('run', 'half a run', 'rebuild', 'drain', 'drain', 'drain'),
  optedOut: fc.subarray([...people]).map((some) => new Set(some)),
  kill: fc.option(fc.record({ call: fc.integer({ min: 1, max: 40 }), when: fc.constantFrom('before', 'after') }), {
    nil: undefined,
  }),
});

/** Of each person the newest answer, and when it was asked for. */
type Answers = Map<number, { readonly sentAt: number; readonly isOptedOut: boolean }>;

const after = (from: number, days: number) => from + days * day * 1000;

async function live(pipeline: Weeks, event: Event, number: number, answers: Answers): Promise<void> {
  const { daysBefore, what, optedOut, kill } = event;
  pipeline.clock.advance(daysBefore * day);
  const sentAt = pipeline.clock.now().getTime();
  const start = pipeline.next(`${what} ${number}`);
  if (what === 'drain') {
    pipeline.mortality.watch(kill);
    await pipeline.expire(`arn:execution:drain ${number}`).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
      // It died: what it holds runs out before anybody comes.
      pipeline.ledger.mailbox.lease = undefined;
    });
    pipeline.mortality.rest();
    pipeline.clock.advance(3_600);
    return;
  }
  if (what === 'rebuild') {
    await pipeline.rebuildAll(people);
    return;
  }
  await (what === 'run' ? pipeline.run(people, optedOut, start) : pipeline.runHalf(optedOut));
  for (const person of what === 'run' ? people : people.slice(0, 4)) {
    answers.set(person, { sentAt, isOptedOut: optedOut.has(person) });
  }
}

it('whatever weeks go by and wherever drains stop, nothing too old is usable and no opt-out is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEvent, { minLength: 1, maxLength: 8 }), async (events) => {
      const pipeline = new Weeks();
      const answers: Answers = new Map();
      for (const [number, event] of events.entries()) {
        await live(pipeline, event, number, answers);
        if (event.what === 'run') {
          expect(pipeline.statuses()).toEqual(people.map((each) => (event.optedOut.has(each) ? 'active' : 'inactive')));
        }
      }
      await live(pipeline, { daysBefore: 1, what: 'drain', optedOut: new Set() }, events.length, answers);
      const statuses = pipeline.statuses();
      const drainedAt = pipeline.clock.now().getTime() - 3_600_000;
      const isAgeKnown = !events.some(({ what }) => what === 'rebuild');
      for (const [place, person] of people.entries()) {
        const { sentAt, isOptedOut } = answers.get(person) ?? { sentAt: 0, isOptedOut: false };
        const isVouchedFor = drainedAt <= after(sentAt, 21);
        if (!isVouchedFor || isOptedOut) expect(statuses[place]).not.toBe('inactive');
        if (isOptedOut && drainedAt <= after(sentAt, 51)) expect(statuses[place]).toBe('active');
        if (!isOptedOut && isVouchedFor && isAgeKnown) expect(statuses[place]).toBe('inactive');
        if (!isOptedOut) expect(statuses[place]).not.toBe('active');
      }
    }),
    { numRuns: 150 },
  );
}, 120_000);
