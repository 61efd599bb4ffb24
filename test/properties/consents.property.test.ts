import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { KeyObject } from 'node:crypto';
import { consentIdOf } from '../../shared/fhir/consent-id.ts';
import { iterate } from '../support/bodies.ts';
import type { SentMessage } from '../support/in-memory-mesh.ts';
import { anyPeople, digitsOf } from '../support/nhs-numbers.ts';
import { InMemoryPipeline, jobNotice, patientIdOf } from '../support/pipeline.ts';

/** A month as it is drawn: who is in the store, whose record was replaced by whose, and who has opted out nationally. */
interface Month {
  readonly daysBefore: number;
  readonly patients: readonly { readonly nhsNumber: number; readonly replacedBy?: number }[];
  readonly optedOut: ReadonlySet<number>;
  readonly partRows: number;
  /** Seed of the order in which rows come back. */
  readonly order: number;
}

const anyMonth = (everybody: readonly number[]): fc.Arbitrary<Month> =>
  fc
    .record({
      daysBefore: fc.constantFrom(1, 7, 23, 30, 31),
      present: fc.subarray([...everybody], { minLength: 1 }),
      replaced: fc.dictionary(fc.constantFrom(...everybody.map(String)), fc.constantFrom(...everybody), { maxKeys: 5 }),
      optedOut: fc.subarray([...everybody]),
      partRows: fc.integer({ min: 1, max: everybody.length }),
      order: fc.nat(),
    })
    .map(({ present, replaced, optedOut, ...month }) => ({
      ...month,
      optedOut: new Set(optedOut),
      patients: present.map((nhsNumber) => {
        const replacedBy = replaced[String(nhsNumber)];
        return replacedBy === undefined || replacedBy === nhsNumber ? { nhsNumber } : { nhsNumber, replacedBy };
      }),
    }));

const anyMonths = anyPeople(24, 2).chain((everybody) => fc.array(anyMonth(everybody), { minLength: 1, maxLength: 5 }));

/** The pipeline, with a service that sends rows back in any order, and a store whose Patients may replace one another. */
class Months extends InMemoryPipeline {
  month: Month;

  constructor(first: Month) {
    super();
    this.month = first;
  }

  override deps() {
    const { patients, partRows } = this.month;
    const rows = patients.map(({ nhsNumber, replacedBy }) =>
      [digitsOf(nhsNumber), patientIdOf(nhsNumber), replacedBy === undefined ? '' : patientIdOf(replacedBy)].join(','),
    );
    const file = Buffer.from(`${['nhsNumber,patientId,replacedBy', ...rows].join('\n')}\n`);
    return { ...super.deps(), partRows, openCohort: () => iterate([iterate([file])]) };
  }

  override answer({ control, body }: SentMessage, optedOut: ReadonlySet<number>): void {
    const rows = body.toString('latin1').split('\r\n').slice(0, -1);
    const kept = rows.filter((row) => !optedOut.has(Number(row.slice(0, 10))));
    const shuffled = fc.sample(fc.shuffledSubarray(kept, { minLength: kept.length }), {
      numRuns: 1,
      seed: this.month.order,
    })[0]!;
    this.mesh.deliver({ localId: control.localId, subject: 'SUCCESS' }, jobNotice());
    this.mesh.deliver({ localId: control.localId }, shuffled.map((row) => `${row}\r\n`).join(''));
  }

  async live(month: Month) {
    this.month = month;
    this.clock.advance(month.daysBefore * 86_400);
    this.execution = `arn:execution:${this.clock.now().toISOString()}`;
    await this.run([], month.optedOut, { trigger: 'console', reason: 'the next month' });
    const { reconciled } = await this.part(1);
    return { asAt: reconciled!.asAt, written: this.published.at(-1)!.consents.written };
  }
}

/** What a person's Consent has to say. */
interface Belief {
  readonly status: 'active' | 'inactive';
  readonly since: string;
  readonly start?: string;
  readonly end?: string;
  readonly leftAt?: string;
}

/** The whole of the rules, person by person, with no parts, no files and no snapshot. */
class NaiveModel {
  readonly beliefs = new Map<number, Belief>();

  live({ patients, optedOut }: Month, asAt: string): void {
    const groups = groupsOf(patients);
    for (const { nhsNumber: person } of patients) {
      const isOptedOut = groups.some((group) => group.has(person) && [...group].some((number) => optedOut.has(number)));
      this.beliefs.set(person, checked(this.beliefs.get(person), isOptedOut, asAt));
    }
    for (const [person, belief] of this.beliefs) {
      if (patients.some(({ nhsNumber }) => nhsNumber === person)) continue;
      const { leftAt = asAt } = belief;
      // That somebody has not opted out is not said any longer than somebody vouches for it.
      if (belief.status === 'inactive') this.beliefs.delete(person);
      else if (Date.parse(asAt) - Date.parse(leftAt) >= 30 * 86_400_000) this.beliefs.delete(person);
      else this.beliefs.set(person, { ...belief, leftAt });
    }
  }

  consents(idKey: KeyObject) {
    return new Map(
      [...this.beliefs].map(([nhsNumber, { status, since, start, end }]) => [
        consentIdOf(nhsNumber, idKey),
        { status, patient: `Patient/${patientIdOf(nhsNumber)}`, dateTime: since, start, end },
      ]),
    );
  }
}

/**
 * Who is one person: whoever replaced one another, over any number of steps. A survivor who is not in the store is nobody
 * of whom there is a number, and still makes those one person whom it replaced.
 */
function groupsOf(patients: Month['patients']): ReadonlySet<number>[] {
  let groups: ReadonlySet<number>[] = [];
  for (const { nhsNumber, replacedBy = nhsNumber } of patients) {
    const ours = [nhsNumber, replacedBy];
    const joined = groups.filter((group) => ours.some((number) => group.has(number)));
    groups = [
      ...groups.filter((group) => !joined.includes(group)),
      new Set([...ours, ...joined.flatMap((group) => [...group])]),
    ];
  }
  const present = new Set(patients.map(({ nhsNumber }) => nhsNumber));
  return groups.map((group) => new Set([...group].filter((number) => present.has(number))));
}

function checked(before: Belief | undefined, isOptedOut: boolean, asAt: string): Belief {
  const { status, since, start, end } = before ?? {};
  if (status === (isOptedOut ? 'active' : 'inactive')) {
    return { status, since: since!, ...(start ? { start } : {}), ...(end ? { end } : {}) };
  }
  if (isOptedOut) return { status: 'active', since: asAt, start: asAt };
  return { status: 'inactive', since: asAt, ...(start ? { start, end: asAt } : {}) };
}

it('after any months, whatever the parts, the order of answers and the merges, the Consents are those of a naive model', async () => {
  await fc.assert(
    fc.asyncProperty(anyMonths, async (months) => {
      const pipeline = new Months(months[0]!);
      const model = new NaiveModel();
      for (const month of months) {
        const { asAt } = await pipeline.live(month);
        model.live(month, asAt);
        const { idKey } = pipeline.deps().consent;
        const stored = [...pipeline.consents.values()].map(({ id, status, patient, dateTime, provision }) => [
          id,
          {
            status,
            patient: patient.reference,
            dateTime,
            start: provision.period?.start,
            end: provision.period?.end,
          },
        ]);
        expect(new Map(stored as [string, unknown][])).toEqual(model.consents(idKey));
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

it('a run that finds what the last one found writes nothing, however the parts are cut', async () => {
  await fc.assert(
    fc.asyncProperty(anyMonths, fc.integer({ min: 1, max: 24 }), fc.nat(), async (months, partRows, order) => {
      const pipeline = new Months(months[0]!);
      for (const month of months) await pipeline.live(month);
      const before = new Map(pipeline.consents);
      const again = { ...months.at(-1)!, daysBefore: 0, partRows, order };
      expect((await pipeline.live(again)).written).toBe(0);
      expect(pipeline.consents).toEqual(before);
    }),
    { numRuns: 30 },
  );
}, 60_000);
