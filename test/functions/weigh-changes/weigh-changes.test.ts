import { describe, expect, it } from '@jest/globals';
import { samplePeople, sampleOptedOut, syntheticNumbers } from '../../support/nhs-numbers.ts';
import { InMemoryPipeline } from '../../support/pipeline.ts';

const malformed = { name: 'ReplyMalformed', message: 'Row 3 of the answer is not an NHS number and a comma' };

describe('what the parts found', () => {
  it('is summed over all of them and kept with the run', async () => {
    const pipeline = await reconciled({ partRows: 3 });
    expect(await pipeline.weigh()).toMatchObject({ reconciled: 3, reasons: [], needsBulkImport: false });
    expect((await pipeline.ledger.runs.read(pipeline.runId)).verdict).toEqual({
      reasons: [],
      optedOut: 2,
      notOptedOut: 6,
      previousOptedOut: 0,
      previousRows: 0,
      changes: { activate: 0, deactivate: 0, create: 8, update: 0, retire: 0 },
    });
  });

  it('is set against what was believed before', async () => {
    const pipeline = await reconciled({ partRows: 3 });
    await pipeline.weigh();
    await pipeline.close();
    await reconciledAgain(pipeline, new Set([...sampleOptedOut].slice(1)));
    await pipeline.weigh();
    expect((await pipeline.ledger.runs.read(pipeline.runId)).verdict).toMatchObject({
      optedOut: 1,
      previousOptedOut: 2,
      previousRows: 8,
      changes: { activate: 0, deactivate: 1, create: 0, update: 0, retire: 0 },
    });
  });

  it('is listed by change file, in the order of writing', async () => {
    const pipeline = await reconciled({ partRows: 4, changeFileRows: 2 });
    const { files } = await pipeline.weigh();
    const parts = await pipeline.ledger.parts.list(pipeline.runId);
    for (const pass of ['activations', 'others'] as const) {
      expect(files[pass]).toEqual(
        parts.flatMap(({ part, reconciled: found }) =>
          found!.changeFiles[pass].map((_, index) => ({ part, file: index + 1 })),
        ),
      );
    }
    expect(files.activations.length).toBeGreaterThan(0);
    expect(files.others.length).toBeGreaterThan(2);
  });

  it('comes to the same when it is weighed twice', async () => {
    const pipeline = await reconciled({ partRows: 3 });
    const first = await pipeline.weigh();
    expect(await pipeline.weigh()).toEqual(first);
  });
});

describe('parts that do not fit together', () => {
  it('are refused before a Consent is written about somebody who stands in two of them', async () => {
    const pipeline = await reconciled({ partRows: 3 });
    const second = await pipeline.part(2);
    await pipeline.ledger.parts.move(pipeline.runId, 2, ['reconciled'], { from: second.from - 1 });
    await expect(pipeline.weigh()).rejects.toMatchObject({
      name: 'LedgerInconsistent',
      message: expect.stringContaining('part 2 overlaps part 1'),
    });
    expect((await pipeline.ledger.runs.read(pipeline.runId)).verdict).toBeUndefined();
  });
});

describe('a part whose answer was refused', () => {
  it('is recorded with its reason, and counts for nothing', async () => {
    const pipeline = await reconciled({ partRows: 3 }, [1, 3]);
    const output = await pipeline.weigh([{ part: 2, failure: malformed }]);
    expect(output).toMatchObject({ reconciled: 2, failure: malformed });
    expect(output.files.others.map(({ part }) => part)).not.toContain(2);
    expect(await pipeline.part(2)).toMatchObject({ state: 'refused', failure: malformed });
    const { verdict } = await pipeline.ledger.runs.read(pipeline.runId);
    expect(verdict!.optedOut + verdict!.notOptedOut).toBe(5);
  });

  it('leaves nothing to write where it is the only one', async () => {
    const pipeline = await reconciled({}, []);
    expect(await pipeline.weigh([{ part: 1, failure: malformed }])).toMatchObject({
      reconciled: 0,
      files: { activations: [], others: [] },
      failure: malformed,
    });
  });

  it('is recorded once: a part that has moved on is not set back', async () => {
    const pipeline = await reconciled();
    expect(await pipeline.weigh([{ part: 1, failure: malformed }])).toMatchObject({ reconciled: 1 });
    expect((await pipeline.part(1)).state).toBe('reconciled');
  });
});

it('names no failure of a part that was answered after all', async () => {
  const pipeline = new InMemoryPipeline();
  await pipeline.open();
  pipeline.cohort = samplePeople;
  await pipeline.build();
  await pipeline.stage(1);
  await pipeline.send(1);
  await pipeline.check(432_000);
  expect((await pipeline.part(1)).state).toBe('overdue');
  pipeline.answer(pipeline.mesh.sent[0]!, sampleOptedOut);
  await pipeline.check(432_000);
  await pipeline.reconcile(1);
  expect(await pipeline.weigh()).not.toHaveProperty('failure');
});

describe('a result that is unusual', () => {
  it('has its reasons said and kept', async () => {
    const people = syntheticNumbers(600);
    const pipeline = await reconciled({}, [1], people, new Set(people.slice(0, 300)));
    const { reasons } = await pipeline.weigh();
    expect(reasons).toEqual(['50.0 % are opted out, above the limit of 25 %']);
    expect((await pipeline.ledger.runs.read(pipeline.runId)).verdict?.reasons).toEqual(reasons);
  });

  it('is also an empty answer to more than a handful of people', async () => {
    const people = syntheticNumbers(21);
    const pipeline = new InMemoryPipeline();
    pipeline.cohort = people;
    await pipeline.open();
    await pipeline.build();
    await pipeline.stage(1);
    await pipeline.send(1);
    pipeline.answer({ ...pipeline.mesh.sent[0]!, body: Buffer.from('\r\n') }, new Set());
    await pipeline.check();
    await pipeline.reconcile(1);
    expect((await pipeline.weigh()).reasons).toEqual(['the answer to part 1 (21 people) is empty']);
  });

  it.each([
    { bulkImportThreshold: 8, needsBulkImport: false },
    { bulkImportThreshold: 7, needsBulkImport: true },
  ])('8 changes with a threshold of $bulkImportThreshold: by bulk import, $needsBulkImport', async (each) => {
    const { bulkImportThreshold, needsBulkImport } = each;
    const pipeline = await reconciled({ bulkImportThreshold });
    expect(await pipeline.weigh()).toMatchObject({ needsBulkImport });
  });
});

describe('a run that is no longer the next one', () => {
  it('stops where another has completed since it began', async () => {
    const pipeline = await reconciled();
    const { runId, execution } = pipeline;
    await pipeline.fail({ stage: 'Hold for review', error: { Error: 'ReviewOverdue' } });
    await reconciledAgain(pipeline, sampleOptedOut);
    await pipeline.weigh();
    await pipeline.close();
    Object.assign(pipeline, { runId, execution });
    await expect(pipeline.weigh()).rejects.toMatchObject({ name: 'SnapshotSuperseded' });
    expect((await pipeline.ledger.runs.read(runId)).verdict).toBeUndefined();
  });

  it('goes on where it has itself completed in part', async () => {
    const pipeline = await reconciled({ partRows: 4 }, [1]);
    await pipeline.weigh([{ part: 2, failure: malformed }]);
    await pipeline.close();
    expect(await pipeline.weigh()).toMatchObject({ reconciled: 1 });
  });

  it('stops where another has the mailbox', async () => {
    const pipeline = await reconciled();
    pipeline.loseMailbox();
    await expect(pipeline.weigh([{ part: 1, failure: malformed }])).rejects.toMatchObject({ name: 'LeaseLost' });
    expect((await pipeline.part(1)).state).toBe('reconciled');
  });
});

async function reconciled(
  settings: ConstructorParameters<typeof InMemoryPipeline>[0] = {},
  parts?: readonly number[],
  cohort: readonly number[] = samplePeople,
  optedOut: ReadonlySet<number> = sampleOptedOut,
): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline(settings);
  await pipeline.open();
  const answered = await pipeline.ask(cohort, optedOut);
  for (const part of parts ?? answered) await pipeline.reconcile(part);
  return pipeline;
}

async function reconciledAgain(pipeline: InMemoryPipeline, optedOut: ReadonlySet<number>): Promise<void> {
  pipeline.clock.advance(7 * 86_400);
  pipeline.execution = 'arn:execution:second';
  await pipeline.open({ trigger: 'console', reason: 'again' });
  for (const part of await pipeline.ask(samplePeople, optedOut)) await pipeline.reconcile(part);
}
