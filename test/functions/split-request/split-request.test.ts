import { describe, expect, it, test } from '@jest/globals';
import { splitRequest } from '../../../functions/split-request/split-request.ts';
import { isAnsweredInPieces, leavesOf } from '../../../shared/ndop/pieces.ts';
import { digitsOf, syntheticNumbers } from '../../support/nhs-numbers.ts';
import { Observer, Stopped } from '../../support/observed.ts';
import { InMemoryPipeline, patientIdOf } from '../../support/pipeline.ts';

const people = [...syntheticNumbers(400)].sort((a, b) => a - b);
const optedOut = new Set(people.filter((_, index) => index % 17 === 3));

describe('a request that the service rejects', () => {
  test.each([
    { what: 'no row is at fault', unknown: [] },
    { what: 'one row is', unknown: [200] },
    { what: 'the first and the last row are', unknown: [0, 399] },
    { what: 'three rows are', unknown: [7, 133, 390] },
    { what: 'neighbours are', unknown: [100, 101, 102, 103] },
    { what: 'fifty rows are', unknown: people.map((_, index) => index).filter((index) => index % 8 === 5) },
  ])('is split until everybody else is answered, where $what', async ({ unknown }) => {
    const bad = new Set(unknown.map((index) => people[index]!));
    const pipeline = await rejected(people);
    await answerAll(pipeline, bad);

    expect((await pipeline.check()).answered).toEqual([1]);
    await pipeline.reconcile(1);
    await writeAndClose(pipeline);
    const asked = people.filter((number) => !bad.has(number));
    expect(statusesIn(pipeline)).toEqual(
      new Map(asked.map((number) => [patientIdOf(number), optedOut.has(number) ? 'active' : 'inactive'])),
    );
    const [report] = pipeline.published;
    expect(report).toMatchObject({ outcome: 'Completed', answered: 400 - bad.size, optedOut: countIn(asked) });
    expect(report?.cohort.quarantinedByReason['refused-by-service']).toBe(bad.size > 0 ? bad.size : undefined);
    expect(report?.splitting).toMatchObject({ refusedByService: bad.size });
    expect(report?.splitting?.rounds).toBeLessThanOrEqual(9);
  });

  it('keeps whom the service refused in a file of the run, and names nobody elsewhere', async () => {
    const bad = new Set([people[7]!, people[133]!]);
    const pipeline = await rejected(people);
    await answerAll(pipeline, bad);
    await pipeline.reconcile(1);
    expect(pipeline.files.text(`runs/${pipeline.runId}/quarantine/refused-by-service.part-0001.1.csv`)).toBe(
      [...bad].map((number) => `${digitsOf(number)},${patientIdOf(number)}\n`).join(''),
    );
    expect(JSON.stringify(pipeline.history)).not.toMatch(/\d{10}(?!\d)/);
  });

  it('is asked about in pieces under LocalIDs, names and numbers of their own, in rising order', async () => {
    const pipeline = await rejected(people);
    const { parts } = await pipeline.split();
    expect(parts).toEqual([2, 3]);
    for (const part of parts) await pipeline.stage(part);
    const pieces = [await pipeline.part(2), await pipeline.part(3)];
    expect(pieces).toMatchObject([
      { rows: 200, pieceOf: { part: 1, firstRow: 0, round: 1 }, request: { sequence: 2, bytes: 2600 } },
      { rows: 200, pieceOf: { part: 1, firstRow: 200, round: 1 }, request: { sequence: 3, bytes: 2600 } },
    ]);
    const rows = pieces.flatMap(({ request }) => pipeline.files.text(request!.key).split('\r\n').filter(Boolean));
    expect(rows.sort()).toEqual(people.map((number) => `${digitsOf(number)},`));
  });

  it('does not wait for the answers to the other parts', async () => {
    const pipeline = await asked(people, { partRows: 200 });
    pipeline.answer(pipeline.mesh.sent[0]!, optedOut, new Set(people));
    expect(await pipeline.check()).toMatchObject({ waiting: 1, answered: [], rejected: 1 });
    expect((await pipeline.split()).parts).toEqual([3, 4]);
  });
});

describe('whom the service refused', () => {
  it('is left out of the next runs, and asked about again after ninety days', async () => {
    const bad = new Set([people[7]!, people[133]!]);
    const pipeline = await rejected(people);
    await answerAll(pipeline, bad);
    await pipeline.reconcile(1);
    await writeAndClose(pipeline);

    const nextRun = async (scheduledTime: string) => {
      pipeline.clock.advance((Date.parse(scheduledTime) - pipeline.clock.now().getTime()) / 1000);
      pipeline.execution = `arn:execution:${scheduledTime}`;
      await pipeline.open({ trigger: 'schedule', scheduledTime });
      const before = pipeline.mesh.sent.length;
      await ask(pipeline, (await pipeline.build()).parts);
      for (const message of pipeline.mesh.sent.slice(before)) pipeline.answer(message, optedOut, bad);
      await answerAll(pipeline, bad);
      await pipeline.reconcile(1);
      await writeAndClose(pipeline);
      return { messages: pipeline.mesh.sent.length - before, report: pipeline.published.at(-1) };
    };
    const second = await nextRun('2026-09-08T02:00:00Z');
    expect(second.messages).toBe(1);
    expect(second.report).toMatchObject({ outcome: 'Completed', answered: 398 });
    expect(second.report?.cohort.quarantinedByReason).toEqual({ 'refused-by-service': 2 });
    expect((await nextRun('2026-11-28T02:00:00Z')).messages).toBe(1);

    const later = await nextRun('2026-12-01T02:00:00Z');
    expect(later.messages).toBeGreaterThan(1);
    expect(later.report?.cohort.quarantinedByReason).toEqual({ 'refused-by-service': 2 });
    expect((await nextRun('2026-12-08T02:00:00Z')).messages).toBe(1);
  });
});

describe('a piece', () => {
  it('of one person is set aside too where the service knows its bytes from an earlier upload', async () => {
    const pipeline = await rejected(people.slice(0, 2));
    const { parts } = await pipeline.split();
    await ask(pipeline, parts);
    await pipeline.ledger.parts.move(pipeline.runId, 2, ['sent'], {
      state: 'job-refused',
      heardAt: '2026-09-01T03:00:00Z',
    });
    pipeline.answer(pipeline.mesh.sent[2]!, optedOut);
    expect(await pipeline.check()).toMatchObject({ waiting: 0, answered: [], rejected: 1 });
    expect(await pipeline.split()).toEqual({ parts: [], quarantined: 1 });
    expect((await pipeline.check()).answered).toEqual([1]);
  });

  it('whose answer names people of another piece is refused, and asked about alone by a resume', async () => {
    const pipeline = await rejected(people);
    await ask(pipeline, (await pipeline.split()).parts);
    const [, first, second] = pipeline.mesh.sent;
    pipeline.mesh.deliver({ localId: first!.control.localId }, second!.body.toString());
    pipeline.answer(second!, optedOut);
    expect((await pipeline.check()).answered).toEqual([1]);
    await expect(pipeline.reconcile(1)).rejects.toMatchObject({ name: 'ReplyHasStrangers' });
    expect((await pipeline.part(2)).state).toBe('refused');
    expect((await pipeline.check()).answered).toEqual([]);

    expect((await pipeline.build()).parts).toEqual([1, 2]);
    const before = pipeline.mesh.sent.length;
    await ask(pipeline, [1, 2], true);
    expect(pipeline.mesh.sent.length).toBe(before + 1);
    pipeline.answer(pipeline.mesh.sent.at(-1)!, optedOut);
    expect((await pipeline.check()).answered).toEqual([1]);
    await pipeline.reconcile(1);
    expect((await pipeline.part(1)).reconciled).toMatchObject({
      optedOut: countIn(people),
      notOptedOut: 400 - countIn(people),
    });
  });

  it('that is overdue leaves its part without an answer, and the report says why', async () => {
    const pipeline = await rejected(people);
    await ask(pipeline, (await pipeline.split()).parts);
    pipeline.answer(pipeline.mesh.sent[1]!, optedOut);
    pipeline.clock.advance(6 * 86_400);
    expect(await pipeline.check()).toMatchObject({ waiting: 0, answered: [], failure: { name: 'ReplyOverdue' } });
    await pipeline.close({ outcome: 'NothingToCheck' });
    expect(pipeline.published[0]?.parts).toMatchObject([
      { part: 1, state: 'split', failure: { name: 'ReplyOverdue' } },
    ]);
  });

  it('has its own deadline: what the run waited before it was sent does not count', async () => {
    const pipeline = await rejected(people);
    const { parts } = await pipeline.split();
    for (const part of parts) await pipeline.stage(part);
    for (const part of parts) await pipeline.send(part, 400_000);
    expect(await pipeline.check(432_000)).toMatchObject({ waiting: 2, waitSeconds: 900 });
    expect(await pipeline.check(832_000)).toMatchObject({ waiting: 0, failure: { name: 'ReplyOverdue' } });
  });
});

describe('splitting gives up', () => {
  it('where more requests are rejected than numbers can be invalid: something else is wrong', async () => {
    const pipeline = await rejected(people, {
      limits: { ...new InMemoryPipeline().deps().limits, maxInvalidNumbers: 3 },
    });
    await answerAll(pipeline, new Set(people));
    const rows = await pipeline.ledger.parts.list(pipeline.runId);
    expect(rows.filter(({ state }) => state === 'refused').map(({ failure }) => failure?.name)).toEqual(
      Array(4).fill('SplitExhausted'),
    );
    expect(pipeline.mesh.sent.length).toBe(1 + 2 + 4);
    expect(await pipeline.check()).toMatchObject({ answered: [], failure: { name: 'SplitExhausted' } });
  });

  it('where it would take more requests than are allowed', async () => {
    const pipeline = await rejected(people, { limits: { ...new InMemoryPipeline().deps().limits, maxPieces: 8 } });
    await answerAll(pipeline, new Set([people[9]!]));
    expect(pipeline.mesh.sent.length).toBe(1 + 8);
    expect((await pipeline.check()).failure?.message).toMatch(/8 further requests, and 8 are allowed/);
  });
});

test.each(
  Array.from({ length: 9 }, (_, index) => index + 1).flatMap((call) =>
    (['before', 'after'] as const).map((when) => ({ call, when })),
  ),
)('a stop $when call $call of a split is followed by the same pieces, each once', async (stopAt) => {
  const pipeline = await rejected(people.slice(0, 5));
  await ask(pipeline, (await pipeline.split()).parts);
  for (const message of pipeline.mesh.sent.slice(1)) pipeline.answer(message, optedOut, new Set(people));
  await pipeline.check();

  const { parts, mailbox, ...rest } = pipeline.deps();
  const observer = new Observer(stopAt);
  const watched = { ...rest, parts: observer.watch('parts', parts), mailbox: observer.watch('mailbox', mailbox) };
  const run = { runId: pipeline.runId, execution: pipeline.execution };
  await expect(splitRequest(run, watched)).rejects.toThrow(Stopped);
  expect((await pipeline.check()).answered).toEqual([]);
  const again = await pipeline.split();
  const rows = await pipeline.ledger.parts.list(pipeline.runId);
  const leaves = leavesOf(1, rows);
  expect(again.parts).toEqual(leaves.map(({ part }) => part));
  expect(leaves.map(({ rows: count, pieceOf }) => [pieceOf?.firstRow, count])).toEqual([
    [0, 2],
    [2, 1],
    [3, 1],
    [4, 1],
  ]);
  expect(isAnsweredInPieces(rows[0]!, rows)).toBe(false);
});

it('is not done by a run that lost the mailbox', async () => {
  const pipeline = await rejected(people);
  pipeline.loseMailbox();
  await expect(pipeline.split()).rejects.toMatchObject({ name: 'LeaseLost' });
  expect((await pipeline.part(1)).state).toBe('rejected');
});

async function asked(cohort: readonly number[], settings: ConstructorParameters<typeof InMemoryPipeline>[0] = {}) {
  const pipeline = new InMemoryPipeline(settings);
  pipeline.cohort = cohort;
  await pipeline.open();
  await ask(pipeline, (await pipeline.build()).parts);
  return pipeline;
}

/** A run whose one request was rejected. */
async function rejected(...given: Parameters<typeof asked>) {
  const pipeline = await asked(...given);
  pipeline.answer(pipeline.mesh.sent[0]!, optedOut, new Set(pipeline.cohort));
  await pipeline.check();
  return pipeline;
}

async function ask(pipeline: InMemoryPipeline, parts: readonly number[], isReopened = false): Promise<void> {
  for (const part of parts) await pipeline.stage(part, isReopened);
  for (const part of parts) await pipeline.send(part);
}

/** Goes on as the state machine does, until nothing is rejected any more. */
async function answerAll(pipeline: InMemoryPipeline, unknown: ReadonlySet<number>): Promise<void> {
  for (let answered = pipeline.mesh.sent.length; (await pipeline.check()).rejected > 0;) {
    await ask(pipeline, (await pipeline.split()).parts);
    for (const message of pipeline.mesh.sent.slice(answered)) pipeline.answer(message, optedOut, unknown);
    answered = pipeline.mesh.sent.length;
  }
}

async function writeAndClose(pipeline: InMemoryPipeline): Promise<void> {
  const { files } = await pipeline.weigh();
  for (const pass of ['activations', 'others'] as const) {
    for (const { part, file } of files[pass]) await pipeline.write(pass, part, file);
  }
  await pipeline.close();
}

function statusesIn({ consents }: InMemoryPipeline): Map<string, string> {
  return new Map(
    [...consents.values()].map(({ patient, status }) => [String(patient.reference).replace('Patient/', ''), status]),
  );
}

const countIn = (numbers: readonly number[]) => numbers.filter((number) => optedOut.has(number)).length;
