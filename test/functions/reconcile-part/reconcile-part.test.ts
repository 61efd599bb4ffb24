import { describe, expect, it, test } from '@jest/globals';
import { gunzipSync, gzipSync } from 'node:zlib';
import { digitsOf, samplePeople, sampleOptedOut, syntheticNumbers } from '../../support/nhs-numbers.ts';
import { bodyOf, iterate } from '../../support/bodies.ts';
import { Observer, Stopped } from '../../support/observed.ts';
import { reconcilePart } from '../../../functions/reconcile-part/reconcile-part.ts';
import { personLine } from '../../../shared/ndop/cohort-part.ts';
import { InMemoryPipeline, patientIdOf } from '../../support/pipeline.ts';

const everybody = [...samplePeople].sort((a, b) => a - b);
const again = { trigger: 'console', reason: 'again' };
const nobody: ReadonlySet<number> = new Set();
const noChanges = { activate: 0, deactivate: 0, create: 0, update: 0, retire: 0 };

describe('a first run', () => {
  it('makes a Consent for everybody: whoever was asked about and did not come back has opted out', async () => {
    const pipeline = await answered();
    expect(await pipeline.reconcile(1)).toEqual({ part: 1, optedOut: 2, notOptedOut: 6 });
    const { state, reconciled } = await pipeline.part(1);
    expect(state).toBe('reconciled');
    expect(reconciled).toMatchObject({
      optedOut: 2,
      notOptedOut: 6,
      duplicates: 0,
      previousRows: 0,
      previousOptedOut: 0,
      changes: { activate: 0, deactivate: 0, create: 8, update: 0, retire: 0 },
      snapshot: { key: `snapshots/${pipeline.runId}/part-0001.1.csv.gz`, rows: 8, optedOut: 2 },
    });
    expect(await changes(pipeline, 'activations')).toEqual(lines('create', 'active', sampleOptedOut));
    expect(await changes(pipeline, 'others')).toEqual(
      lines('create', 'inactive', new Set(samplePeople.filter((number) => !sampleOptedOut.has(number)))),
    );
    const snapshot = await snapshotLines(pipeline);
    expect(snapshot.map((line) => line.split(',').slice(0, 2))).toEqual(
      everybody.map((number) => [digitsOf(number), sampleOptedOut.has(number) ? 'active' : 'inactive']),
    );
  });

  it('splits its changes over files of the length asked for, those that withhold apart from the rest', async () => {
    const people = syntheticNumbers(20);
    const optedOut = new Set(people.slice(0, 7));
    const pipeline = await answered({ changeFileRows: 3 }, people, optedOut);
    await pipeline.reconcile(1);
    const { changeFiles } = (await pipeline.part(1)).reconciled!;
    const lengths = [changeFiles.activations, changeFiles.others].map((files) =>
      files.map(({ key }) => pipeline.files.text(key).split('\n').length - 1),
    );
    expect(lengths).toEqual([
      [3, 3, 1],
      [3, 3, 3, 3, 1],
    ]);
    expect(changeFiles.activations.map(({ key }) => key.split('/').at(-1))).toEqual([
      'part-0001.1.activations-0001.csv',
      'part-0001.1.activations-0002.csv',
      'part-0001.1.activations-0003.csv',
    ]);
    expect((await changes(pipeline, 'activations')).map((line) => Number(line.split(',')[1]))).toEqual(
      [...optedOut].sort((a, b) => a - b),
    );
  });
});

describe('a later run', () => {
  it('that finds everything as it was has nothing to write, and believes the same of the same people', async () => {
    const pipeline = await completed();
    const before = await snapshotLines(pipeline);
    const sentAt = (await pipeline.part(1)).sentAt;
    await reanswered(pipeline, samplePeople, sampleOptedOut);
    await pipeline.reconcile(1);
    const { reconciled, sentAt: now } = await pipeline.part(1);
    expect(now).not.toBe(sentAt);
    expect(reconciled).toMatchObject({
      previousRows: 8,
      previousOptedOut: 2,
      changes: { activate: 0, deactivate: 0, create: 0, update: 0, retire: 0 },
      changeFiles: { activations: [], others: [] },
    });
    expect(await snapshotLines(pipeline)).toEqual(before);
  });

  it('writes what is new and what turned either way, and of who left the cohort keeps the opted out alone', async () => {
    const pipeline = await completed();
    const [gone = 0, turned = 0] = everybody.filter((number) => !sampleOptedOut.has(number));
    const [back = 0, left = 0] = sampleOptedOut;
    const [added = 0] = syntheticNumbers(1);
    const now = [...everybody.filter((number) => number !== left && number !== gone), added];
    await reanswered(pipeline, now, new Set([...sampleOptedOut, turned].filter((number) => number !== back)));
    expect(await pipeline.reconcile(1)).toEqual({ part: 1, optedOut: 1, notOptedOut: 6 });
    const kinds = [...(await changes(pipeline, 'activations')), ...(await changes(pipeline, 'others'))].map((line) =>
      line.split(',').slice(0, 3),
    );
    expect(kinds.sort()).toEqual(
      [
        ['activate', digitsOf(turned), 'active'],
        ['create', digitsOf(added), 'inactive'],
        ['deactivate', digitsOf(back), 'inactive'],
        ['retire', digitsOf(gone), 'inactive'],
      ].sort(),
    );
    const lines = await snapshotLines(pipeline);
    const kept = lines.find((line) => line.startsWith(digitsOf(left)));
    expect(kept?.split(',')).toMatchObject({ 1: 'active', 5: (await pipeline.part(1)).reply?.asAt });
    expect(lines.some((line) => line.startsWith(digitsOf(gone)))).toBe(false);
  });

  it('retires whoever has been out of the cohort for as long as may be kept', async () => {
    const pipeline = await completed();
    const [left = 0] = sampleOptedOut;
    const stayed = everybody.filter((number) => number !== left);
    for (const days of [7, 29]) {
      await reanswered(pipeline, stayed, sampleOptedOut, days);
      await pipeline.reconcile(1);
      expect((await pipeline.part(1)).reconciled?.changes.retire).toBe(0);
      await pipeline.weigh();
      await pipeline.close();
    }
    await reanswered(pipeline, stayed, sampleOptedOut, 1);
    await pipeline.reconcile(1);
    expect((await changes(pipeline, 'others')).map((line) => line.split(',').slice(0, 2))).toEqual([
      ['retire', digitsOf(left)],
    ]);
    expect((await pipeline.part(1)).reconciled?.snapshot.rows).toBe(7);
  });

  it('takes what it compares with from as many files as its range lies over, each clipped to it', async () => {
    const people = syntheticNumbers(60);
    const optedOut = new Set(people.filter((_, index) => index % 4 === 0));
    const pipeline = new InMemoryPipeline({ partRows: 7 });
    await pipeline.run(people, optedOut);
    const wider = new InMemoryPipeline({ partRows: 25 });
    Object.assign(wider, {
      ledger: pipeline.ledger,
      files: pipeline.files,
      mesh: pipeline.mesh,
      clock: pipeline.clock,
    });
    await reanswered(wider, people, optedOut);
    for (const part of [1, 2, 3]) await wider.reconcile(part);
    const parts = await wider.ledger.parts.list(wider.runId);
    expect(parts.map(({ reconciled }) => reconciled?.previousRows)).toEqual([25, 25, 10]);
    expect(parts.map(({ reconciled }) => reconciled?.snapshot.rows)).toEqual([25, 25, 10]);
    for (const { reconciled } of parts) expect(reconciled?.changeFiles).toEqual({ activations: [], others: [] });
  });
});

describe('a run whose Consents live elsewhere, or in another form, than those of the run before', () => {
  it('writes everybody anew, whatever the answer, and the next one there nothing', async () => {
    const settings = { storeMark: 'store-one' };
    const pipeline = new InMemoryPipeline(settings);
    await pipeline.run(samplePeople, sampleOptedOut);
    settings.storeMark = 'store-two';
    await reanswered(pipeline, samplePeople, sampleOptedOut);
    await pipeline.reconcile(1);
    expect((await pipeline.part(1)).reconciled?.changes).toEqual({ ...noChanges, update: 8 });
    await pipeline.writeAll((await pipeline.weigh()).files);
    await reanswered(pipeline, samplePeople, sampleOptedOut);
    await pipeline.reconcile(1);
    expect((await pipeline.part(1)).reconciled?.changes).toEqual(noChanges);
  });

  it('writes them anew too where a part had no usable answer in the first run there', async () => {
    const settings = { storeMark: 'store-one', partRows: 3 };
    const pipeline = new InMemoryPipeline(settings);
    await pipeline.run(samplePeople, sampleOptedOut);
    settings.storeMark = 'store-two';
    await reanswered(pipeline, samplePeople, sampleOptedOut);
    for (const part of [1, 3]) await pipeline.reconcile(part);
    const malformed = { name: 'ReplyMalformed', message: 'Row 3 of the answer is not an NHS number and a comma' };
    await pipeline.writeAll((await pipeline.weigh([{ part: 2, failure: malformed }])).files);
    await reanswered(pipeline, samplePeople, sampleOptedOut);
    for (const part of [1, 2, 3]) await pipeline.reconcile(part);
    const parts = await pipeline.ledger.parts.list(pipeline.runId);
    expect(parts.map(({ reconciled }) => reconciled?.changes.update)).toEqual([0, 3, 0]);
  });

  it('takes a snapshot of before there were marks for one of the same store', async () => {
    const pipeline = await completed();
    const { readManifest } = pipeline.deps();
    const unmarked = async (...given: Parameters<typeof readManifest>) => {
      const manifest = await readManifest(...given);
      return { ...manifest, entries: manifest.entries.map((entry) => ({ ...entry, store: undefined })) };
    };
    await reanswered(pipeline, samplePeople, sampleOptedOut);
    await reconcilePart({ runId: pipeline.runId, part: 1 }, { ...pipeline.deps(), readManifest: unmarked });
    expect((await pipeline.part(1)).reconciled?.changes).toEqual(noChanges);
  });
});

describe('a person with several numbers', () => {
  const [first = 0, second = 0, third = 0] = everybody;
  const survivors = `${personLine(first, 'p-1')}${personLine(second, 'p-2')}`;
  const part = `${survivors}${digitsOf(third)}>${digitsOf(first)}\n`;

  test.each([
    { says: 'none of them', optedOut: [], active: [] },
    { says: 'their own', optedOut: [first], active: [first] },
    { says: 'one that was merged into it', optedOut: [third], active: [first] },
    { says: 'both', optedOut: [first, third], active: [first] },
    { says: "another person's", optedOut: [second], active: [second] },
  ])('has opted out where any of them has: by $says', async ({ optedOut, active }) => {
    const pipeline = await answered({}, [first, second, third], new Set(optedOut));
    const { cohort } = await pipeline.part(1);
    pipeline.files.contents.delete(cohort.key);
    const linked = await pipeline.files.writeOnce(cohort.key, part);
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['answered'], { cohort: linked });
    expect(await pipeline.reconcile(1)).toEqual({ part: 1, optedOut: active.length, notOptedOut: 2 - active.length });
    expect((await snapshotLines(pipeline)).map((line) => line.split(',').slice(0, 2))).toEqual(
      [first, second].map((number) => [digitsOf(number), active.includes(number) ? 'active' : 'inactive']),
    );
  });
});

describe('a person one of whose numbers has no answer', () => {
  const [first = 0, second = 0, third = 0] = everybody;
  const csv = `nhsNumber,patientId,otherNhsNumbers\n${digitsOf(first)},p-1,${digitsOf(third)}\n${digitsOf(second)},p-2,\n`;
  const openCohort = () => iterate([bodyOf(csv)]);

  test.each([
    { unknown: [third], optedOut: [], believed: { [second]: 'inactive' } },
    { unknown: [third], optedOut: [first], believed: { [first]: 'active', [second]: 'inactive' } },
    { unknown: [first], optedOut: [third], believed: { [first]: 'active', [second]: 'inactive' } },
    { unknown: [first], optedOut: [second], believed: { [second]: 'active' } },
    { unknown: [first, third], optedOut: [], believed: { [second]: 'inactive' } },
  ])('may have opted out by the others, and is never said not to have: %#', async ({ unknown, optedOut, believed }) => {
    const pipeline = new InMemoryPipeline({ openCohort });
    await pipeline.open();
    await ask(pipeline, (await pipeline.build()).parts);
    let answeredSoFar = 0;
    do {
      for (const message of pipeline.mesh.sent.slice(answeredSoFar)) {
        pipeline.answer(message, new Set(optedOut), new Set(unknown));
      }
      answeredSoFar = pipeline.mesh.sent.length;
      if ((await pipeline.check()).rejected > 0) await ask(pipeline, (await pipeline.split()).parts);
    } while (answeredSoFar < pipeline.mesh.sent.length);
    await pipeline.check();
    await pipeline.reconcile(1);
    const statuses = (await snapshotLines(pipeline)).map((line) => [Number(line.slice(0, 10)), line.split(',')[1]]);
    expect(Object.fromEntries(statuses)).toEqual(believed);
    const { refused } = (await pipeline.part(1)).reconciled!;
    expect(pipeline.files.text(refused!.key).split('\n').slice(0, -1)).toEqual(
      unknown.map((number) => `${digitsOf(number)},${number === first ? 'p-1' : ''}`),
    );
  });

  test.each([
    { optedOut: [], believed: [] },
    { optedOut: [first], believed: ['active'] },
  ])('since it could not be asked about: opted out $optedOut.length', async ({ optedOut, believed }) => {
    const pipeline = await answered({}, [first], new Set(optedOut));
    const { cohort } = await pipeline.part(1);
    pipeline.files.contents.delete(cohort.key);
    const marked = await pipeline.files.writeOnce(cohort.key, `${personLine(first, 'p-1')}${digitsOf(first)}!\n`);
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['answered'], { cohort: marked });
    await pipeline.reconcile(1);
    expect((await snapshotLines(pipeline)).map((line) => line.split(',')[1])).toEqual(believed);
  });
});

describe('an answer that cannot be right', () => {
  const known = `${digitsOf(Math.min(...samplePeople))},\r\n`;

  test.each([
    { name: 'ReplyHasStrangers', body: `${known}9990608164,\r\n` },
    { name: 'ReplyMalformed', body: `${known}99933956330,\r\n${known}` },
    { name: 'ReplyTruncated', body: `${known}99999` },
    { name: 'ReplyTruncated', body: known.trimEnd() },
  ])('is refused as $name, and nothing is written: %#', async ({ name, body }) => {
    const pipeline = await answered({}, samplePeople, nobody);
    const { body: reply } = (await pipeline.part(1)).reply!;
    pipeline.files.contents.delete(reply.key);
    const forged = await pipeline.files.writeOnce(reply.key, body);
    const { messageId, asAt } = (await pipeline.part(1)).reply!;
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['answered'], { reply: { messageId, asAt, body: forged } });
    await refusedWithoutTrace(pipeline, name);
  });

  it('is not looked for where the part has none', async () => {
    const pipeline = await answered();
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['answered'], { state: 'overdue' });
    await refusedWithoutTrace(pipeline, 'LedgerInconsistent');
  });
});

describe('a file that is not as the ledger recorded it', () => {
  test.each([
    ['cohort', (bytes: Buffer) => bytes.toString().replace('patient', 'Patient')],
    ['reply', (bytes: Buffer) => bytes.subarray(13)],
  ] as const)('stops the part: its %s', async (which, change) => {
    const pipeline = await answered();
    const { cohort, reply } = await pipeline.part(1);
    pipeline.files.alter(which === 'cohort' ? cohort.key : reply!.body.key, change);
    await refusedWithoutTrace(pipeline, 'FileAltered');
  });

  it('stops the part before it writes anything, until it is put right: an earlier snapshot', async () => {
    // Longer than any buffer on the way, so that the first people would be read before the last byte is proven.
    const people = syntheticNumbers(8000);
    const pipeline = await answered({ changeFileRows: 2000 }, people, nobody);
    await pipeline.reconcile(1);
    const { key } = (await pipeline.part(1)).reconciled!.snapshot;
    await pipeline.weigh();
    await pipeline.close();
    await reanswered(pipeline, people, nobody);

    const bytes = pipeline.files.contents.get(key)!;
    expect(bytes.length).toBeGreaterThan(65_536);
    const otherPeople = gzipSync(gunzipSync(bytes).toString().replaceAll('inactive', 'active'));
    const noGzip = Buffer.concat([Buffer.alloc(20), bytes.subarray(20)]);
    for (const altered of [otherPeople, noGzip, bytes.subarray(0, -9), Buffer.alloc(0)]) {
      pipeline.files.alter(key, () => altered);
      await refusedWithoutTrace(pipeline, 'FileAltered');
    }
    pipeline.files.alter(key, () => bytes);
    expect(await pipeline.reconcile(1)).toEqual({ part: 1, optedOut: 0, notOptedOut: 8000 });
  });

  it('or is gone stops the part: an earlier snapshot', async () => {
    const pipeline = await completed();
    pipeline.files.contents.delete((await pipeline.part(1)).reconciled!.snapshot.key);
    await reanswered(pipeline, samplePeople, nobody);
    await refusedWithoutTrace(pipeline, 'FileMissing');
  });
});

describe('a part that is reconciled twice', () => {
  it('is not worked out again once the ledger has the result', async () => {
    const pipeline = await answered();
    const first = await pipeline.reconcile(1);
    const { cohort, reply } = await pipeline.part(1);
    for (const { key } of [cohort, reply!.body]) pipeline.files.contents.delete(key);
    expect(await pipeline.reconcile(1)).toEqual(first);
  });

  test.each(Array.from({ length: 13 }, (_, index) => index + 1))(
    'since its first try stopped at call %i gives the same bytes under the same keys',
    async (call) => {
      const untouched = await answered({ changeFileRows: 2 });
      await untouched.reconcile(1);
      for (const when of ['before', 'after'] as const) {
        const pipeline = await answered({ changeFileRows: 2 });
        const { runs, parts, files, ...rest } = pipeline.deps();
        const observer = new Observer({ call, when });
        const watched = {
          ...rest,
          runs: observer.watch('runs', runs),
          parts: observer.watch('parts', parts),
          files: observer.watch('files', files),
        };
        const input = { runId: pipeline.runId, part: 1 };
        await reconcilePart(input, watched).catch((error: unknown) => {
          if (!(error instanceof Stopped)) throw error;
        });
        await pipeline.reconcile(1);
        expect(await pipeline.part(1)).toEqual(await untouched.part(1));
        expect(pipeline.files.contents).toEqual(untouched.files.contents);
      }
    },
  );
});

async function answered(
  settings: ConstructorParameters<typeof InMemoryPipeline>[0] = {},
  cohort: readonly number[] = samplePeople,
  optedOut: ReadonlySet<number> = sampleOptedOut,
): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline(settings);
  await pipeline.open();
  await pipeline.ask(cohort, optedOut);
  return pipeline;
}

async function ask(pipeline: InMemoryPipeline, parts: readonly number[]): Promise<void> {
  for (const part of parts) await pipeline.stage(part);
  for (const part of parts) await pipeline.send(part);
}

async function completed(): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline();
  await pipeline.run(samplePeople, sampleOptedOut);
  return pipeline;
}

/** The next run, some days later, answered and not yet reconciled. */
async function reanswered(
  pipeline: InMemoryPipeline,
  cohort: readonly number[],
  optedOut: ReadonlySet<number>,
  days = 7,
): Promise<void> {
  pipeline.clock.advance(days * 86_400);
  pipeline.execution = `arn:execution:${pipeline.clock.now().toISOString()}`;
  await pipeline.open(again);
  await pipeline.ask(cohort, optedOut);
}

async function refusedWithoutTrace(pipeline: InMemoryPipeline, name: string): Promise<void> {
  const before = await pipeline.part(1);
  const keys = pipeline.files.keysBelow('');
  await expect(pipeline.reconcile(1)).rejects.toMatchObject({ name });
  expect(await pipeline.part(1)).toEqual(before);
  expect(pipeline.files.keysBelow('')).toEqual(keys);
}

async function changes(pipeline: InMemoryPipeline, pass: 'activations' | 'others'): Promise<string[]> {
  const { changeFiles } = (await pipeline.part(1)).reconciled!;
  return changeFiles[pass].flatMap(({ key }) => pipeline.files.text(key).split('\n').slice(0, -1));
}

function lines(kind: string, status: string, people: ReadonlySet<number>): string[] {
  const at = '2026-09-01T02:05:00Z';
  const since = status === 'active' ? at : '';
  return [...people]
    .sort((a, b) => a - b)
    .map((number) => `${kind},${digitsOf(number)},${status},${at},${since},${patientIdOf(number)}`);
}

async function snapshotLines(pipeline: InMemoryPipeline): Promise<string[]> {
  const { snapshot } = (await pipeline.part(1)).reconciled!;
  return gunzipSync(await pipeline.files.readVerified(snapshot))
    .toString('utf8')
    .split('\n')
    .slice(0, -1);
}
