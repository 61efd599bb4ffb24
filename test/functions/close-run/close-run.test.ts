import { describe, expect, it, test } from '@jest/globals';
import { closeRun, type CloseRunInput } from '../../../functions/close-run/close-run.ts';
import { PermanentError, RetryableError } from '../../../shared/errors.ts';
import { manifestOf } from '../../../shared/ledger/latest.ts';
import { samplePeople, sampleOptedOut } from '../../support/nhs-numbers.ts';
import { Observer, Stopped } from '../../support/observed.ts';
import { InMemoryPipeline } from '../../support/pipeline.ts';

const malformed = { name: 'ReplyMalformed', message: 'Row 3 of the answer is not an NHS number and a comma' };

describe('a run whose answers are all written', () => {
  it('makes its snapshot the one that holds, part by part with the age of its answer', async () => {
    const pipeline = await written({ partRows: 3 });
    const { runId } = pipeline;
    expect(await pipeline.close({ written: 8 })).toEqual({
      runId,
      outcome: 'Completed',
      reportKey: `runs/${runId}/report/report-1.json`,
    });
    const { present } = pipeline.ledger.latest;
    const closedAt = pipeline.clock.now().toISOString();
    expect(present).toMatchObject({ runId, closedAt, manifestKey: `snapshots/${runId}/manifest-1.json` });
    expect(
      await pipeline.files.readVerified({ key: present!.manifestKey, sha256: present!.manifestSha256 }),
    ).toBeTruthy();
    const parts = await pipeline.ledger.parts.list(runId);
    expect((await manifest(pipeline)).entries).toEqual(
      parts.map(({ from, to, sentAt, reply, reconciled }) => {
        const { key, sha256, rows, optedOut } = reconciled!.snapshot;
        const store = 'store-one';
        return { from, to, key, sha256, rows, optedOut, asAt: reply!.asAt, sentAt, modelVersion: 1, store };
      }),
    );
  });

  it('keeps its report in both forms, tells the operators, and gives the mailbox back', async () => {
    const pipeline = await written();
    const { reportKey } = await pipeline.close({ written: 8, decision: 'approved by A. Nother: expected' });
    const report = JSON.parse(pipeline.files.text(reportKey)) as unknown;
    expect(report).toMatchObject({
      runId: pipeline.runId,
      outcome: 'Completed',
      optedOut: 2,
      notOptedOut: 6,
      changes: { created: 8 },
      consents: { written: 8 },
    });
    expect(pipeline.files.contents.has(reportKey.replace(/json$/, 'html'))).toBe(true);
    expect(pipeline.published).toEqual([report]);
    expect(pipeline.ledger.mailbox.lease).toBeUndefined();
    expect(await pipeline.ledger.runs.read(pipeline.runId)).toMatchObject({
      state: 'closed',
      outcome: 'Completed',
      reportKey,
    });
  });

  it('moves the snapshot before it says that the run is over, and frees the mailbox last', async () => {
    const pipeline = await written();
    const { calls } = await close(pipeline, new Observer());
    expect(calls.map((call) => call.split(' ')[0])).toEqual([
      'mailbox.keepLease',
      'runs.read',
      'parts.list',
      'runs.update',
      'operations.readManifest',
      'files.writeOnce',
      'latest.move',
      'latest.endWriting',
      'operations.writeReport',
      'runs.update',
      'operations.publish',
      'mailbox.releaseLease',
    ]);
  });
});

describe('the marker that consumers go by', () => {
  it('says from when on the oldest of all answers counts, and that twice is once', async () => {
    const pipeline = await written({ partRows: 3 });
    await pipeline.close({ written: 8 });
    const sentAt = (await pipeline.ledger.parts.list(pipeline.runId)).map((part) => part.sentAt!).sort();
    expect(pipeline.markers).toEqual([
      {
        runId: pipeline.runId,
        outcome: 'Completed',
        recorded: pipeline.clock.now().toISOString(),
        asAt: sentAt[0],
        maxAgeDays: 21,
        ...{ submitted: 8, optedOut: 2, notOptedOut: 6, consentWrites: 8 },
      },
    ]);
    expect(pipeline.published[0]!.usable!.from).toBe(sentAt[0]);
  });

  it('counts from an old stretch that is carried on', async () => {
    const pipeline = await written({ partRows: 3 });
    await pipeline.close();
    const old = (await manifest(pipeline)).entries[1]!.sentAt;
    await nextWritten(pipeline, [1, 3]);
    await pipeline.close();
    expect(pipeline.markers.map(({ asAt }) => asAt)).toEqual([pipeline.markers[0]!.asAt, old]);
  });

  it('is not written of a dry run, nor where it would be stale from the first', async () => {
    const pipeline = await written();
    await pipeline.close({ outcome: 'DryRunCompleted' });
    const late = await written();
    late.clock.advance(22 * 86_400);
    await late.close();
    expect([...pipeline.markers, ...late.markers]).toEqual([]);
  });

  it('that the store refuses does not undo the run: the operators are told', async () => {
    const told: boolean[] = [];
    const pipeline = await written({
      postMarker: () => Promise.reject(new PermanentError('HealthLakeForbidden', 'may not')),
      publish: (_, isMarked) => Promise.resolve(void told.push(isMarked)),
    });
    expect(await pipeline.close()).toMatchObject({ outcome: 'Completed' });
    expect(told).toEqual([false]);
  });

  it('is waited for where the store is away', async () => {
    const pipeline = await written({
      postMarker: () => Promise.reject(new RetryableError('HealthLakeUnavailable', 'away')),
    });
    await expect(pipeline.close()).rejects.toMatchObject({ name: 'HealthLakeUnavailable' });
    expect((await pipeline.ledger.runs.read(pipeline.runId)).state).toBe('running');
  });
});

describe('a snapshot that would not hold everybody once', () => {
  it('is refused where the parts do not fit together: the old one goes on holding', async () => {
    const pipeline = await written({ partRows: 3 });
    const first = await pipeline.part(1);
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['reconciled'], { to: first.to - 1 });
    await expect(pipeline.close()).rejects.toMatchObject({ name: 'LedgerInconsistent' });
    expect(pipeline.ledger.latest.present).toBeUndefined();
    expect(pipeline.files.keysBelow('snapshots/').filter((key) => key.includes('manifest'))).toEqual([]);
  });

  it('is refused where a count of it cannot be', async () => {
    const pipeline = await written({ partRows: 3 });
    const { reconciled } = await pipeline.part(1);
    const snapshot = { ...reconciled!.snapshot, optedOut: 4 };
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['reconciled'], { reconciled: { ...reconciled!, snapshot } });
    await expect(pipeline.close()).rejects.toMatchObject({
      name: 'SnapshotInconsistent',
      message: expect.stringMatching(/entry 1 \(.*\) holds counts that cannot be/),
    });
    expect(pipeline.ledger.latest.present).toBeUndefined();
  });

  it('is not built on an old one that has been altered', async () => {
    const pipeline = await written({ partRows: 3 });
    await pipeline.close();
    await nextWritten(pipeline, [1, 2, 3]);
    const { present } = pipeline.ledger.latest;
    pipeline.files.alter(present!.manifestKey, (bytes) => bytes.toString('utf8').replace('"optedOut"', '"optedOut" '));
    await expect(pipeline.close()).rejects.toMatchObject({ name: 'FileAltered' });
    expect(pipeline.ledger.latest.present).toEqual(present);
  });
});

describe('a run with a part that has no usable answer', () => {
  it('in a first run leaves the part’s range empty, and has completed in part', async () => {
    const pipeline = await written({ partRows: 3 }, [1, 3]);
    expect(await pipeline.close()).toMatchObject({ outcome: 'CompletedPartially' });
    const [first, , third] = await pipeline.ledger.parts.list(pipeline.runId);
    expect((await manifest(pipeline)).entries.map(({ from, to }) => ({ from, to }))).toEqual([
      { from: first!.from, to: first!.to },
      { from: third!.from, to: third!.to },
    ]);
  });

  it('carries on what was believed of its range, as old as it is', async () => {
    const pipeline = await written({ partRows: 3 });
    await pipeline.close();
    const before = await manifest(pipeline);
    await nextWritten(pipeline, [1, 3]);
    expect(await pipeline.close()).toMatchObject({ outcome: 'CompletedPartially' });
    const after = await manifest(pipeline);
    expect(after.entries.map(({ from, to }) => ({ from, to }))).toEqual(
      before.entries.map(({ from, to }) => ({ from, to })),
    );
    expect(after.entries[1]).toEqual(before.entries[1]);
    for (const index of [0, 2]) expect(after.entries[index]?.key).toContain(pipeline.runId);
  });

  it('cuts what it carries on to its own range where the parts were cut differently', async () => {
    const pipeline = await written({ partRows: 8 });
    await pipeline.close();
    const wider = new InMemoryPipeline({ partRows: 3 });
    const { ledger, files, mesh, clock } = pipeline;
    Object.assign(wider, { ledger, files, mesh, clock });
    await nextWritten(wider, [1, 3]);
    await wider.close();
    const [, second] = await wider.ledger.parts.list(wider.runId);
    const entry = (await manifest(wider)).entries[1];
    expect(entry).toMatchObject({ from: second!.from, to: second!.to, rows: 8 });
    expect(entry?.key).toContain(pipeline.runId);
  });

  it('that is resumed and completed makes a second snapshot of the same run', async () => {
    const pipeline = await written({ partRows: 4 }, [1]);
    await pipeline.close();
    pipeline.execution = 'arn:execution:second';
    await pipeline.open({ trigger: 'console', reason: 'part 2', mode: 'resume', resumeRunId: pipeline.runId });
    for (const part of await pipeline.ask(samplePeople, sampleOptedOut)) await pipeline.reconcile(part);
    await pipeline.weigh();
    expect(await pipeline.close()).toMatchObject({
      outcome: 'Completed',
      reportKey: expect.stringMatching(/report-2/),
    });
    expect(pipeline.ledger.latest.present?.manifestKey).toMatch(/manifest-2\.json$/);
    expect((await manifest(pipeline)).entries).toHaveLength(2);
  });
});

test.each(['NothingToCheck', 'DryRunCompleted'] as const)(
  'a run that ends as %s moves no snapshot',
  async (outcome) => {
    const pipeline = await written();
    expect(await pipeline.close({ outcome })).toMatchObject({ outcome });
    expect(pipeline.ledger.latest.present).toBeUndefined();
    expect(pipeline.files.keysBelow('snapshots/').filter((key) => key.includes('manifest'))).toEqual([]);
    expect(pipeline.ledger.mailbox.lease).toBeUndefined();
    expect(await pipeline.ledger.runs.read(pipeline.runId)).toMatchObject({ state: 'closed', outcome });
  },
);

it('that a dry run goes over keeps the outcome that it had', async () => {
  const pipeline = await written();
  await pipeline.close();
  pipeline.execution = 'arn:execution:dry';
  const over = { trigger: 'console', mode: 'dry-run', resumeRunId: pipeline.runId, reason: 'what would it change' };
  expect(await pipeline.open(over)).toMatchObject({ disposition: 'opened', isDryRun: true });
  expect(await pipeline.close({ outcome: 'DryRunCompleted' })).toMatchObject({ outcome: 'DryRunCompleted' });
  expect(await pipeline.ledger.runs.read(pipeline.runId)).toMatchObject({ state: 'closed', outcome: 'Completed' });
});

describe('a run that may not close', () => {
  it('is one that another has overtaken: its snapshot does not replace the newer one', async () => {
    const pipeline = await written();
    const { runId, execution } = pipeline;
    await pipeline.fail({ stage: 'Write the Consents', error: { Error: 'HealthLakeThrottled' } });
    await nextWritten(pipeline, [1]);
    await pipeline.close();
    const latest = pipeline.ledger.latest.present;
    Object.assign(pipeline, { runId, execution });
    await expect(pipeline.close()).rejects.toMatchObject({ name: 'SnapshotSuperseded' });
    expect(pipeline.ledger.latest.present).toEqual(latest);
    expect((await pipeline.ledger.runs.read(runId)).state).toBe('failed');
  });

  it('is one that has lost the mailbox', async () => {
    const pipeline = await written();
    pipeline.loseMailbox();
    await expect(pipeline.close()).rejects.toMatchObject({ name: 'LeaseLost' });
    expect(pipeline.ledger.latest.present).toBeUndefined();
    expect(pipeline.published).toEqual([]);
  });
});

test.each(Array.from({ length: 11 }, (_, index) => index + 1))(
  'a stop at call %i is followed by the same end, later though it is',
  async (call) => {
    const untouched = await written({ partRows: 3 }, [1, 3]);
    await close(untouched, new Observer());
    for (const when of ['before', 'after'] as const) {
      const pipeline = await written({ partRows: 3 }, [1, 3]);
      await expect(close(pipeline, new Observer({ call, when }))).rejects.toThrow(Stopped);
      const closing = (await pipeline.ledger.runs.read(pipeline.runId)).closing?.at;
      if (closing !== undefined) pipeline.clock.advance(60);
      expect(await pipeline.close({ written: 8 })).toMatchObject({ outcome: 'CompletedPartially' });
      expect(pipeline.files.contents).toEqual(untouched.files.contents);
      expect(pipeline.ledger.latest.present).toEqual(untouched.ledger.latest.present);
      expect(pipeline.ledger.runs.rows).toEqual(untouched.ledger.runs.rows);
      expect(pipeline.ledger.mailbox.lease).toBeUndefined();
      expect(pipeline.published.at(-1)).toEqual(untouched.published[0]);
    }
  },
);

/** A run as it stands when all that it found is written; parts that are not named here had their answer refused. */
async function written(
  settings: ConstructorParameters<typeof InMemoryPipeline>[0] = {},
  usable?: readonly number[],
): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline(settings);
  await pipeline.open();
  await reconcileAll(pipeline, usable);
  return pipeline;
}

async function nextWritten(pipeline: InMemoryPipeline, usable: readonly number[]): Promise<void> {
  pipeline.clock.advance(7 * 86_400);
  pipeline.execution = 'arn:execution:next';
  await pipeline.open({ trigger: 'console', reason: 'next' });
  await reconcileAll(pipeline, usable);
}

async function reconcileAll(pipeline: InMemoryPipeline, usable?: readonly number[]): Promise<void> {
  const answered = await pipeline.ask(samplePeople, sampleOptedOut);
  const taken = usable ?? answered;
  for (const part of taken) await pipeline.reconcile(part);
  await pipeline.weigh(answered.filter((part) => !taken.includes(part)).map((part) => ({ part, failure: malformed })));
}

function manifest(pipeline: InMemoryPipeline) {
  return pipeline.deps().readManifest(manifestOf(pipeline.ledger.latest.present));
}

/** Closes with every call watched. */
async function close(pipeline: InMemoryPipeline, observer: Observer): Promise<Observer> {
  const { runs, parts, latest, mailbox, files, readManifest, writeReport, publish, ...rest } = pipeline.deps();
  const operations = observer.watch('operations', { readManifest, writeReport, publish });
  const input: CloseRunInput = { runId: pipeline.runId, execution: pipeline.execution, written: 8 };
  await closeRun(input, {
    ...rest,
    ...{ readManifest: operations.readManifest, writeReport: operations.writeReport, publish: operations.publish },
    runs: observer.watch('runs', runs),
    parts: observer.watch('parts', parts),
    latest: observer.watch('latest', latest),
    mailbox: observer.watch('mailbox', mailbox),
    files: observer.watch('files', files),
  });
  return observer;
}
