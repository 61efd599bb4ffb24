import { describe, expect, it, test } from '@jest/globals';
import { dueOf, oldestVouchedFor } from '../../../shared/ndop/expiry.ts';
import { ageUnknown, type SnapshotEntry } from '../../../shared/ndop/snapshot-manifest.ts';

function entry(overrides: Partial<SnapshotEntry>): SnapshotEntry {
  return {
    ...{ from: 0, to: 10_000_000_000, key: 'snapshots/run/part-0001.1.csv.gz', sha256: 'a', rows: 2, optedOut: 1 },
    ...{ asAt: '2026-09-02T00:00:00.000Z', sentAt: '2026-09-01T00:00:00.000Z', modelVersion: 1 },
    ...overrides,
  };
}

describe('the oldest answer that vouches for somebody', () => {
  it('is the one whose request was sent first', () => {
    const entries = [entry({ sentAt: '2026-09-05T00:00:00.000Z' }), entry({ sentAt: '2026-09-03T00:00:00.000Z' })];
    expect(oldestVouchedFor({ runId: 'run', entries })).toBe('2026-09-03T00:00:00.000Z');
  });

  it.each([
    { what: 'a stretch that has expired', changed: { expiredAt: '2026-02-01T00:00:00.000Z' } },
    { what: 'a stretch without people', changed: { rows: 0, optedOut: 0 } },
  ])('is not that of $what', ({ changed }) => {
    const entries = [entry({ sentAt: '2026-01-01T00:00:00.000Z', ...changed }), entry({})];
    expect(oldestVouchedFor({ runId: 'run', entries })).toBe('2026-09-01T00:00:00.000Z');
  });

  it('is none where no stretch vouches for anybody', () => {
    expect(oldestVouchedFor({ runId: '', entries: [] })).toBeUndefined();
    expect(
      oldestVouchedFor({ runId: 'run', entries: [entry({ expiredAt: '2026-02-01T00:00:00.000Z' })] }),
    ).toBeUndefined();
  });
});

describe('the Consents of a stretch that was asked about on 1 September', () => {
  const limits = { maxAgeDays: 21, retentionDays: 30 };
  const sentAt = '2026-09-01T00:00:00.000Z';
  const expiredAt = '2026-09-22T04:30:00.000Z';

  test.each([
    { at: '2026-09-01T00:00:00.000Z', due: 'nobody', recorded: 'nobody' },
    { at: '2026-09-22T00:00:00.000Z', due: 'nobody', recorded: 'nobody' },
    { at: '2026-09-22T00:00:00.001Z', due: 'inactive', recorded: 'nobody' },
    { at: '2026-10-22T00:00:00.000Z', due: 'inactive', recorded: 'nobody' },
    { at: '2026-10-22T00:00:00.001Z', due: 'everybody', recorded: 'everybody' },
    { at: '2027-09-01T00:00:00.000Z', due: 'everybody', recorded: 'everybody' },
  ])('that may not stand at $at are those of $due, of $recorded where its expiry is recorded', ({ at, ...whose }) => {
    expect(dueOf({ sentAt }, at, limits)).toBe(whose.due);
    expect(dueOf({ sentAt, expiredAt }, at, limits)).toBe(whose.recorded);
  });

  test.each([
    { at: '2026-09-01T00:00:00.000Z', due: 'inactive', recorded: 'nobody' },
    { at: '2026-10-22T04:30:00.000Z', due: 'inactive', recorded: 'nobody' },
    { at: '2026-10-22T04:30:00.001Z', due: 'inactive', recorded: 'everybody' },
  ])('whose age is not known: at $at those of $due, of $recorded once that is recorded', ({ at, ...whose }) => {
    expect(dueOf({ sentAt: ageUnknown }, at, limits)).toBe(whose.due);
    expect(dueOf({ sentAt: ageUnknown, expiredAt }, at, limits)).toBe(whose.recorded);
  });
});
