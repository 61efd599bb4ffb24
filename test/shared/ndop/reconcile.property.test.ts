import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { passOf } from '../../../shared/ndop/changes.ts';
import { personLine, readCohortPart } from '../../../shared/ndop/cohort-part.ts';
import { wholeNumberLine } from '../../../shared/ndop/number-range.ts';
import { answers, PartReconciliation } from '../../../shared/ndop/part-reconciliation.ts';
import type { Change, ReconcileContext, Reconciled } from '../../../shared/ndop/reconcile.ts';
import { patientHashOf, readRecord, writeRecord, type PersonRecord } from '../../../shared/ndop/snapshot.ts';
import { bodyOf } from '../../support/bodies.ts';
import { anyPeople } from '../../support/nhs-numbers.ts';

const asAt = '2026-09-01T02:41:07Z';
const anyTime = fc.constantFrom('2026-01-01T02:00:00Z', '2026-07-01T02:00:00Z', '2026-08-20T02:00:00Z', asAt);
const anyPatient = fc.constantFrom('', 'p1', 'p2');

interface Person {
  readonly nhsNumber: number;
  /** Absent where the person is not in the cohort. */
  readonly asked?: { readonly patientId: string; readonly isReturned: boolean };
  /** Absent where no earlier run knew the person. */
  readonly before?: PersonRecord;
}

const anyPerson = (nhsNumber: number): fc.Arbitrary<Person> =>
  fc
    .record({
      asked: fc.option(fc.record({ patientId: anyPatient, isReturned: fc.boolean() })),
      before: fc.option(
        fc.record({
          isOptedOut: fc.boolean(),
          since: anyTime,
          optedOutSince: fc.option(anyTime),
          patientHash: anyPatient.map(patientHashOf),
          outOfCohortSince: fc.option(anyTime),
        }),
      ),
    })
    .map(({ asked, before }) => ({
      nhsNumber,
      ...(asked ? { asked } : {}),
      ...(before ? { before: recordOf(nhsNumber, before) } : {}),
    }));

function recordOf(
  nhsNumber: number,
  fields: {
    isOptedOut: boolean;
    since: string;
    optedOutSince: string | null;
    patientHash: string;
    outOfCohortSince: string | null;
  },
): PersonRecord {
  const { isOptedOut, since, optedOutSince, patientHash, outOfCohortSince } = fields;
  const started = isOptedOut ? since : optedOutSince;
  return {
    nhsNumber,
    status: isOptedOut ? 'active' : 'inactive',
    since,
    ...(started === null ? {} : { optedOutSince: started }),
    patientHash,
    ...(outOfCohortSince === null ? {} : { outOfCohortSince }),
  };
}

const scenario = fc.record({
  people: anyPeople(20).chain((numbers) => fc.tuple(...numbers.map(anyPerson))),
  isModelCurrent: fc.boolean(),
  retentionDays: fc.constantFrom(1, 30, 90),
});

/** What a part makes of its people, each with the new line and the change where there is one; and its counts. */
async function reconcile(people: readonly Person[], cuts: readonly number[], context: Omit<ReconcileContext, 'asAt'>) {
  const asked = people.flatMap(({ nhsNumber, asked }) => (asked ? [{ nhsNumber, ...asked }] : []));
  const file = asked.map(({ nhsNumber, patientId }) => personLine(nhsNumber, patientId)).join('');
  const cohort = await readCohortPart(bodyOf(file), { rows: asked.length, bytes: file.length });
  const answered = Uint8Array.from(asked, ({ isReturned }) => (isReturned ? answers.notOptedOut : answers.optedOut));
  const reconciliation = new PartReconciliation(cohort, answered, { ...context, asAt });
  const lines: Uint8Array[] = [];
  const changes: Change[] = [];
  const takeOut = () => {
    const taken = reconciliation.take();
    lines.push(...taken.lines);
    changes.push(...taken.changes);
  };
  const earlier = people.flatMap(({ before }) => (before ? [writeRecord(before)] : []));
  for (const [index, cut] of [...cuts, earlier.length].sort((a, b) => a - b).entries()) {
    const from = index === 0 ? 0 : [...cuts].sort((a, b) => a - b)[index - 1]!;
    const lines = Buffer.from(earlier.slice(from, cut).join(''));
    let done = 0;
    while (done < lines.length) {
      done += reconciliation.compare(lines.subarray(done), wholeNumberLine, 2);
      takeOut();
    }
  }
  while (reconciliation.judgeRest(3)) takeOut();
  takeOut();
  const records = Buffer.concat(lines).toString().split('\n').slice(0, -1).map(readRecord);
  return { records, changes, reconciliation };
}

async function run(people: readonly Person[], context: Omit<ReconcileContext, 'asAt'>): Promise<Reconciled[]> {
  const { records, changes } = await reconcile(people, [], context);
  const results = people.map(({ nhsNumber }): Reconciled => {
    const record = records.find((one) => one.nhsNumber === nhsNumber);
    const change = changes.find(({ optOut }) => optOut.nhsNumber === nhsNumber);
    return { ...(record ? { record } : {}), ...(change ? { change } : {}) };
  });
  return results.filter(({ record, change }) => record ?? change);
}

/** The same decisions person by person, as the service's conventions and the life cycle of a Consent state them. */
function expected(
  { nhsNumber, asked, before }: Person,
  context: Omit<ReconcileContext, 'asAt'>,
): Reconciled | undefined {
  if (!asked && !before) return undefined;
  if (!asked && before) {
    if (before.status === 'inactive') return { change: { kind: 'retire', optOut: before, patientId: '' } };
    const left = before.outOfCohortSince ?? asAt;
    const daysOut = (new Date(asAt).getTime() - new Date(left).getTime()) / 86_400_000;
    if (daysOut >= context.retentionDays) return { change: { kind: 'retire', optOut: before, patientId: '' } };
    const patientHash = context.isModelCurrent ? before.patientHash : '';
    return { record: { ...before, patientHash, outOfCohortSince: left } };
  }
  const { patientId, isReturned } = asked!;
  const status = isReturned ? 'inactive' : 'active';
  const isSame = before?.status === status;
  const start = isSame || isReturned ? before?.optedOutSince : asAt;
  const record: PersonRecord = {
    nhsNumber,
    status,
    since: isSame ? before.since : asAt,
    ...(start === undefined ? {} : { optedOutSince: start }),
    patientHash: patientHashOf(patientId),
  };
  const isUnchanged = isSame && context.isModelCurrent && before.patientHash === record.patientHash;
  if (isUnchanged) return { record };
  const kind = !before ? 'create' : isSame ? 'update' : isReturned ? 'deactivate' : 'activate';
  return { record, change: { kind, optOut: record, patientId } };
}

describe('for any cohort, any answer and any earlier snapshot', () => {
  it('reconciliation decides as the rules do for each person alone, in the order of their numbers', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ people, ...context }) => {
        const decisions = people
          .map((person) => expected(person, context))
          .filter((decision) => decision !== undefined);
        expect(await run(people, context)).toEqual(decisions);
      }),
      { numRuns: 120 },
    );
  });

  it('lines, changes and counts are the same however the earlier lines are cut', async () => {
    const cuts = fc.array(fc.nat(20), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(scenario, cuts, async ({ people, ...context }, given) => {
        const earlier = people.flatMap(({ before }) => before ?? []);
        const within = given.filter((cut) => cut <= earlier.length);
        const { records, changes, reconciliation } = await reconcile(people, within, context);
        const expectedOf = people.flatMap((person) => expected(person, context) ?? []);
        expect(records).toEqual(expectedOf.flatMap(({ record }) => record ?? []));
        expect(changes).toEqual(expectedOf.flatMap(({ change }) => change ?? []));
        const asked = people.flatMap(({ asked }) => asked ?? []);
        const count = (optedOut: readonly boolean[]) => ({
          rows: optedOut.length,
          optedOut: optedOut.filter(Boolean).length,
        });
        const { answered, before, after, changes: counts } = reconciliation;
        expect(answered).toEqual(count(asked.map(({ isReturned }) => !isReturned)));
        expect(before).toEqual(count(earlier.map(({ status }) => status === 'active')));
        expect(after).toEqual(count(records.map(({ status }) => status === 'active')));
        expect(Object.values(counts).reduce((sum, one) => sum + one)).toBe(changes.length);
        for (const { kind } of changes) expect(counts[kind]).toBe(changes.filter((one) => one.kind === kind).length);
      }),
      { numRuns: 120 },
    );
  });

  it('the same answer once more changes nothing: no writes, the same beliefs', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ people, ...context }) => {
        const first = await run(people, context);
        const records = new Map(first.flatMap(({ record }) => (record ? [[record.nhsNumber, record] as const] : [])));
        const after = people.map(({ nhsNumber, asked }): Person => {
          const before = records.get(nhsNumber);
          return { nhsNumber, ...(asked ? { asked } : {}), ...(before ? { before } : {}) };
        });
        const second = await run(after, { ...context, isModelCurrent: true });
        expect(second).toEqual([...records.values()].map((record) => ({ record })));
      }),
      { numRuns: 60 },
    );
  });

  it('nobody becomes inactive without having come back in an answer', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ people, ...context }) => {
        const cleared = new Set(people.filter(({ asked }) => asked?.isReturned).map(({ nhsNumber }) => nhsNumber));
        for (const { record, change } of await run(people, context)) {
          const before = people.find(({ nhsNumber }) => nhsNumber === record?.nhsNumber)?.before;
          if (record?.status === 'inactive' && before?.status !== 'inactive') {
            expect(cleared).toContain(record.nhsNumber);
          }
          if (change?.kind === 'deactivate') expect(cleared).toContain(change.optOut.nhsNumber);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('whoever is to be withheld is written in the first pass, and nobody else', async () => {
    const withholds = ({ kind, optOut }: Change) => kind !== 'retire' && optOut.status === 'active';
    await fc.assert(
      fc.asyncProperty(scenario, async ({ people, ...context }) => {
        for (const { change } of await run(people, context)) {
          if (change) expect(passOf(change)).toBe(withholds(change) ? 'activations' : 'others');
        }
      }),
      { numRuns: 50 },
    );
  });
});
