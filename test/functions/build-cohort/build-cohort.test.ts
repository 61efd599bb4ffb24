import { describe, expect, it, test } from '@jest/globals';
import { buildCohort, type BuildCohortDeps } from '../../../functions/build-cohort/build-cohort.ts';
import { manifestOf } from '../../../shared/ledger/latest.ts';
import { readCohortPart } from '../../../shared/ndop/cohort-part.ts';
import { bodyOf, iterate } from '../../support/bodies.ts';
import { digitsOf, samplePeople, sampleOptedOut, syntheticNumbers } from '../../support/nhs-numbers.ts';
import { Observer, Stopped } from '../../support/observed.ts';
import { InMemoryPipeline } from '../../support/pipeline.ts';

const people = syntheticNumbers(25).sort((a, b) => a - b);

describe('a cohort of nobody', () => {
  const start = { trigger: 'console', reason: 'test' };

  it('is nothing to check before the first run', async () => {
    const pipeline = await opened([]);
    expect(await pipeline.build()).toEqual({ parts: [], requested: 0 });
  });

  test.each(['refresh', 'rebuild'])(
    'ends a %s where the snapshot knows people, and is built anew by its resume',
    async (mode) => {
      const pipeline = new InMemoryPipeline();
      await pipeline.run(people, new Set());
      pipeline.clock.advance(86_400);
      pipeline.execution = 'arn:execution:emptied';
      await pipeline.open({ ...start, mode });
      pipeline.cohort = [];
      await expect(pipeline.build()).rejects.toMatchObject({ name: 'CohortEmptied' });
      pipeline.cohort = people;
      expect(await pipeline.build()).toEqual({ parts: [1], requested: 25 });
    },
  );

  it('is nothing to rebuild where the snapshot is lost', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.run(people, new Set());
    pipeline.files.contents.delete(manifestOf(pipeline.ledger.latest.present)!.key);
    pipeline.clock.advance(86_400);
    pipeline.execution = 'arn:execution:emptied';
    await pipeline.open({ ...start, mode: 'rebuild' });
    pipeline.cohort = [];
    expect(await pipeline.build()).toEqual({ parts: [], requested: 0 });
  });
});

describe('a cohort', () => {
  it('is cut into parts that hold everybody once, sorted, in ranges that cover the number line', async () => {
    const pipeline = await opened(people.toReversed(), { partRows: 10 });
    expect(await pipeline.build()).toEqual({ parts: [1, 2, 3], requested: 25 });
    const rows = await pipeline.ledger.parts.list(pipeline.runId);
    expect(rows.map(({ state, attempt, rows: count }) => ({ state, attempt, count }))).toEqual([
      { state: 'built', attempt: 0, count: 10 },
      { state: 'built', attempt: 0, count: 10 },
      { state: 'built', attempt: 0, count: 5 },
    ]);
    expect(rows.map(({ from }) => from)).toEqual([0, rows[0]?.to, rows[1]?.to]);
    expect(rows[2]?.to).toBe(10_000_000_000);

    const kept: number[] = [];
    for (const { cohort, rows: count, from, to } of rows) {
      const { nhsNumbers } = await readCohortPart(await pipeline.files.openVerified(cohort), {
        ...cohort,
        rows: count,
      });
      expect([...nhsNumbers].every((number) => number >= from && number < to)).toBe(true);
      kept.push(...nhsNumbers);
    }
    expect(kept).toEqual(people);
  });

  it('keeps with the run what its rows came to, and beside it who was set aside and why', async () => {
    const [valid = 0] = people;
    const pipeline = await opened([], {
      openCohort: () =>
        iterate([
          bodyOf(
            [
              'nhsNumber,patientId',
              `${digitsOf(valid)},b`,
              ',c',
              '12345,"d,e"',
              '9999999999,',
              '4505577104,f',
              `${digitsOf(valid + 1)},g`,
              `${digitsOf(valid)},a`,
            ].join('\n'),
          ),
        ]),
    });
    expect(await pipeline.build()).toEqual({ parts: [1], requested: 1 });
    const { cohort } = await pipeline.ledger.runs.read(pipeline.runId);
    expect(cohort).toEqual({
      counts: {
        rows: 7,
        requested: 1,
        duplicates: 1,
        quarantined: {
          missing: 1,
          'not-ten-digits': 1,
          placeholder: 1,
          'range-not-allowed': 1,
          'check-digit-wrong': 1,
        },
        ...{ merged: 0, unresolvedLinks: 0, invalidOtherNumbers: 0, refusedOtherNumbers: 0 },
      },
      parts: 1,
      quarantineKey: `runs/${pipeline.runId}/quarantine/rows.1.csv`,
    });
    expect(pipeline.files.text(cohort!.quarantineKey)).toBe(
      [
        'row,reason,patientId',
        '2,missing,c',
        '3,not-ten-digits,',
        '4,placeholder,',
        '5,range-not-allowed,f',
        '6,check-digit-wrong,g',
        '',
      ].join('\n'),
    );
    expect(pipeline.files.text(`runs/${pipeline.runId}/cohort/part-0001.1.csv`)).toBe(`${digitsOf(valid)},a\n`);
  });

  it('that is built already is not read again', async () => {
    const pipeline = await opened(people, { partRows: 10 });
    const first = await pipeline.build();
    const keys = pipeline.files.keysBelow('');
    const openCohort = () => {
      throw new Error('read again');
    };
    expect(await buildCohort({ runId: pipeline.runId }, { ...pipeline.deps(), openCohort })).toEqual(first);
    expect(pipeline.files.keysBelow('')).toEqual(keys);
  });

  it('of nobody who can be asked about has no parts, and says so', async () => {
    const pipeline = await opened([1234567890]);
    expect(await pipeline.build()).toEqual({ parts: [], requested: 0 });
    expect(await pipeline.ledger.parts.list(pipeline.runId)).toEqual([]);
    expect((await pipeline.ledger.runs.read(pipeline.runId)).cohort).toMatchObject({ parts: 0 });
  });
});

describe('a try that stopped half-way', () => {
  const callsOfOneBuild = 10;

  test.each(Array.from({ length: callsOfOneBuild }, (_, index) => index + 1))(
    'at its call %i is followed by one that writes beside it and ends right, though the cohort has changed',
    async (call) => {
      const pipeline = await opened(people, { partRows: 10 });
      const now = people.slice(3);
      await expect(build(pipeline, new Observer({ call, when: 'after' }))).rejects.toThrow(Stopped);
      const isBuilt = (await pipeline.ledger.runs.read(pipeline.runId)).cohort !== undefined;
      const before = new Map(pipeline.files.contents);
      pipeline.cohort = now;
      expect(await pipeline.build()).toEqual({ parts: [1, 2, 3], requested: isBuilt ? 25 : 22 });

      for (const [key, bytes] of before) expect(pipeline.files.contents.get(key)).toEqual(bytes);
      const parts = await pipeline.ledger.parts.list(pipeline.runId);
      expect(await everybodyIn(pipeline)).toEqual(isBuilt ? people : now);
      expect(parts.map(({ from }) => from)).toEqual([0, parts[0]?.to, parts[1]?.to]);
    },
  );

  it('makes no more calls than those', async () => {
    const pipeline = await opened(people, { partRows: 10 });
    const observer = new Observer();
    await build(pipeline, observer);
    expect(observer.calls).toHaveLength(callsOfOneBuild);
  });

  it('with more parts than the next one finds leaves nothing in the snapshot of the run', async () => {
    const pipeline = new InMemoryPipeline({ partRows: 10 });
    await pipeline.run(people, new Set());
    pipeline.execution = 'arn:execution:second';
    await pipeline.open({ trigger: 'console', reason: 'again' });
    pipeline.cohort = people;
    await expect(build(pipeline, new Observer({ call: callsOfOneBuild - 1, when: 'after' }))).rejects.toThrow(Stopped);

    const fewer = people.slice(0, 15);
    for (const part of await pipeline.ask(fewer)) await pipeline.reconcile(part);
    await pipeline.weigh();
    expect(await pipeline.close()).toMatchObject({ outcome: 'Completed' });
    const { entries } = await pipeline.deps().readManifest(manifestOf(pipeline.ledger.latest.present));
    expect(entries.map(({ from }) => from)).toEqual([0, entries[0]?.to]);
    expect(entries.at(-1)?.to).toBe(10_000_000_000);
  });
});

it('asks only about the blocks of numbers that the environment allows', async () => {
  const pipeline = await opened([...samplePeople, ...sampleOptedOut], { allowedBlocks: ['england-wales-isle-of-man'] });
  expect(await pipeline.build()).toEqual({ parts: [], requested: 0 });
});

async function opened(cohort: readonly number[], settings: Partial<BuildCohortDeps> = {}): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline(settings as ConstructorParameters<typeof InMemoryPipeline>[0]);
  pipeline.cohort = cohort;
  await pipeline.open();
  return pipeline;
}

function build(pipeline: InMemoryPipeline, observer: Observer) {
  const { runs, parts, files, ...rest } = pipeline.deps();
  return buildCohort(
    { runId: pipeline.runId },
    {
      ...rest,
      runs: observer.watch('runs', runs),
      parts: observer.watch('parts', parts),
      files: observer.watch('files', files),
    },
  );
}

async function everybodyIn(pipeline: InMemoryPipeline): Promise<number[]> {
  const everybody: number[] = [];
  for (const { cohort, rows } of await pipeline.ledger.parts.list(pipeline.runId)) {
    const { nhsNumbers } = await readCohortPart(await pipeline.files.openVerified(cohort), { ...cohort, rows });
    everybody.push(...nhsNumbers);
  }
  return everybody;
}
