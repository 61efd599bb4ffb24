import { describe, expect, it, test } from '@jest/globals';
import { consentIdOf } from '../../../shared/fhir/consent-id.ts';
import type { Expiring } from '../../../shared/ndop/expiring.ts';
import { syntheticNumbers } from '../../support/nhs-numbers.ts';
import { InMemoryPipeline } from '../../support/pipeline.ts';
import { day, idKey, people } from '../../support/weeks.ts';

type Settings = ConstructorParameters<typeof InMemoryPipeline>[0];

/** Answers that are a day too old, and the piece of work that they make. */
async function expired(
  cohort: readonly number[],
  optedOut: ReadonlySet<number>,
  settings?: Settings,
): Promise<{ pipeline: InMemoryPipeline; due: Expiring }> {
  const pipeline = new InMemoryPipeline(settings);
  await pipeline.run(cohort, optedOut);
  pipeline.clock.advance(22 * day);
  const [due] = (await pipeline.freshness()).due;
  pipeline.store.calls.length = 0;
  pipeline.store.written.length = 0;
  return { pipeline, due: due! };
}

describe('a stretch whose answer is too old', () => {
  test.each([
    { mostDeletes: 1000, steps: [350] },
    { mostDeletes: 350, steps: [350] },
    { mostDeletes: 150, steps: [150, 150, 50] },
    { mostDeletes: 100, steps: [100, 100, 100, 50] },
  ])('of 350 people is gone through in steps of $mostDeletes, each person once', async ({ mostDeletes, steps }) => {
    const cohort = syntheticNumbers(400);
    const out = new Set(cohort.slice(0, 50));
    const { pipeline, due } = await expired(cohort, out, { mostDeletes });
    const deleted: number[] = [];
    for (let each = due; !each.isDone; deleted.push(each.deleted)) each = await pipeline.expireSome(each);
    expect(deleted.map((sum, step) => sum - (deleted[step - 1] ?? 0))).toEqual(steps);
    const gone = pipeline.store.written.map(({ method, id }) => `${method} ${id}`);
    expect(new Set(gone).size).toBe(350);
    expect(pipeline.consents.size).toBe(50);
    expect(pipeline.store.calls.every((entries) => entries.length <= 100)).toBe(true);
  });

  it('is not touched unless the snapshot says that it is to be written anew', async () => {
    const { pipeline, due } = await expired(people, new Set());
    const manifestKey = `snapshots/${pipeline.runId}/manifest-1.json`;
    const { sha256: manifestSha256 } = await pipeline.files.writeOnce(manifestKey, pipeline.files.text(manifestKey));
    pipeline.ledger.latest.present = { ...pipeline.ledger.latest.present!, manifestKey, manifestSha256 };
    await expect(pipeline.expireSome(due)).rejects.toMatchObject({ name: 'LedgerInconsistent' });
    expect(pipeline.store.calls).toEqual([]);
  });

  it('keeps whoever a run that stopped has found opted out since', async () => {
    const { pipeline, due } = await expired(people, new Set());
    const id = consentIdOf(people[0]!, idKey);
    pipeline.consents.set(id, { ...pipeline.consents.get(id)!, status: 'active' });
    expect(await pipeline.expireSome(due)).toMatchObject({ deleted: 7, kept: 0, isDone: true });
    expect([...pipeline.consents.keys()]).toEqual([id]);
  });

  it('leaves a Consent without our tag alone, as consumers do', async () => {
    const { pipeline, due } = await expired(people, new Set());
    const id = consentIdOf(people[0]!, idKey);
    const { meta, ...rest } = pipeline.consents.get(id)!;
    pipeline.consents.set(id, { ...rest, meta: { ...meta, tag: [] } });
    expect(await pipeline.expireSome(due)).toMatchObject({ deleted: 7, kept: 0 });
    expect([...pipeline.consents.keys()]).toEqual([id]);
  });

  it('counts what the store refuses to delete, and goes on with the rest', async () => {
    const { pipeline, due } = await expired(people, new Set());
    pipeline.store.faults.onEntry = ({ request }, index) =>
      request.method === 'DELETE' && index < 2 ? { status: '422' } : undefined;
    expect(await pipeline.expireSome(due)).toMatchObject({ deleted: 6, kept: 2, isDone: true });
    expect(pipeline.consents.size).toBe(2);
  });

  it('of which the store answers nothing is tried again, and nobody is taken for gone', async () => {
    const { pipeline, due } = await expired(people, new Set());
    pipeline.store.faults.onCall = () => 'lost';
    await expect(pipeline.expireSome(due)).rejects.toMatchObject({ name: 'HealthLakeUnavailable' });
    expect(pipeline.ledger.writes.rows.size).toBe(0);
    pipeline.store.faults = {};
    expect(await pipeline.expireSome(due)).toMatchObject({ deleted: 8, isDone: true });
  });

  it('is left to whoever has the mailbox by now', async () => {
    const { pipeline, due } = await expired(people, new Set());
    pipeline.loseMailbox();
    await expect(pipeline.expireSome(due)).rejects.toMatchObject({ name: 'LeaseLost' });
    expect(pipeline.store.calls).toEqual([]);
  });

  it('keeps every run out while something is being deleted, whatever becomes of the mailbox', async () => {
    const began = { runs: 0 };
    const { pipeline, due } = await expired(people, new Set(), {
      deleteConsents: async () => {
        pipeline.ledger.mailbox.lease = undefined;
        pipeline.execution = 'arn:execution:meanwhile';
        await expect(pipeline.open({ trigger: 'console', reason: 'meanwhile' })).rejects.toMatchObject({
          name: 'WritesUnderWay',
        });
        began.runs += 1;
        return { deleted: 8, kept: 0 };
      },
    });
    await pipeline.expireSome(due);
    expect(began.runs).toBe(1);
  });
});
