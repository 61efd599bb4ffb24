import { describe, expect, it } from '@jest/globals';
import { unknownModelVersion } from '../../../shared/ndop/snapshot-manifest.ts';
import { day, people, Weeks } from '../../support/weeks.ts';

const optedOut = new Set([people[0]!]);

/** A run of everybody, and some days. */
async function aged(days: number, settings?: ConstructorParameters<typeof Weeks>[0]): Promise<Weeks> {
  const pipeline = new Weeks(settings);
  await pipeline.run(people, optedOut);
  pipeline.notices.length = 0;
  pipeline.measured.length = 0;
  pipeline.clock.advance(days * day - 300);
  return pipeline;
}

describe('the age of what the Consents rest on', () => {
  it('counts from the oldest request, and from the last run', async () => {
    const pipeline = await aged(21);
    expect(await pipeline.freshness()).toEqual({ due: [] });
    expect(pipeline.measured).toEqual([
      { OldestAnswerAgeDays: 21, DaysSinceLastSuccess: 21 - 300 / day, StretchesExpired: 0 },
    ]);
    expect(pipeline.notices).toEqual([]);
    expect(pipeline.ledger.mailbox.lease).toBeUndefined();
  });

  it('says how many stretches are too old', async () => {
    const pipeline = await aged(21.5);
    await pipeline.freshness();
    expect(pipeline.measured).toMatchObject([{ OldestAnswerAgeDays: 21.5, StretchesExpired: 2 }]);
  });

  it('is still that of the last run where no answer is left', async () => {
    const pipeline = await aged(22);
    await pipeline.expire();
    pipeline.clock.advance(40 * day);
    await pipeline.expire('arn:execution:gone');
    pipeline.measured.length = 0;
    await pipeline.freshness('arn:execution:after');
    expect(pipeline.measured).toEqual([{ DaysSinceLastSuccess: 62 - 300 / day, StretchesExpired: 0 }]);
  });

  it('is not spoken of before any run has completed', async () => {
    const pipeline = new Weeks();
    expect(await pipeline.freshness()).toEqual({ due: [] });
    expect(pipeline).toMatchObject({ measured: [], notices: [] });
  });
});

describe('what is too old to stand', () => {
  it('is marked to be written anew before anything of it is deleted, and the mailbox is kept', async () => {
    const pipeline = await aged(22);
    const before = pipeline.statuses();
    const { closedAt } = pipeline.ledger.latest.present!;
    expect((await pipeline.freshness()).due).toMatchObject([
      { what: 'stretch', number: 0, row: 0, isDone: false },
      { what: 'stretch', number: 1, row: 0, isDone: false },
    ]);
    expect((await pipeline.manifest()).entries.map(({ modelVersion }) => modelVersion)).toEqual([
      unknownModelVersion,
      unknownModelVersion,
    ]);
    expect(pipeline.statuses()).toEqual(before);
    expect(pipeline.ledger.latest.present).toMatchObject({ closedAt });
    expect(pipeline.ledger.mailbox.lease).toMatchObject({ execution: 'arn:execution:drain' });
    await expect(pipeline.open(pipeline.next('meanwhile'))).rejects.toMatchObject({ name: 'MailboxBusy' });
  });

  it.each<{ while: string; befalls: (pipeline: Weeks) => Promise<unknown>; says: string }>([
    {
      while: 'a run has the mailbox',
      befalls: (pipeline) => pipeline.open(pipeline.next('at work')),
      says: 'the mailbox is taken by 20260923T020000Z',
    },
    {
      while: 'a step of a run that has ended may be writing',
      befalls: (pipeline) => pipeline.ledger.writes.begin(),
      says: 'a run that has ended may still be writing, until 2026-09-23T02:16:00.000Z',
    },
    {
      while: 'the import of a run that has ended may be writing',
      befalls: (pipeline) => pipeline.ledger.consentImports.begin(pipeline.runId, 1, '2026-09-22T02:00:00.000Z'),
      says: 'the import ndop-20260901T020000Z',
    },
  ])('waits while $while, and the operators are told', async ({ befalls, says }) => {
    const pipeline = await aged(22, { isImportUnderWay: () => Promise.resolve(true) });
    const latest = pipeline.ledger.latest.present;
    await befalls(pipeline);
    expect(await pipeline.freshness()).toEqual({ due: [] });
    expect(pipeline.ledger.latest.present).toEqual(latest);
    expect(pipeline.notices).toEqual([
      { subject: 'NDOP: answers have expired', message: expect.stringContaining(`wait for the next drain: ${says}`) },
    ]);
    expect(pipeline.ledger.mailbox.lease?.execution).not.toBe('arn:execution:drain');
  });

  it('is not said to be gone where the snapshot cannot be read', async () => {
    const pipeline = await aged(22);
    pipeline.files.alter(pipeline.ledger.latest.present!.manifestKey, () => '{}');
    await expect(pipeline.freshness()).rejects.toMatchObject({ name: 'FileAltered' });
  });
});
