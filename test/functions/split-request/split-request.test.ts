import { describe, expect, it, test } from '@jest/globals';
import { splitRequest } from '../../../functions/split-request/split-request.ts';
import { isAnsweredInPieces, leavesOf } from '../../../shared/ndop/pieces.ts';
import { digitsOf, syntheticNumbers } from '../../support/nhs-numbers.ts';
import { Observer, Stopped } from '../../support/observed.ts';
import { InMemoryPipeline, jobNotice, patientIdOf } from '../../support/pipeline.ts';

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
    const [key = ''] = pipeline.files.keysBelow(`runs/${pipeline.runId}/quarantine/refused-by-service.part-0001.`);
    expect(pipeline.files.text(key)).toBe(
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
  it('of one person whose bytes the service knows is set aside for this run alone: nothing is wrong with the number', async () => {
    const pipeline = await rejected(people.slice(0, 2));
    const { parts } = await pipeline.split();
    await ask(pipeline, parts);
    const failure = { name: 'JobRefused', message: 'The service refused the upload: validate_is_unique_upload' };
    await pipeline.ledger.parts.move(pipeline.runId, 2, ['sent'], {
      state: 'job-refused',
      failure,
      heardAt: '2026-09-01T03:00:00Z',
    });
    pipeline.answer(pipeline.mesh.sent[2]!, optedOut);
    expect(await pipeline.check()).toMatchObject({ waiting: 0, answered: [], rejected: 1 });
    expect(await pipeline.split()).toEqual({ parts: [], quarantined: 1 });
    expect((await pipeline.check()).answered).toEqual([1]);
    await pipeline.reconcile(1);
    await writeAndClose(pipeline);
    expect(pipeline.published[0]?.cohort.quarantinedByReason).toEqual({ 'upload-refused': 1 });
    expect(pipeline.files.keysBelow('snapshots/').filter((key) => key.includes('refused'))).toEqual([]);
  });

  it('that is refused is so once more where the step that refused it was stopped', async () => {
    const pipeline = await rejected(people);
    await ask(pipeline, (await pipeline.split()).parts);
    const [, first, second] = pipeline.mesh.sent;
    for (const { control } of [first!, second!]) pipeline.mesh.deliver({ localId: control.localId }, '9993395633,\r\n');
    await pipeline.check();
    for (let tries = 0; tries < 2; tries += 1) {
      await expect(pipeline.reconcile(1)).rejects.toMatchObject({ name: 'ReplyHasStrangers' });
    }
    // Both were looked at: a resume asks for both at once.
    expect([(await pipeline.part(2)).state, (await pipeline.part(3)).state]).toEqual(['refused', 'refused']);
  });

  it('of a part that is reconciled is not brought up again by a second answer', async () => {
    const pipeline = await rejected(people);
    await ask(pipeline, (await pipeline.split()).parts);
    for (const message of pipeline.mesh.sent.slice(1)) pipeline.answer(message, optedOut);
    await pipeline.check();
    await pipeline.reconcile(1);
    await writeAndClose(pipeline);
    const id = pipeline.mesh.deliver(
      { localId: pipeline.mesh.sent[1]!.control.localId },
      `${digitsOf(people[0]!)},\r\n`,
    );
    await pipeline.drain();
    expect(pipeline.ledger.mailbox.messages.get(id)).toMatchObject({ class: 'answer-late' });
    expect((await pipeline.part(2)).state).toBe('reconciled');
    expect((await pipeline.build()).parts).toEqual([1]);
  });

  it('with an empty answer holds the run, although its part as a whole looks as usual', async () => {
    const pipeline = await rejected(people);
    await ask(pipeline, (await pipeline.split()).parts);
    const [, first, second] = pipeline.mesh.sent;
    pipeline.answer(first!, optedOut);
    pipeline.mesh.deliver({ localId: second!.control.localId, subject: 'SUCCESS' }, jobNotice());
    pipeline.mesh.deliver({ localId: second!.control.localId }, '\r\n');
    await pipeline.check();
    await pipeline.reconcile(1);
    expect((await pipeline.weigh()).reasons).toEqual(['the answer to part 1 (200 people) is empty']);
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

describe('a part of one person', () => {
  it('that is rejected is set aside, and the others are answered', async () => {
    const pipeline = await asked(people.slice(0, 3), { partRows: 2 });
    const [first, second] = pipeline.mesh.sent;
    pipeline.answer(first!, optedOut);
    pipeline.answer(second!, optedOut, new Set(people));
    await answerAll(pipeline, new Set());
    expect((await pipeline.check()).answered).toEqual([1, 2]);
    for (const part of [1, 2]) await pipeline.reconcile(part);
    await writeAndClose(pipeline);
    expect(pipeline.published[0]).toMatchObject({ outcome: 'Completed', answered: 2 });
    expect(pipeline.published[0]?.cohort.quarantinedByReason).toEqual({ 'refused-by-service': 1 });
  });
});

describe('splitting gives up', () => {
  it.each([2, 8, 90])('where nobody of a part of %s would be answered, and remembers none of them', async (size) => {
    const pipeline = await rejected(people.slice(0, size));
    await answerAll(pipeline, new Set(people));
    const { answered, failure } = await pipeline.check();
    expect(answered).toEqual([]);
    expect(failure).toMatchObject({ name: 'SplitExhausted', message: expect.stringMatching(/all rows/) });
  });

  it('as early when the rejections come a few at a time', async () => {
    const limits = { ...new InMemoryPipeline().deps().limits, maxInvalidNumbers: 20 };
    const pipeline = await rejected(people, { limits });
    const waiting = pipeline.mesh.sent.slice(1);
    for (let turns = 0; turns < 200 && (await pipeline.check()).rejected > 0; turns += 1) {
      const before = pipeline.mesh.sent.length;
      await ask(pipeline, (await pipeline.split(turns)).parts);
      waiting.push(...pipeline.mesh.sent.slice(before));
      for (const message of waiting.splice(0, 3)) pipeline.answer(message, optedOut, new Set(people));
    }
    expect(pipeline.mesh.sent.length).toBeLessThan(100);
    expect((await pipeline.check()).failure?.name).toBe('SplitExhausted');
  });

  it('for good: a repeat of the step splits nothing that the first try left', async () => {
    const pipeline = await rejected(people.slice(0, 2));
    await ask(pipeline, (await pipeline.split()).parts);
    for (const message of pipeline.mesh.sent.slice(1)) pipeline.answer(message, optedOut, new Set(people));
    await pipeline.check();
    const { parts, mailbox, now, limits } = pipeline.deps();
    const observer = new Observer({ call: 3, when: 'after' });
    const watched = { now, limits, leaseSeconds: 60, mailbox, parts: observer.watch('parts', parts) };
    const run = { runId: pipeline.runId, execution: pipeline.execution, splits: 1 };
    await expect(splitRequest(run, watched)).rejects.toThrow(Stopped);
    expect((await pipeline.split(1)).parts).toEqual([]);
    expect([(await pipeline.part(2)).state, (await pipeline.part(3)).state]).toEqual(['refused', 'refused']);
  });

  it('where the part has been out for too long for the other answers to wait', async () => {
    const pipeline = await rejected(people);
    pipeline.clock.advance(5 * 86_400 + 1);
    expect((await pipeline.split()).parts).toEqual([]);
    expect((await pipeline.part(1)).failure?.message).toMatch(/first asked about more than 432000 seconds ago/);
  });

  it('before an execution has no room left for its events', async () => {
    const pipeline = await rejected(people);
    expect((await pipeline.split(299)).parts).toEqual([2, 3]);
    await ask(pipeline, [2, 3]);
    pipeline.answer(pipeline.mesh.sent[1]!, optedOut, new Set(people));
    await pipeline.check();
    expect((await pipeline.split(300)).parts).toEqual([]);
    expect((await pipeline.part(2)).failure?.message).toMatch(/300 passes/);
  });

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
    expect((await pipeline.check()).failure?.message).toMatch(
      /taken 8 further requests in 0 passes, and 8 in 300 are allowed/,
    );
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
  const run = { runId: pipeline.runId, execution: pipeline.execution, splits: 1 };
  await expect(splitRequest(run, watched)).rejects.toThrow(Stopped);
  expect((await pipeline.check()).answered).toEqual([]);
  const again = await pipeline.split();
  const rows = await pipeline.ledger.parts.list(pipeline.runId);
  const leaves = leavesOf(rows[0]!, rows);
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
