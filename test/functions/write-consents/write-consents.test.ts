import { describe, expect, it, test } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import type { WriteConsentsDeps } from '../../../functions/write-consents/write-consents.ts';
import { RetryableError } from '../../../shared/errors.ts';
import { consentIdOf, parseIdKey } from '../../../shared/fhir/consent-id.ts';
import type { Write, Written } from '../../../shared/fhir/write-batch.ts';
import { samplePeople, sampleOptedOut, syntheticNumbers } from '../../support/nhs-numbers.ts';
import { InMemoryPipeline, leaseSeconds, patientIdOf } from '../../support/pipeline.ts';

type WriteBatch = WriteConsentsDeps['writeBatch'];
const idKey = parseIdKey('07'.repeat(32));
const idOf = (nhsNumber: number) => consentIdOf(nhsNumber, idKey);
const file = (pass: 'activations' | 'others') => ({ part: 1, pass, file: 1 });
const none = { activate: 0, deactivate: 0, create: 0, update: 0, retire: 0 };
const rowOf = (pipeline: InMemoryPipeline, pass: 'activations' | 'others' = 'others') =>
  pipeline.ledger.consentWrites.find(pipeline.runId, file(pass));

describe('a change file', () => {
  it('is written as one Consent a person, and a row vouches for it', async () => {
    const pipeline = await weighed(samplePeople, sampleOptedOut);
    expect(await pipeline.write('activations', 1, 1)).toEqual({ part: 1, written: 2, setAside: 0 });
    expect(await pipeline.write('others', 1, 1)).toEqual({ part: 1, written: 6, setAside: 0 });
    for (const number of samplePeople) {
      expect(pipeline.consents.get(idOf(number))).toMatchObject({
        status: sampleOptedOut.has(number) ? 'active' : 'inactive',
        patient: { reference: `Patient/${patientIdOf(number)}` },
        meta: { source: `https://fhir.example.nhs.uk/ndop/consent-sync#${pipeline.runId}` },
      });
    }
    expect(pipeline.consents.size).toBe(8);
    expect(await rowOf(pipeline)).toEqual({
      ...file('others'),
      opening: 1,
      written: 6,
      present: none,
      provenancesFailed: 0,
    });
  });

  test.each([
    { people: 1, batches: [1] },
    { people: 100, batches: [100] },
    { people: 101, batches: [1, 100] },
    { people: 250, batches: [50, 100, 100] },
  ])('of $people changes is written in batches of at most a hundred', async ({ people, batches }) => {
    const { writes, writeBatch } = recorded();
    const pipeline = await weighed(syntheticNumbers(people), new Set(), { writeBatch });
    expect(await pipeline.write('others', 1, 1)).toMatchObject({ written: people });
    expect(writes.map((batch) => batch.length).sort((a, b) => a - b)).toEqual(batches);
    expect(new Set(idsIn(writes)).size).toBe(people);
  });

  it('deletes the Consent of whoever is retired, by the id that it was written under', async () => {
    const pipeline = await weighed(samplePeople, new Set());
    await pipeline.writeAll((await pipeline.weigh()).files);
    const gone = Math.min(...samplePeople);
    await next(
      pipeline,
      samplePeople.filter((number) => number !== gone),
      new Set(),
    );
    expect(await pipeline.write('others', 1, 1)).toMatchObject({ written: 1 });
    expect(pipeline.store.written.filter(({ method }) => method === 'DELETE')).toEqual([
      { method: 'DELETE', id: idOf(gone) },
    ]);
  });

  it('that is written already is not looked at again', async () => {
    const pipeline = await weighed(samplePeople, new Set());
    const once = await pipeline.write('others', 1, 1);
    const calls = pipeline.store.calls.length;
    expect(await pipeline.write('others', 1, 1)).toEqual(once);
    expect(pipeline.store.calls).toHaveLength(calls);
  });

  it('that is not what the ledger recorded is refused before the first write', async () => {
    const pipeline = await weighed(syntheticNumbers(500), new Set());
    const { changeFiles } = (await pipeline.part(1)).reconciled!;
    pipeline.files.alter(changeFiles.others[0]!.key, (bytes) => `${bytes.toString()}create,9990608164,active,,,\n`);
    await expect(pipeline.write('others', 1, 1)).rejects.toMatchObject({ name: 'FileAltered' });
    expect(pipeline.store.calls).toEqual([]);
  });

  it('that the part does not have is an inconsistency', async () => {
    const pipeline = await weighed(samplePeople, new Set());
    await expect(pipeline.write('others', 1, 2)).rejects.toMatchObject({ name: 'LedgerInconsistent' });
    await expect(pipeline.write('activations', 1, 1)).rejects.toMatchObject({ name: 'LedgerInconsistent' });
  });

  it('of which an import took a part is written for the rest', async () => {
    const pipeline = await weighed(samplePeople, new Set());
    const { changeFiles } = (await pipeline.part(1)).reconciled!;
    const lines = pipeline.files.text(changeFiles.others[0]!.key).split('\n');
    const left = await pipeline.files.writeOnce('runs/left.csv', `${lines.slice(0, 2).join('\n')}\n`);
    await pipeline.ledger.consentImports.putFile(pipeline.runId, {
      ...{ part: 1, file: 1, imported: 6, left, provenancesFailed: 3 },
    });
    expect(await pipeline.write('others', 1, 1)).toMatchObject({ written: 8 });
    expect(pipeline.consents.size).toBe(2);
    expect(await rowOf(pipeline)).toMatchObject({ provenancesFailed: 3 });
  });
});

describe('a Provenance', () => {
  it('says of each batch which answer it rests on, and is not written again', async () => {
    const pipeline = await weighed(syntheticNumbers(150), new Set(syntheticNumbers(20)));
    await pipeline.write('activations', 1, 1);
    await pipeline.write('others', 1, 1);
    const { reply } = await pipeline.part(1);
    const provenances = [...pipeline.store.provenances.values()];
    expect(provenances.map(({ target }) => target.length)).toEqual([20, 100, 30]);
    expect(new Set(provenances.flatMap(({ target }) => target.map(({ reference }) => reference)))).toEqual(
      new Set([...pipeline.consents.keys()].map((id) => `Consent/${id}`)),
    );
    for (const { entity, occurredDateTime } of provenances) {
      expect(entity.map(({ what }) => what.identifier.value)).toEqual([reply!.messageId]);
      expect(occurredDateTime).toBe(reply!.asAt);
    }
    // As after a stop before the row.
    pipeline.ledger.consentWrites.rows.clear();
    pipeline.clock.advance(60);
    await pipeline.write('others', 1, 1);
    expect(new Set(pipeline.store.versions.values())).toEqual(new Set([1]));
    expect([...pipeline.store.provenances.values()]).toEqual(provenances);
  });

  it('that the store refuses fails nothing, and is counted', async () => {
    const pipeline = await weighed(samplePeople, new Set());
    pipeline.store.faults.onEntry = ({ request }) =>
      request.method === 'PUT' && request.url.startsWith('Provenance/') ? { status: '422' } : undefined;
    expect(await pipeline.write('others', 1, 1)).toEqual({ part: 1, written: 8, setAside: 0 });
    expect(await rowOf(pipeline)).toMatchObject({ provenancesFailed: 1 });
  });

  it('is left out where the environment has none', async () => {
    const pipeline = await weighed(samplePeople, new Set(), { odsCode: undefined });
    await pipeline.write('others', 1, 1);
    expect(pipeline.store.provenances.size).toBe(0);
  });
});

describe('entries that the store refuses for good', () => {
  const people = syntheticNumbers(350);
  const poisonous = people.slice(0, 9);

  it('are set aside, in a file, with their reasons, and the others are written', async () => {
    const pipeline = await weighed(people, new Set());
    refuse(pipeline, poisonous);
    expect(await pipeline.write('others', 1, 1)).toEqual({ part: 1, written: 341, setAside: 9 });
    const row = await rowOf(pipeline);
    expect(row!.setAside).toMatchObject({
      count: 9,
      reasons: { 'status 422': 9 },
      kinds: { ...none, create: 9 },
    });
    expect(pipeline.files.text(row!.setAside!.key).split('\n')).toHaveLength(10);
    // Until the run is opened again there is nothing new to try.
    const calls = pipeline.store.calls.length;
    expect(await pipeline.write('others', 1, 1)).toMatchObject({ setAside: 9 });
    expect(pipeline.store.calls).toHaveLength(calls);
  });

  it('leave a run that is completed with failures, whose snapshot says what the store holds', async () => {
    const pipeline = await weighed(people, new Set());
    refuse(pipeline, poisonous);
    expect(await pipeline.writeAll((await pipeline.weigh()).files)).toMatchObject({ outcome: 'CompletedWithFailures' });
    const report = pipeline.published.at(-1)!;
    expect(report.consents).toEqual({
      written: 341,
      present: 0,
      failed: 9,
      failedByReason: { 'status 422': 9 },
      unsafe: 0,
    });
    expect(report.changes).toMatchObject({ created: 341 });
    // The next run finds them new.
    pipeline.store.faults = {};
    await next(pipeline, people, new Set());
    expect((await pipeline.part(1)).reconciled!.changes).toMatchObject({ create: 9, update: 0 });
  });

  it('are tried again by a resume, they alone, and the run is completed', async () => {
    const pipeline = await weighed(people, new Set());
    refuse(pipeline, poisonous);
    await pipeline.writeAll((await pipeline.weigh()).files);
    pipeline.store.faults = {};
    const before = pipeline.store.written.length;
    await resume(pipeline);
    expect(await pipeline.writeAll((await pipeline.weigh()).files)).toMatchObject({ outcome: 'Completed' });
    expect(pipeline.store.written.slice(before).filter(({ id }) => pipeline.consents.has(id))).toHaveLength(9);
    expect(pipeline.published.at(-1)!.consents).toEqual({
      written: 350,
      present: 0,
      failed: 0,
      failedByReason: {},
      unsafe: 0,
    });
    expect(await pipeline.run(people, new Set(), { trigger: 'console', reason: 'next' })).toMatchObject({
      outcome: 'Completed',
    });
    expect(pipeline.published.at(-1)!.consents.written).toBe(0);
  });

  it('that are refused once more by a resume stay set aside', async () => {
    const pipeline = await weighed(people, new Set());
    refuse(pipeline, poisonous);
    await pipeline.writeAll((await pipeline.weigh()).files);
    refuse(pipeline, poisonous.slice(4));
    await resume(pipeline);
    expect(await pipeline.writeAll((await pipeline.weigh()).files)).toMatchObject({ outcome: 'CompletedWithFailures' });
    expect(pipeline.published.at(-1)!.consents).toMatchObject({ written: 345, failed: 5 });
    expect(pipeline.consents.size).toBe(345);
  });

  it('month after month, though nothing else changes, never end a run', async () => {
    const many = people.slice(0, 30);
    const pipeline = await weighed(people, new Set());
    refuse(pipeline, many);
    for (let month = 0; month < 3; month += 1) {
      expect(await pipeline.writeAll((await pipeline.weigh()).files)).toMatchObject({
        outcome: 'CompletedWithFailures',
      });
      await resume(pipeline);
      expect(await pipeline.writeAll((await pipeline.weigh()).files)).toMatchObject({
        outcome: 'CompletedWithFailures',
      });
      await next(pipeline, people, new Set());
    }
    expect(pipeline.consents.size).toBe(320);
  });

  it('of people who have opted out leave no Consent behind that says otherwise', async () => {
    const pipeline = await weighed(people, new Set());
    await pipeline.writeAll((await pipeline.weigh()).files);
    refuse(pipeline, poisonous.slice(0, 1));
    await next(pipeline, people, new Set(poisonous));
    expect(await pipeline.write('activations', 1, 1)).toMatchObject({ written: 8, setAside: 1 });
    expect(pipeline.consents.has(idOf(poisonous[0]!))).toBe(false);
    expect(pipeline.consents.get(idOf(poisonous[1]!))?.status).toBe('active');
  });

  it('and cannot be deleted either keep the run from being marked, until a resume has them gone', async () => {
    const pipeline = await weighed(people, new Set());
    await pipeline.writeAll((await pipeline.weigh()).files);
    const [poisoned = 0, ...others] = people;
    const url = `Consent/${idOf(poisoned)}`;
    pipeline.store.faults.onEntry = ({ request }) =>
      request.method !== 'GET' && request.url === url ? { status: '422' } : undefined;
    await next(pipeline, people, new Set([poisoned]));
    expect(await pipeline.writeAll((await pipeline.weigh()).files)).toMatchObject({ outcome: 'CompletedWithFailures' });
    // Neither may whoever has left and was not opted out be marked as fresh.
    await next(pipeline, others, new Set());
    expect(await pipeline.writeAll((await pipeline.weigh()).files)).toMatchObject({ outcome: 'CompletedWithFailures' });
    expect(pipeline.published.slice(1).map(({ consents }) => consents.unsafe)).toEqual([1, 1]);
    expect(pipeline.markers).toHaveLength(1);
    pipeline.store.faults = {};
    await resume(pipeline);
    expect(await pipeline.writeAll((await pipeline.weigh()).files)).toMatchObject({ outcome: 'Completed' });
    expect(pipeline.markers).toHaveLength(2);
    expect(pipeline.consents.has(idOf(poisoned))).toBe(false);
  });

  it('and are more than single ones end the step, since something else is wrong', async () => {
    const pipeline = await weighed(people, new Set(), { concurrency: 1 });
    refuse(pipeline, people);
    await expect(pipeline.write('others', 1, 1)).rejects.toMatchObject({
      name: 'ConsentWritesRefused',
      message: expect.stringContaining('refused 100 Consents of a part of 350 people'),
    });
    expect(await rowOf(pipeline)).toBeUndefined();
  });
});

describe('entries that the store refuses after an import', () => {
  const people = syntheticNumbers(350);

  /** An import has taken all of the file but the first so many changes, which the store refuses. */
  async function refused(count: number, provenancesFailed = 0) {
    const pipeline = await weighed(people, new Set());
    const { changeFiles } = (await pipeline.part(1)).reconciled!;
    const lines = pipeline.files.text(changeFiles.others[0]!.key).split('\n').slice(0, count);
    const left = await pipeline.files.writeOnce('runs/left.csv', lines.map((line) => `${line}\n`).join(''));
    const imported = people.length - count;
    await pipeline.ledger.consentImports.putFile(pipeline.runId, {
      part: 1,
      file: 1,
      imported,
      left,
      provenancesFailed,
    });
    refuse(pipeline, people);
    return pipeline;
  }

  it('are few or many beside the people of the part, since a file may hold little else', async () => {
    expect(await (await refused(35)).write('others', 1, 1)).toEqual({ part: 1, written: 315, setAside: 35 });
    await expect((await refused(36)).write('others', 1, 1)).rejects.toMatchObject({
      name: 'ConsentWritesRefused',
      message: expect.stringContaining('refused 36 Consents of a part of 350 people'),
    });
  });

  it('and are tried again by a resume lose no count of what the import did not take', async () => {
    const pipeline = await refused(5, 2);
    await pipeline.writeAll((await pipeline.weigh()).files);
    pipeline.store.faults = {};
    await resume(pipeline);
    expect(await pipeline.writeAll((await pipeline.weigh()).files)).toMatchObject({ outcome: 'Completed' });
    expect(await rowOf(pipeline)).toMatchObject({ written: 350, provenancesFailed: 2 });
  });
});

describe('a store that fails half-way', () => {
  it('leaves no row, and the repeat writes only what is missing', async () => {
    const pipeline = await weighed(syntheticNumbers(600), new Set(), { concurrency: 1 });
    pipeline.store.faults.onCall = () => {
      if (pipeline.store.calls.length > 6) throw new RetryableError('HealthLakeThrottled', 'never taken');
      return undefined;
    };
    await expect(pipeline.write('others', 1, 1)).rejects.toMatchObject({ name: 'HealthLakeThrottled' });
    expect(await rowOf(pipeline)).toBeUndefined();
    expect(pipeline.consents.size).toBe(300);
    pipeline.store.faults = {};
    expect(await pipeline.write('others', 1, 1)).toMatchObject({ written: 600 });
    expect(pipeline.store.written.filter(({ method }) => method === 'PUT')).toHaveLength(606);
    expect(new Set(pipeline.store.versions.values())).toEqual(new Set([1]));
  });

  it('is not written to any more once the step has ended: the mailbox may be another run’s by then', async () => {
    const log = { started: 0, underWay: 0 };
    const pipeline = await weighed(syntheticNumbers(600), new Set(), {
      writeBatch: async (given) => {
        log.started += 1;
        const isFirst = log.started === 1;
        log.underWay += 1;
        for (let turns = 0; turns < (isFirst ? 1 : 5); turns += 1) await turn();
        log.underWay -= 1;
        if (isFirst) throw new RetryableError('HealthLakeUnavailable', 'gone');
        return given.map(() => ({ kind: 'written' }));
      },
    });
    await expect(pipeline.write('others', 1, 1)).rejects.toMatchObject({ name: 'HealthLakeUnavailable' });
    const { started } = log;
    expect(log.underWay).toBe(0);
    for (let turns = 0; turns < 50; turns += 1) await turn();
    expect(log.started).toBe(started);
  });
});

test.each([1, 3])('no more than %i batches are under way at once', async (concurrency) => {
  const log = { underWay: 0, most: 0 };
  const pipeline = await weighed(syntheticNumbers(600), new Set(), {
    concurrency,
    writeBatch: async (given) => {
      log.underWay += 1;
      log.most = Math.max(log.most, log.underWay);
      for (let turns = 0; turns < 3; turns += 1) await turn();
      log.underWay -= 1;
      return given.map(() => ({ kind: 'written' }));
    },
  });
  expect(await pipeline.write('others', 1, 1)).toMatchObject({ written: 600 });
  expect(log).toEqual({ underWay: 0, most: concurrency });
});

describe('the mailbox', () => {
  it('stays the run’s own while it writes', async () => {
    const pipeline = await weighed(samplePeople, new Set());
    pipeline.clock.advance(leaseSeconds - 1);
    await pipeline.write('others', 1, 1);
    const left = Date.parse(pipeline.ledger.mailbox.lease!.expiresAt) - pipeline.clock.now().getTime();
    expect(left).toBe(leaseSeconds * 1000);
  });

  it('that is another run’s by now stops the writing', async () => {
    const { writes, writeBatch } = recorded();
    const pipeline = await weighed(samplePeople, new Set(), { writeBatch });
    pipeline.loseMailbox();
    await expect(pipeline.write('others', 1, 1)).rejects.toMatchObject({ name: 'LeaseLost' });
    expect(writes).toEqual([]);
  });
});

describe('a run that has ended while it still wrote', () => {
  /** Writes one batch after another, and hands over to whoever waits when the second has begun. */
  async function endedInTheSecondBatch() {
    const { writes, writeBatch } = recorded();
    const begun = Promise.withResolvers<undefined>();
    const gate = Promise.withResolvers<undefined>();
    const pipeline = await weighed(syntheticNumbers(600), new Set(), {
      concurrency: 1,
      writeBatch: async (given) => {
        if (writes.length === 1) {
          begun.resolve(undefined);
          await gate.promise;
        }
        return writeBatch(given, pipeline.runId);
      },
    });
    const writing = pipeline.write('others', 1, 1);
    await begun.promise;
    // What recording the failure of another file does.
    await pipeline.ledger.mailbox.releaseLease(pipeline.execution);
    pipeline.clock.advance(6);
    return {
      pipeline,
      writes,
      writing,
      goOn: () => {
        gate.resolve(undefined);
      },
    };
  }

  it('begins no further batch, though the mailbox is free', async () => {
    const { pipeline, writes, writing, goOn } = await endedInTheSecondBatch();
    goOn();
    await expect(writing).rejects.toMatchObject({ name: 'LeaseLost' });
    expect(writes).toHaveLength(2);
    expect(pipeline.ledger.mailbox.lease).toBeUndefined();
  });

  const starts = [
    { start: 'rebuild', input: { trigger: 'console', mode: 'rebuild', reason: 'test' } },
    { start: 'resume', input: undefined },
  ];
  test.each(starts)('keeps a $start out until it writes no more', async ({ input }) => {
    const { pipeline, writing, goOn } = await endedInTheSecondBatch();
    const start = input ?? { trigger: 'console', mode: 'resume', resumeRunId: pipeline.runId, reason: 'test' };
    pipeline.execution = 'arn:execution:after';
    await expect(pipeline.open(start)).rejects.toMatchObject({
      name: 'WritesUnderWay',
      message: expect.stringContaining('until 2026-09-01T02:2'),
    });
    goOn();
    await expect(writing).rejects.toMatchObject({ name: 'LeaseLost' });
    expect(await pipeline.open(start)).toMatchObject({ disposition: 'opened' });
  });

  test.each(starts)('and of which nothing more is heard keeps a $start out for sixteen minutes', async ({ input }) => {
    const { pipeline, writing, goOn } = await endedInTheSecondBatch();
    const start = input ?? { trigger: 'console', mode: 'resume', resumeRunId: pipeline.runId, reason: 'test' };
    pipeline.execution = 'arn:execution:after';
    pipeline.clock.advance(16 * 60 - 7);
    await expect(pipeline.open(start)).rejects.toMatchObject({ name: 'WritesUnderWay' });
    pipeline.clock.advance(1);
    expect(await pipeline.open(start)).toMatchObject({ disposition: 'opened' });
    goOn();
    await expect(writing).rejects.toMatchObject({ name: 'LeaseLost' });
  });
});

function recorded(): { readonly writes: Write[][]; readonly writeBatch: WriteBatch } {
  const writes: Write[][] = [];
  return {
    writes,
    writeBatch: (given) => {
      writes.push([...given]);
      return Promise.resolve(given.map((): Written => ({ kind: 'written' })));
    },
  };
}

/** From now on the store refuses to write these people's Consents. */
function refuse({ store }: InMemoryPipeline, people: readonly number[]): void {
  const urls = new Set(people.map((nhsNumber) => `Consent/${idOf(nhsNumber)}`));
  store.faults.onEntry = ({ request }) =>
    request.method === 'PUT' && urls.has(request.url) ? { status: '422' } : undefined;
}

async function resume(pipeline: InMemoryPipeline): Promise<void> {
  pipeline.execution = 'arn:execution:resume';
  await pipeline.open({ trigger: 'console', mode: 'resume', resumeRunId: pipeline.runId, reason: 'test' });
}

function idsIn(batches: readonly (readonly Write[])[]): string[] {
  return batches.flat().map((write) => (write.method === 'PUT' ? write.consent.id : write.id));
}

async function weighed(
  cohort: readonly number[],
  optedOut: ReadonlySet<number>,
  settings: ConstructorParameters<typeof InMemoryPipeline>[0] = {},
): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline(settings);
  await next(pipeline, cohort, optedOut);
  return pipeline;
}

async function next(pipeline: InMemoryPipeline, cohort: readonly number[], optedOut: ReadonlySet<number>) {
  pipeline.clock.advance(60);
  pipeline.execution = `arn:execution:${pipeline.clock.now().toISOString()}`;
  await pipeline.open({ trigger: 'console', reason: 'test' });
  for (const part of await pipeline.ask(cohort, optedOut)) await pipeline.reconcile(part);
  await pipeline.weigh();
}
