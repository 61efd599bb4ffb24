import { gunzipSync } from 'node:zlib';
import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { rebuildPart } from '../../../functions/rebuild-part/rebuild-part.ts';
import type { Consent } from '../../../shared/fhir/consent.ts';
import { consentIdOf } from '../../../shared/fhir/consent-id.ts';
import { manifestOf } from '../../../shared/ledger/latest.ts';
import { anyPeople, digitsOf, sampleOptedOut, samplePeople, syntheticNumbers } from '../../support/nhs-numbers.ts';
import { Observer, Stopped } from '../../support/observed.ts';
import { InMemoryPipeline } from '../../support/pipeline.ts';

const fromConsole = { trigger: 'console', reason: 'next month' };
const rebuild = { trigger: 'console', mode: 'rebuild', reason: 'files lost' };
const people = [...samplePeople].sort((a, b) => a - b);
const [leaver = 0, ...stayers] = people;

/** Three months: everybody, some of them opted out; then others; then without one who has opted out and left. */
async function months(settings: ConstructorParameters<typeof InMemoryPipeline>[0] = {}): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline({ partRows: 3, ...settings });
  await pipeline.run(people, sampleOptedOut);
  await nextRun(pipeline, people, new Set([9998611687, 9991581766, leaver]));
  await nextRun(pipeline, stayers, new Set([9991581766]));
  return pipeline;
}

async function nextRun(pipeline: InMemoryPipeline, cohort: readonly number[], optedOut: ReadonlySet<number>) {
  nextMonth(pipeline);
  await pipeline.run(cohort, optedOut, fromConsole);
  return pipeline.published.at(-1)!;
}

function nextMonth(pipeline: InMemoryPipeline): void {
  pipeline.clock.advance(7 * 86_400);
  pipeline.execution = `arn:execution:${pipeline.clock.now().toISOString()}`;
}

async function rebuilt(pipeline: InMemoryPipeline, cohort: readonly number[]) {
  nextMonth(pipeline);
  await pipeline.rebuildAll(cohort);
  return pipeline.published.at(-1)!;
}

function loseSnapshot(pipeline: InMemoryPipeline): void {
  pipeline.ledger.latest.present = undefined;
  for (const key of pipeline.files.keysBelow('snapshots/')) pipeline.files.contents.delete(key);
}

/** Lines of the snapshot that holds. */
async function snapshotOf(pipeline: InMemoryPipeline): Promise<string[]> {
  const manifest = await pipeline.deps().readManifest(manifestOf(pipeline.ledger.latest.present));
  const files = manifest.entries.map(({ key }) => gunzipSync(pipeline.files.contents.get(key)!).toString());
  return files.flatMap((text) => text.split('\n').filter((line) => line !== ''));
}

const idOf = (pipeline: InMemoryPipeline, nhsNumber: number) => consentIdOf(nhsNumber, pipeline.deps().consent.idKey);

function alter(pipeline: InMemoryPipeline, nhsNumber: number, change: (consent: Consent) => object): void {
  const id = idOf(pipeline, nhsNumber);
  pipeline.consents.set(id, change(pipeline.consents.get(id)!) as Consent);
}

describe('a snapshot that is rebuilt from the store', () => {
  it('says, letter by letter, what the one that was lost said of the cohort', async () => {
    const pipeline = await months();
    const before = await snapshotOf(pipeline);
    loseSnapshot(pipeline);
    const report = await rebuilt(pipeline, stayers);
    expect(await snapshotOf(pipeline)).toEqual(before.filter((line) => !line.startsWith(digitsOf(leaver))));
    expect(report).toMatchObject({
      outcome: 'SnapshotRebuilt',
      consents: { written: 0 },
      rebuild: { active: 1, inactive: 6, absent: 0, foreign: 0, toRewrite: 0, former: 0, beyondCohort: 1 },
    });
  });

  it('knows whoever has left the cohort too, where the earlier snapshot can be read', async () => {
    const pipeline = await months();
    const before = await snapshotOf(pipeline);
    const report = await rebuilt(pipeline, stayers);
    expect(await snapshotOf(pipeline)).toEqual(before);
    expect(report.rebuild).toMatchObject({ former: 1, beyondCohort: 0 });
  });

  test.each([1, 2, 3, 7, 8, 100])('says the same where one step reads %i Consents at most', async (mostReads) => {
    const reads: number[] = [];
    const pipeline: InMemoryPipeline = await months({
      partRows: 100,
      mostReads,
      readConsents: (ids) => {
        reads[reads.length - 1]! += ids.length;
        return Promise.resolve(ids.map((id) => pipeline.consents.get(id)));
      },
    });
    const before = await snapshotOf(pipeline);
    nextMonth(pipeline);
    // Everybody else whom the earlier snapshot names is read in the steps of its one part.
    pipeline.cohort = [people[4]!];
    await pipeline.open(rebuild);
    expect((await pipeline.build()).parts).toEqual([1]);
    for (let isRebuilt = false; !isRebuilt;) {
      reads.push(0);
      ({ isRebuilt } = await pipeline.rebuild(1));
    }
    expect(Math.max(...reads)).toBeLessThanOrEqual(mostReads);
    expect(reads).toHaveLength(Math.ceil(people.length / mostReads));
    const { snapshots } = (await pipeline.part(1)).rebuilt!;
    expect([snapshots[0]?.from, ...snapshots.map(({ to }) => to)]).toEqual([
      ...snapshots.map(({ from }) => from),
      10_000_000_000,
    ]);
    const told = JSON.stringify([snapshots, pipeline.history]);
    for (const nhsNumber of people) expect(told).not.toContain(digitsOf(nhsNumber).slice(0, 9));
    await pipeline.close({ outcome: 'SnapshotRebuilt' });
    expect(await snapshotOf(pipeline)).toEqual(before);
    expect(pipeline.published.at(-1)?.rebuild).toMatchObject({ active: 0, inactive: 1, former: 7 });
  });

  it('is none before each part has been read to its end', async () => {
    const pipeline = await months({ partRows: 100, mostReads: 3 });
    const { present } = pipeline.ledger.latest;
    nextMonth(pipeline);
    pipeline.cohort = people;
    await pipeline.open(rebuild);
    await pipeline.build();
    expect(await pipeline.rebuild(1)).toMatchObject({ isRebuilt: false });
    await expect(pipeline.close({ outcome: 'SnapshotRebuilt' })).rejects.toMatchObject({ name: 'LedgerInconsistent' });
    expect(pipeline.ledger.latest.present).toEqual(present);
  });

  it('does without those files of the earlier one that are lost or damaged', async () => {
    const pipeline = await months();
    const manifest = await pipeline.deps().readManifest(manifestOf(pipeline.ledger.latest.present));
    const [first, second] = manifest.entries;
    pipeline.files.contents.delete(first!.key);
    pipeline.files.alter(second!.key, () => 'no gzip');
    const report = await rebuilt(pipeline, stayers);
    expect(report.rebuild).toMatchObject({ active: 1, inactive: 6 });
    expect((await nextRun(pipeline, stayers, new Set([9991581766]))).consents.written).toBe(0);
  });

  it('makes the next run with the same answers write nothing', async () => {
    const pipeline = await months();
    loseSnapshot(pipeline);
    await rebuilt(pipeline, stayers);
    expect((await nextRun(pipeline, stayers, new Set([9991581766]))).consents.written).toBe(0);
  });

  it('makes the next run write those whose answer is another', async () => {
    const pipeline = await months();
    loseSnapshot(pipeline);
    await rebuilt(pipeline, stayers);
    const report = await nextRun(pipeline, stayers, new Set([9998611687]));
    expect(report.changes).toEqual({ activated: 1, deactivated: 1, created: 0, updated: 0, retired: 0 });
    expect(pipeline.consents.get(idOf(pipeline, 9998611687))?.status).toBe('active');
    expect(pipeline.consents.get(idOf(pipeline, 9991581766))?.status).toBe('inactive');
  });

  it.each([{ isMarked: true }, { isMarked: false }])(
    'is as old as the newest marker in the store says, and older than any limit without one: marked $isMarked',
    async ({ isMarked }) => {
      const pipeline = await months();
      const { asAt } = pipeline.markers.at(-1)!;
      if (!isMarked) pipeline.markers.length = 0;
      await rebuilt(pipeline, stayers);
      const { entries } = await pipeline.deps().readManifest(manifestOf(pipeline.ledger.latest.present));
      const expected = isMarked ? asAt : '1970-01-01T00:00:00.000Z';
      expect(new Set(entries.flatMap((entry) => [entry.asAt, entry.sentAt]))).toEqual(new Set([expected]));
      // Without one, nothing new is said to the consumers either.
      expect(pipeline.markers.map((marker) => marker.asAt)).toEqual(isMarked ? expect.arrayContaining([asAt]) : []);
    },
  );
});

describe('a rebuild before the Consents move to another store', () => {
  it('says which store it has read, so that the run after it writes everybody into the other', async () => {
    const settings = { storeMark: 'store-one' };
    const pipeline = new InMemoryPipeline(settings);
    await pipeline.run(samplePeople, sampleOptedOut);
    loseSnapshot(pipeline);
    await rebuilt(pipeline, samplePeople);
    settings.storeMark = 'store-two';
    expect(await nextRun(pipeline, samplePeople, sampleOptedOut)).toMatchObject({
      found: { created: 0, updated: samplePeople.length },
    });
  });

  it('is believed of neither where they move between two steps of it', async () => {
    const settings = { storeMark: 'store-one', mostReads: 5 };
    const pipeline = new InMemoryPipeline(settings);
    await pipeline.run(samplePeople, sampleOptedOut);
    nextMonth(pipeline);
    await pipeline.open({ trigger: 'console', mode: 'rebuild', reason: 'lost' });
    await pipeline.build();
    expect(await pipeline.rebuild(1)).toMatchObject({ isRebuilt: false });
    settings.storeMark = 'store-two';
    await pipeline.rebuildWhole(1);
    await pipeline.close({ outcome: 'SnapshotRebuilt', consentsInStore: null });
    expect(await nextRun(pipeline, samplePeople, sampleOptedOut)).toMatchObject({
      found: { updated: samplePeople.length },
    });
  });
});

describe('a Consent that somebody altered in the store', () => {
  test.each<{ what: string; change: (consent: Consent) => object }>([
    { what: 'its content', change: (consent) => ({ ...consent, policy: [] }) },
    {
      what: 'its Patient',
      change: (consent) => ({ ...consent, patient: { reference: 'Patient/x', type: 'Patient' } }),
    },
    { what: 'its status', change: (consent) => ({ ...consent, status: 'active' }) },
  ])('in $what is the only one that the next run rewrites', async ({ change }) => {
    const pipeline = await months();
    const [, someone = 0] = stayers;
    const before = pipeline.consents.get(idOf(pipeline, someone))!;
    alter(pipeline, someone, change);
    loseSnapshot(pipeline);
    await rebuilt(pipeline, stayers);
    expect((await nextRun(pipeline, stayers, new Set([9991581766]))).consents.written).toBe(1);
    const after = pipeline.consents.get(idOf(pipeline, someone))!;
    const { meta, patient, policy, status } = before;
    expect(after).toMatchObject({ patient, policy, status, meta: { tag: meta.tag } });
  });

  it('in its tag is taken for somebody else’s: set aside by the next run, and never overwritten', async () => {
    const pipeline = await months();
    const [, someone = 0] = stayers;
    alter(pipeline, someone, (consent) => ({ ...consent, meta: { ...consent.meta, tag: [] } }));
    const altered = pipeline.consents.get(idOf(pipeline, someone));
    loseSnapshot(pipeline);
    expect((await rebuilt(pipeline, stayers)).rebuild).toMatchObject({ foreign: 1 });
    expect(await nextRun(pipeline, stayers, new Set([9991581766]))).toMatchObject({
      outcome: 'CompletedWithFailures',
      consents: { written: 0, failed: 1, failedByReason: { 'a Consent that is not ours has its id': 1 } },
    });
    expect(pipeline.consents.get(idOf(pipeline, someone))).toEqual(altered);
  });

  it('or deleted is written once more', async () => {
    const pipeline = await months();
    pipeline.consents.delete(idOf(pipeline, 9991581766));
    loseSnapshot(pipeline);
    expect((await rebuilt(pipeline, stayers)).rebuild).toMatchObject({ active: 0, absent: 1 });
    const report = await nextRun(pipeline, stayers, new Set([9991581766]));
    expect(report.changes.created).toBe(1);
    expect(pipeline.consents.get(idOf(pipeline, 9991581766))?.status).toBe('active');
  });
});

it('leads, whatever has gone before, to the Consents that no loss would have led to', async () => {
  const scene = anyPeople(12, 1).chain((all) => {
    const some = fc.subarray(all, { minLength: 1 });
    return fc.record({
      runs: fc.array(fc.tuple(some, fc.subarray(all)), { minLength: 1, maxLength: 4 }),
      last: fc.subarray(all),
    });
  });
  await fc.assert(
    fc.asyncProperty(scene, fc.constantFrom('literal', 'logical'), async ({ runs, last }, patientReference) => {
      const cohort = runs.at(-1)![0];
      const statusesAfter = async (isLost: boolean) => {
        const consent = { ...new InMemoryPipeline().deps().consent, patientReference };
        const pipeline = new InMemoryPipeline({ partRows: 4, consent });
        for (const [asked, optedOut] of runs) await nextRun(pipeline, asked, new Set(optedOut));
        nextMonth(pipeline);
        if (isLost) {
          loseSnapshot(pipeline);
          await pipeline.rebuildAll(cohort);
        }
        const { changes } = await nextRun(pipeline, cohort, new Set(last));
        const consents = cohort.map((nhsNumber) => {
          const { meta, ...said } = pipeline.consents.get(idOf(pipeline, nhsNumber))!;
          return { ...said, tag: meta.tag };
        });
        return { consents, changes: { ...changes, retired: 0 } };
      };
      expect(await statusesAfter(true)).toEqual(await statusesAfter(false));
    }),
    { numRuns: 25 },
  );
});

describe('a run that stopped while it wrote', () => {
  async function stoppedWhileWriting(): Promise<InMemoryPipeline> {
    const pipeline = await months();
    nextMonth(pipeline);
    await pipeline.open(fromConsole);
    for (const part of await pipeline.ask(stayers, sampleOptedOut)) await pipeline.reconcile(part);
    const { files } = await pipeline.weigh();
    for (const { part, file } of files.activations) await pipeline.write('activations', part, file);
    pipeline.ledger.mailbox.lease = undefined;
    return pipeline;
  }

  it('keeps no rebuild out, and is done with afterwards: the snapshot says what the store holds', async () => {
    const pipeline = await stoppedWhileWriting();
    const stopped = pipeline.runId;
    const report = await rebuilt(pipeline, stayers);
    expect(report.rebuild).toMatchObject({ active: 3 });
    expect(pipeline.ledger.latest.writer).toBeUndefined();
    const next = await nextRun(pipeline, stayers, sampleOptedOut);
    expect(next.changes).toMatchObject({ activated: 0, deactivated: 1 });
    nextMonth(pipeline);
    await expect(pipeline.open({ ...fromConsole, mode: 'resume', resumeRunId: stopped })).rejects.toMatchObject({
      name: 'SnapshotSuperseded',
    });
  });

  it('and is resumed while a rebuild is under way leaves that rebuild nothing to build on', async () => {
    const pipeline = await stoppedWhileWriting();
    const stopped = pipeline.runId;
    const rebuildId = await begunRebuild(pipeline);

    nextMonth(pipeline);
    await pipeline.open({ ...fromConsole, mode: 'resume', resumeRunId: stopped });
    const { files } = await pipeline.weigh();
    for (const { part, file } of files.others) await pipeline.write('others', part, file);
    pipeline.ledger.mailbox.lease = undefined;

    nextMonth(pipeline);
    await expect(pipeline.open({ ...fromConsole, mode: 'resume', resumeRunId: rebuildId })).rejects.toMatchObject({
      name: 'SnapshotSuperseded',
      message: expect.stringContaining('new rebuild'),
    });
  });

  it('after a rebuild has read the store keeps that rebuild from closing', async () => {
    const pipeline = await months();
    await begunRebuild(pipeline);
    const before = pipeline.ledger.latest.present;
    pipeline.ledger.latest.writer = { runId: '20261001T020000Z-0000', opening: 1 };
    await expect(pipeline.close({ outcome: 'SnapshotRebuilt' })).rejects.toMatchObject({ name: 'SnapshotSuperseded' });
    expect(pipeline.ledger.latest.present).toEqual(before);
  });

  it('while a rebuild closes keeps it from closing', async () => {
    const pipeline = await months();
    await begunRebuild(pipeline);
    await pipeline.ledger.writes.begin();
    await expect(pipeline.close({ outcome: 'SnapshotRebuilt' })).rejects.toMatchObject({ name: 'SnapshotSuperseded' });
  });

  /** A rebuild that has read every part and was stopped before it closed. */
  async function begunRebuild(pipeline: InMemoryPipeline): Promise<string> {
    nextMonth(pipeline);
    pipeline.cohort = stayers;
    await pipeline.open(rebuild);
    for (const part of (await pipeline.build()).parts) await pipeline.rebuild(part);
    pipeline.ledger.mailbox.lease = undefined;
    return pipeline.runId;
  }
});

describe('a rebuild', () => {
  it('has no dry run', async () => {
    const pipeline = await months();
    await rebuilt(pipeline, stayers);
    const input = { ...fromConsole, mode: 'dry-run', resumeRunId: pipeline.runId };
    nextMonth(pipeline);
    await expect(pipeline.open(input)).rejects.toMatchObject({ name: 'StateInputInvalid' });
  });

  it('takes nobody for absent whose Consent cannot be read', async () => {
    const pipeline = await months({ readConsents: () => Promise.reject(new Stopped()) });
    nextMonth(pipeline);
    await expect(pipeline.rebuildAll(stayers)).rejects.toThrow(Stopped);
    expect((await pipeline.part(1)).state).toBe('built');
  });

  it('reads a hundred Consents at once, and only so many times at once', async () => {
    const sizes: number[] = [];
    let underWay = 0;
    let most = 0;
    const pipeline = new InMemoryPipeline({
      concurrency: 3,
      readConsents: async (ids) => {
        sizes.push(ids.length);
        underWay += 1;
        most = Math.max(most, underWay);
        await new Promise(setImmediate);
        underWay -= 1;
        return ids.map(() => undefined);
      },
    });
    await pipeline.rebuildAll(syntheticNumbers(950));
    expect(sizes.sort((a, b) => a - b)).toEqual([50, ...Array<number>(9).fill(100)]);
    expect(most).toBe(3);
  });

  it('has a report without a count of the others where the store could not count', async () => {
    const pipeline = await months();
    nextMonth(pipeline);
    pipeline.cohort = stayers;
    await pipeline.open(rebuild);
    for (const part of (await pipeline.build()).parts) await pipeline.rebuild(part);
    await pipeline.close({ outcome: 'SnapshotRebuilt', consentsInStore: null });
    expect(pipeline.published.at(-1)?.rebuild).not.toHaveProperty('beyondCohort');
    expect(pipeline.notices.at(-1)?.message).toContain('not counted');
  });

  it('tells nobody outside its files whom it is about', async () => {
    const pipeline = await months();
    await rebuilt(pipeline, stayers);
    const told = JSON.stringify([
      pipeline.history,
      pipeline.notices,
      pipeline.published,
      [...pipeline.ledger.parts.rows],
      pipeline.files.keysBelow(''),
    ]);
    for (const nhsNumber of people) expect(told).not.toContain(digitsOf(nhsNumber).slice(0, 9));
  });
});

test.each(Array.from({ length: 8 }, (_, index) => index + 1))(
  'a stop of a part at call %i is followed by the same end',
  async (call) => {
    const untouched = await opened();
    const calls = (await watched(untouched, new Observer())).calls.length;
    expect(calls).toBeGreaterThanOrEqual(8);
    for (const when of ['before', 'after'] as const) {
      const pipeline = await opened();
      await expect(watched(pipeline, new Observer({ call, when }))).rejects.toThrow(Stopped);
      await pipeline.rebuild(1);
      expect(pipeline.files.contents).toEqual(untouched.files.contents);
      expect(await pipeline.part(1)).toEqual(await untouched.part(1));
    }
  },
);

async function opened(): Promise<InMemoryPipeline> {
  const pipeline = await months();
  nextMonth(pipeline);
  pipeline.cohort = stayers;
  await pipeline.open(rebuild);
  await pipeline.build();
  return pipeline;
}

/** Rebuilds the first part with every call watched. */
async function watched(pipeline: InMemoryPipeline, observer: Observer): Promise<Observer> {
  const { runs, parts, mailbox, files, readManifest, readConsents, ...rest } = pipeline.deps();
  const operations = observer.watch('operations', { readManifest, readConsents });
  await rebuildPart(
    { runId: pipeline.runId, execution: pipeline.execution, part: 1 },
    {
      ...rest,
      runs: observer.watch('runs', runs),
      parts: observer.watch('parts', parts),
      mailbox: observer.watch('mailbox', mailbox),
      files: observer.watch('files', files),
      ...{ readManifest: operations.readManifest, readConsents: operations.readConsents },
    },
  );
  return observer;
}
