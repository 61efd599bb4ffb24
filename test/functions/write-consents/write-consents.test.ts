import { describe, expect, it, test } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import type { WriteConsentsDeps } from '../../../functions/write-consents/write-consents.ts';
import { RetryableError } from '../../../shared/errors.ts';
import type { Write } from '../../../shared/fhir/batch.ts';
import { consentIdOf, parseIdKey } from '../../../shared/fhir/consent-id.ts';
import { samplePeople, sampleOptedOut, syntheticNumbers } from '../../support/nhs-numbers.ts';
import { InMemoryPipeline, leaseSeconds, patientIdOf } from '../../support/pipeline.ts';

type WriteBatch = WriteConsentsDeps['writeBatch'];
const idKey = parseIdKey('07'.repeat(32));
const evidenceOf = ({ runId }: InMemoryPipeline) => `runs/${runId}/writes/part-0001.1.others-0001.json`;

describe('a change file', () => {
  it('is written as one Consent a person, and leaves proof of it', async () => {
    const pipeline = await weighed(samplePeople, sampleOptedOut);
    expect(await pipeline.write('activations', 1, 1)).toEqual({ written: 2 });
    expect(await pipeline.write('others', 1, 1)).toEqual({ written: 6 });
    for (const number of samplePeople) {
      expect(pipeline.consents.get(consentIdOf(number, idKey))).toMatchObject({
        status: sampleOptedOut.has(number) ? 'active' : 'inactive',
        patient: { reference: `Patient/${patientIdOf(number)}` },
        meta: { source: `https://fhir.example.nhs.uk/ndop/consent-sync#${pipeline.runId}` },
      });
    }
    expect(pipeline.consents.size).toBe(8);
    expect(pipeline.files.text(evidenceOf(pipeline))).toBe('{"written":6}');
  });

  test.each([
    { people: 1, batches: [1] },
    { people: 100, batches: [100] },
    { people: 101, batches: [1, 100] },
    { people: 250, batches: [50, 100, 100] },
  ])('of $people changes is written in batches of at most a hundred', async ({ people, batches }) => {
    const { writes, writeBatch } = recorded();
    const pipeline = await weighed(syntheticNumbers(people), new Set(), { writeBatch });
    expect(await pipeline.write('others', 1, 1)).toEqual({ written: people });
    expect(writes.map((batch) => batch.length).sort((a, b) => a - b)).toEqual(batches);
    expect(new Set(idsIn(writes)).size).toBe(people);
  });

  it('deletes the Consent of whoever is retired, by the id that it was written under', async () => {
    const { writes, writeBatch } = recorded();
    const pipeline = await weighed(samplePeople, new Set(), { writeBatch, retentionDays: 0 });
    await pipeline.write('others', 1, 1);
    await pipeline.close();
    const gone = Math.min(...samplePeople);
    const stayed = samplePeople.filter((number) => number !== gone);
    writes.length = 0;
    await next(pipeline, stayed, new Set());
    expect(await pipeline.write('others', 1, 1)).toEqual({ written: 1 });
    expect(writes).toEqual([[{ method: 'DELETE', id: consentIdOf(gone, idKey) }]]);
  });

  it('that is written already is not written again', async () => {
    const { writes, writeBatch } = recorded();
    const pipeline = await weighed(samplePeople, new Set(), { writeBatch });
    await pipeline.write('others', 1, 1);
    writes.length = 0;
    expect(await pipeline.write('others', 1, 1)).toEqual({ written: 8 });
    expect(writes).toEqual([]);
  });

  it('that is not what the ledger recorded is refused before the first write', async () => {
    const { writes, writeBatch } = recorded();
    const pipeline = await weighed(syntheticNumbers(500), new Set(), { writeBatch });
    const { changeFiles } = (await pipeline.part(1)).reconciled!;
    pipeline.files.alter(changeFiles.others[0]!.key, (bytes) => `${bytes.toString()}create,9990608164,active,,,\n`);
    await expect(pipeline.write('others', 1, 1)).rejects.toMatchObject({ name: 'FileAltered' });
    expect(writes).toEqual([]);
  });

  it('that the part does not have is an inconsistency', async () => {
    const pipeline = await weighed(samplePeople, new Set());
    await expect(pipeline.write('others', 1, 2)).rejects.toMatchObject({ name: 'LedgerInconsistent' });
    await expect(pipeline.write('activations', 1, 1)).rejects.toMatchObject({ name: 'LedgerInconsistent' });
  });
});

describe('entries that the store refuses for good', () => {
  it('are counted by status once all others are written, and leave no proof', async () => {
    const { writes, writeBatch } = recorded();
    let batch = 0;
    const pipeline = await weighed(syntheticNumbers(350), new Set(), {
      writeBatch: async (given) => {
        await writeBatch(given);
        batch += 1;
        return batch > 2
          ? { written: given.length, refused: {} }
          : { written: given.length - 3, refused: { 422: 2, 400: 1 } };
      },
    });
    await expect(pipeline.write('others', 1, 1)).rejects.toMatchObject({
      name: 'ConsentWritesRefused',
      message: expect.stringContaining('refused 6 of 350 Consents (status 400, 422)'),
    });
    expect(idsIn(writes)).toHaveLength(350);
    expect(pipeline.files.contents.has(evidenceOf(pipeline))).toBe(false);
  });
});

describe('a store that fails half-way', () => {
  it('leaves no proof, and the repeat writes every Consent once more under the same id', async () => {
    const { writes, writeBatch } = recorded();
    const failing = { at: 3 };
    const pipeline = await weighed(syntheticNumbers(600), new Set(), {
      writeBatch: (given) => {
        failing.at -= 1;
        if (failing.at === 0) return Promise.reject(new RetryableError('HealthLakeThrottled', 'never taken'));
        return writeBatch(given);
      },
    });
    await expect(pipeline.write('others', 1, 1)).rejects.toMatchObject({ name: 'HealthLakeThrottled' });
    expect(pipeline.files.contents.has(evidenceOf(pipeline))).toBe(false);
    const before = idsIn(writes);
    expect(before.length).toBeLessThan(600);

    writes.length = 0;
    expect(await pipeline.write('others', 1, 1)).toEqual({ written: 600 });
    expect(new Set(idsIn(writes))).toHaveProperty('size', 600);
    expect(before.filter((id) => !idsIn(writes).includes(id))).toEqual([]);
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
        return { written: given.length, refused: {} };
      },
    });
    await expect(pipeline.write('others', 1, 1)).rejects.toMatchObject({ name: 'HealthLakeUnavailable' });
    expect(log).toEqual({ started: 4, underWay: 0 });
    for (let turns = 0; turns < 50; turns += 1) await turn();
    expect(log.started).toBe(4);
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
      return { written: given.length, refused: {} };
    },
  });
  expect(await pipeline.write('others', 1, 1)).toEqual({ written: 600 });
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
        return writeBatch(given);
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
    { start: 'rewrite', input: { trigger: 'console', rewrite: true, reason: 'test' } },
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
      return Promise.resolve({ written: given.length, refused: {} });
    },
  };
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
