import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { consentIdOf, parseIdKey } from '../../shared/fhir/consent-id.ts';
import { isTagged } from '../../shared/fhir/record-of-consent.ts';
import { PermanentError, RetryableError } from '../../shared/errors.ts';
import type { CompletedRun } from '../../shared/fhir/run-marker.ts';
import { InMemoryFhirStore } from '../support/in-memory-fhir-store.ts';
import type { SentMessage } from '../support/in-memory-mesh.ts';
import { Killed, Mortality, type Kill } from '../support/mortal.ts';
import { samplePeople } from '../support/nhs-numbers.ts';
import { InMemoryPipeline } from '../support/pipeline.ts';

const day = 86_400;
const maxAge = 21 * day * 1000;
const idKey = parseIdKey('07'.repeat(32));
const namespace = 'https://fhir.example.nhs.uk/ndop';
const people = [...samplePeople].sort((a, b) => a - b);

/** What the national service has said of the people of one part. */
interface Answer {
  readonly runId: string;
  readonly part: number;
  readonly sentAt: number;
  readonly cleared: ReadonlySet<number>;
  readonly optedOut: ReadonlySet<number>;
}

/**
 * The pipeline, and beside it a consumer who looks at everybody after every single thing that happens in the FHIR store,
 * and who goes by the decision table of docs/consumers.md.
 */
class Watched extends InMemoryPipeline {
  readonly mortality = new Mortality();
  readonly answers: Answer[] = [];
  /** Answers that a run has completed with, so that its marker vouches for them. */
  readonly completed: Answer[] = [];
  /** Runs that have completed in all their parts, and when they asked: nobody else is in their cohort. */
  readonly wholeRuns = new Map<string, number>();
  looks = 0;
  uses = 0;
  answersTheSecondPart = true;
  override readonly store = this.mortality.of(
    'store',
    new LookedAt(() => {
      this.look();
    }),
  );

  constructor() {
    super({ partRows: 4 });
  }

  override deps() {
    const deps = super.deps();
    const { files, runs, parts, latest, writes, consentWrites, mailbox } = deps;
    const mortal = Object.entries({ files, runs, parts, latest, writes, consentWrites, mailbox }).map(
      ([name, target]) => [name, this.mortality.of(name, target)],
    );
    const { postMarker } = this.mortality.of('given', {
      postMarker: async (marker: CompletedRun) => {
        this.markers.push(marker);
        if (marker.outcome.startsWith('Completed')) await this.#complete(marker.runId);
        this.look();
      },
    });
    return { ...deps, ...(Object.fromEntries(mortal) as Partial<typeof deps>), postMarker };
  }

  override answer(message: SentMessage, optedOut: ReadonlySet<number>): void {
    const rows = message.body.toString('latin1').split('\r\n').slice(0, -1);
    const asked = rows.map((row) => Number(row.slice(0, 10)));
    const isSecond = message.control.localId.includes('-0002-');
    if (isSecond && !this.answersTheSecondPart) return;
    this.answers.push({
      runId: this.runId,
      part: isSecond ? 2 : 1,
      sentAt: this.clock.now().getTime(),
      cleared: new Set(asked.filter((person) => !optedOut.has(person))),
      optedOut: new Set(asked.filter((person) => optedOut.has(person))),
    });
    super.answer(message, optedOut);
  }

  /** An answer that waits in the inbox is none that the run went by. */
  async #complete(runId: string): Promise<void> {
    const parts = await this.ledger.parts.list(runId);
    const isReconciled = (number: number) => parts.some(({ part, state }) => part === number && state === 'reconciled');
    const answers = this.answers.filter((answer) => answer.runId === runId && isReconciled(answer.part));
    this.completed.push(...answers);
    if (parts.every(({ state }) => state === 'reconciled')) {
      this.wholeRuns.set(runId, Math.min(...answers.map(({ sentAt }) => sentAt)));
    }
  }

  /** The decision table: the newest marker first, then the Consent. */
  mayUse(person: number): boolean {
    const now = this.clock.now().getTime();
    const marker = this.markers.at(-1);
    if (!marker || now >= Date.parse(marker.asAt) + maxAge) return false;
    const consent = this.consents.get(consentIdOf(person, idKey));
    return consent !== undefined && isTagged(consent, namespace) && consent.status === 'inactive';
  }

  look(): void {
    this.looks += 1;
    for (const person of people) {
      if (!this.mayUse(person)) continue;
      this.uses += 1;
      const breach = this.#breach(person);
      if (breach) throw new Error(`A consumer would use the data of somebody ${breach}`);
    }
  }

  /** Why the data of somebody may not be used, whatever the FHIR store says. */
  #breach(person: number): string | undefined {
    const now = this.clock.now().getTime();
    const clearing = this.answers.filter(({ cleared }) => cleared.has(person));
    const newest = Math.max(...clearing.map(({ sentAt }) => sentAt));
    if (clearing.length === 0) return 'of whom no answer ever said that they have not opted out';
    if (now - newest > maxAge) return 'of whom that was last said more than 21 days ago';
    const later = this.completed.filter(({ sentAt }) => sentAt > newest);
    if (later.some(({ optedOut }) => optedOut.has(person))) return 'who is known to have opted out since';
    const isForgotten = [...this.wholeRuns.values()].some((sentAt) => sentAt > newest);
    return isForgotten ? 'about whom a later run no longer asked' : undefined;
  }
}

/** Tells of everything that was carried out. */
class LookedAt extends InMemoryFhirStore {
  readonly #look: () => void;

  constructor(look: () => void) {
    super();
    this.#look = look;
  }

  override async postBundle(bundle: object): Promise<unknown> {
    const answer = await super.postBundle(bundle);
    this.#look();
    return answer;
  }
}

interface Event {
  readonly daysBefore: number;
  readonly what: 'run' | 'half a run' | 'rewrite' | 'resume' | 'rebuild' | 'drain';
  readonly cohort: readonly number[];
  readonly optedOut: ReadonlySet<number>;
  /** People whose Consents the store refuses to write, and refuses to delete. */
  readonly refusedPuts: readonly number[];
  readonly refusedDeletes: readonly number[];
  readonly kill: Kill | undefined;
}

const anyEvent: fc.Arbitrary<Event> = fc.record({
  daysBefore: fc.constantFrom(0, 1, 7, 7, 10, 20, 22, 31),
  what: fc.constantFrom('run', 'run', 'run', 'half a run', 'rewrite', 'resume', 'resume', 'rebuild', 'drain', 'drain'),
  cohort: fc.oneof(fc.constant(people), fc.subarray(people, { minLength: 5 })),
  optedOut: fc.subarray(people).map((some) => new Set(some)),
  refusedPuts: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.subarray(people, { maxLength: 3 })),
  refusedDeletes: fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, fc.subarray(people, { maxLength: 3 })),
  kill: fc.option(fc.record({ call: fc.integer({ min: 1, max: 140 }), when: fc.constantFrom('before', 'after') }), {
    nil: undefined,
  }),
});

const stoppedAtTheEnd: Event = {
  ...{ daysBefore: 0, what: 'run', optedOut: new Set([people[4]!]), refusedPuts: [], refusedDeletes: [] },
  cohort: people.slice(2, 7),
  kill: { call: 132, when: 'before' },
};

async function live(pipeline: Watched, event: Event, number: number): Promise<void> {
  pipeline.clock.advance(event.daysBefore * day);
  pipeline.look();
  pipeline.execution = `arn:execution:${number}`;
  pipeline.answersTheSecondPart = event.what !== 'half a run';
  const refused = new Set([
    ...event.refusedPuts.map((person) => `PUT Consent/${consentIdOf(person, idKey)}`),
    ...event.refusedDeletes.map((person) => `DELETE Consent/${consentIdOf(person, idKey)}`),
  ]);
  pipeline.store.faults.onEntry = ({ request }) =>
    refused.has(`${request.method} ${request.url}`) ? { status: '422' } : undefined;
  pipeline.mortality.watch(event.kill);
  try {
    await carryOut(pipeline, event);
  } catch (error) {
    const isNamed = error instanceof PermanentError || error instanceof RetryableError;
    if (!isNamed && !(error instanceof Killed)) throw error;
  }
  pipeline.mortality.rest();
  pipeline.store.faults = {};
  // Whatever died is gone by then, and the machine has recorded that it failed.
  pipeline.ledger.mailbox.lease = undefined;
  pipeline.clock.advance(3600);
  pipeline.look();
}

async function carryOut(pipeline: Watched, { what, cohort, optedOut }: Event): Promise<void> {
  switch (what) {
    case 'run':
    case 'half a run':
    case 'rewrite': {
      await pipeline.open({ trigger: 'console', reason: 'test', ...(what === 'rewrite' ? { rewrite: true } : {}) });
      for (const part of await pipeline.ask(cohort, optedOut)) await pipeline.reconcile(part);
      await pipeline.writeAll((await pipeline.weigh()).files);
      return;
    }
    case 'resume': {
      if (pipeline.runId === '') return;
      await pipeline.open({ trigger: 'console', mode: 'resume', resumeRunId: pipeline.runId, reason: 'test' });
      const rows = await pipeline.ledger.parts.list(pipeline.runId);
      for (const { part, state } of rows) if (state === 'answered') await pipeline.reconcile(part);
      if (rows.some(({ state }) => state === 'reconciled' || state === 'answered')) {
        await pipeline.writeAll((await pipeline.weigh()).files);
      }
      return;
    }
    case 'rebuild':
      await pipeline.rebuildAll(cohort);
      return;
    case 'drain':
      await pipeline.expire(pipeline.execution);
  }
}

it('whoever follows the decision table uses nobody’s data who has opted out, at no moment of any history', async () => {
  const total = { looks: 0, uses: 0, deaths: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(anyEvent, { minLength: 1, maxLength: 9 }), async (events) => {
      const pipeline = new Watched();
      for (const [number, event] of events.entries()) await live(pipeline, event, number);
      total.looks += pipeline.looks;
      total.uses += pipeline.uses;
      total.deaths += pipeline.mortality.deaths;
      // And nothing is wrong for good: whatever has happened, a rebuild and a run put all right.
      const calm = { ...events.at(-1)!, cohort: people, kill: undefined, refusedPuts: [], refusedDeletes: [] };
      const last = { ...calm, what: 'run', daysBefore: 1 } as const;
      await live(pipeline, { ...last, what: 'rebuild' }, events.length);
      await live(pipeline, last, events.length + 1);
      for (const person of people) expect(pipeline.mayUse(person)).toBe(!last.optedOut.has(person));
    }),
    {
      numRuns: 150,
      // A run that stopped between its last two words, and the next.
      examples: [[[stoppedAtTheEnd, { ...stoppedAtTheEnd, cohort: people, kill: undefined }]]],
    },
  );
  // The property would hold of a store that nobody may ever use.
  expect(total.uses).toBeGreaterThan(200);
  expect(total.deaths).toBeGreaterThan(20);
}, 180_000);
