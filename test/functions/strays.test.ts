import { describe, expect, it, test } from '@jest/globals';
import { consentIdOf } from '../../shared/fhir/consent-id.ts';
import { samplePeople } from '../support/nhs-numbers.ts';
import { InMemoryPipeline } from '../support/pipeline.ts';

const people = [...samplePeople].sort((a, b) => a - b);
const [leaver = 0, ...stayers] = people;
const week = 7 * 86_400;

function next(pipeline: InMemoryPipeline, what: string) {
  pipeline.clock.advance(week);
  pipeline.execution = `arn:execution:${what}`;
  return { trigger: 'console', reason: what };
}

function loseSnapshot(pipeline: InMemoryPipeline): void {
  pipeline.ledger.latest.present = undefined;
  for (const key of pipeline.files.keysBelow('snapshots/')) pipeline.files.contents.delete(key);
}

describe('Consents of ours of which nobody knows whose they are', () => {
  it('keep every later run from being marked, until a rebuild finds none', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.run(people, new Set());
    loseSnapshot(pipeline);
    next(pipeline, 'rebuild');
    await pipeline.rebuildAll(stayers);
    await pipeline.run(stayers, new Set(), next(pipeline, 'a run'));
    expect(pipeline.published.at(-1)).toMatchObject({ outcome: 'Completed', strays: 1 });
    expect(pipeline.published.at(-1)).not.toHaveProperty('usable');
    expect(pipeline.markers).toHaveLength(1);

    next(pipeline, 'another rebuild');
    await pipeline.rebuildAll(people);
    await pipeline.run(stayers, new Set(), next(pipeline, 'a run after that'));
    expect(pipeline.markers.length).toBeGreaterThan(1);
    expect(pipeline.consents.has(consentIdOf(leaver, pipeline.deps().consent.idKey))).toBe(false);
  });

  it('may be any number where the store cannot count', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.run(people, new Set());
    next(pipeline, 'rebuild');
    pipeline.cohort = people;
    await pipeline.open({ trigger: 'console', mode: 'rebuild', reason: 'test' });
    for (const part of (await pipeline.build()).parts) await pipeline.rebuildWhole(part);
    await pipeline.close({ outcome: 'SnapshotRebuilt', consentsInStore: null });
    expect(pipeline.markers).toHaveLength(1);
    expect(pipeline.published.at(-1)).toMatchObject({ strays: 1 });
  });

  it('are no such where only their content cannot be read: the next run deletes them', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.run(people, new Set());
    const id = consentIdOf(leaver, pipeline.deps().consent.idKey);
    pipeline.consents.set(id, { ...pipeline.consents.get(id)!, dateTime: 'some day' });
    next(pipeline, 'rebuild');
    await pipeline.rebuildAll(stayers);
    await pipeline.run(stayers, new Set(), next(pipeline, 'a run'));
    expect(pipeline.consents.has(id)).toBe(false);
  });
});

describe('a run without a snapshot to compare with', () => {
  test.each([
    { title: 'is the first of all', before: async () => Promise.resolve(new InMemoryPipeline()), isFirst: true },
    {
      title: 'is not the first where one holds',
      before: async () => {
        const pipeline = new InMemoryPipeline();
        await pipeline.run(people, new Set());
        return pipeline;
      },
      isFirst: false,
    },
  ])('$title: $isFirst', async ({ before, isFirst }) => {
    const pipeline = await before();
    await pipeline.open(next(pipeline, 'a run'));
    for (const part of await pipeline.ask(people)) await pipeline.reconcile(part);
    expect(await pipeline.weigh()).toMatchObject({ isFirst });
  });

  it('is not the first where it is resumed, having been the first and completed in part', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.run(people, new Set());
    await pipeline.open({ ...next(pipeline, 'resume'), mode: 'resume', resumeRunId: pipeline.runId });
    expect(await pipeline.weigh()).toMatchObject({ isFirst: false });
  });

  it('and that has begun to write is resumed for what it is', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.open();
    for (const part of await pipeline.ask(people)) await pipeline.reconcile(part);
    await pipeline.weigh();
    await pipeline.write('others', 1, 1);
    expect(await pipeline.weigh()).toMatchObject({ isFirst: false });
  });
});

describe('a run whose import is not known to have ended', () => {
  it('goes on with it, whatever has become of the limits, and neither writes beside it nor closes', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.open();
    for (const part of await pipeline.ask(people)) await pipeline.reconcile(part);
    expect(await pipeline.weigh()).toMatchObject({ isImporting: false });
    await pipeline.ledger.consentImports.begin(pipeline.runId, 1, pipeline.clock.now().toISOString());
    expect(await pipeline.weigh()).toMatchObject({ isImporting: true });
    await expect(pipeline.write('others', 1, 1)).rejects.toMatchObject({ name: 'WritesUnderWay' });
    expect(pipeline.store.calls).toEqual([]);
    await expect(pipeline.close()).rejects.toMatchObject({ name: 'WritesUnderWay' });
    expect(pipeline.ledger.latest.present).toBeUndefined();
  });
});

describe('what the operators are told of a run that failed', () => {
  const failure = { stage: 'Close the run', error: { Error: 'HealthLakeUnavailable', Cause: 'away' } };

  it('at its very end, when all was written, is not that nothing was', async () => {
    const pipeline = new InMemoryPipeline({ postMarker: () => Promise.reject(new TypeError('a defect')) });
    await expect(pipeline.run(people, new Set())).rejects.toThrow('a defect');
    await pipeline.fail(failure);
    expect(pipeline.notices.at(-1)!.message).toContain('Some Consents may be written: resume the run.');
  });

  it('stays true when a dry run goes over it', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.open();
    for (const part of await pipeline.ask(people)) await pipeline.reconcile(part);
    await pipeline.weigh();
    await pipeline.write('others', 1, 1);
    await pipeline.fail(failure);
    await pipeline.open({ ...next(pipeline, 'look'), mode: 'dry-run', resumeRunId: pipeline.runId });
    await pipeline.weigh();
    await pipeline.close({ outcome: 'DryRunCompleted' });
    expect(await pipeline.ledger.runs.read(pipeline.runId)).toMatchObject({
      state: 'failed',
      failure: { name: 'HealthLakeUnavailable' },
    });
  });
});

it('a run that stopped between its last two words has closed, and keeps nobody out', async () => {
  const pipeline = new InMemoryPipeline();
  await pipeline.run(people, new Set());
  pipeline.ledger.latest.writer = { runId: pipeline.runId, opening: 1 };
  expect(await pipeline.open(next(pipeline, 'the next'))).toMatchObject({ disposition: 'opened' });
  for (const part of await pipeline.ask(people, new Set([leaver]))) await pipeline.reconcile(part);
  expect(await pipeline.writeAll((await pipeline.weigh()).files)).toMatchObject({ outcome: 'Completed' });
  expect(pipeline.published.at(-1)!.consents.written).toBe(1);
});

it('nor does it keep out a rebuild', async () => {
  const pipeline = new InMemoryPipeline();
  await pipeline.run(people, new Set());
  pipeline.ledger.latest.writer = { runId: pipeline.runId, opening: 1 };
  next(pipeline, 'rebuild');
  await pipeline.rebuildAll(people);
  expect(pipeline.published.at(-1)).toMatchObject({ outcome: 'SnapshotRebuilt' });
});

it('a rebuild that read the store before a drain deleted from it does not close after that', async () => {
  const pipeline = new InMemoryPipeline({ partRows: 4 });
  await pipeline.open();
  for (const part of await pipeline.ask(people)) await pipeline.reconcile(part);
  for (const { part, file } of (await pipeline.weigh()).files.others) await pipeline.write('others', part, file);
  pipeline.ledger.mailbox.lease = undefined;
  pipeline.clock.advance(22 * 86_400);
  pipeline.execution = 'arn:execution:rebuild';
  pipeline.cohort = people;
  await pipeline.open({ trigger: 'console', mode: 'rebuild', reason: 'test' });
  await pipeline.build();
  await pipeline.rebuildWhole(1);
  pipeline.ledger.mailbox.lease = undefined;
  expect(await pipeline.expire('arn:execution:drain')).toBe(8);
  await pipeline.rebuildWhole(2);
  await expect(pipeline.close({ outcome: 'SnapshotRebuilt', consentsInStore: 0 })).rejects.toMatchObject({
    name: 'SnapshotSuperseded',
  });
});
