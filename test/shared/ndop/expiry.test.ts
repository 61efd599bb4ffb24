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
  test.each([
    { at: '2026-09-01T00:00:00.000Z', due: 'nobody' },
    { at: '2026-09-22T00:00:00.000Z', due: 'nobody' },
    { at: '2026-09-22T00:00:00.001Z', due: 'inactive' },
    { at: '2027-09-01T00:00:00.000Z', due: 'inactive' },
  ])('that may not stand at $at are those of $due', ({ at, due }) => {
    expect(dueOf({ sentAt }, at, limits)).toBe(due);
  });

  test.each([
    { at: '2026-09-22T04:30:00.000Z', due: 'nobody' },
    { at: '2026-10-22T04:30:00.000Z', due: 'nobody' },
    { at: '2026-10-22T04:30:00.001Z', due: 'everybody' },
  ])('and whose expiry was recorded in the morning of the 22nd are those of $due at $at', ({ at, due }) => {
    expect(dueOf({ sentAt, expiredAt: '2026-09-22T04:30:00.000Z' }, at, limits)).toBe(due);
  });

  it('are too old at once where nobody knows the age', () => {
    expect(dueOf({ sentAt: ageUnknown }, '2026-09-01T00:00:00.000Z', limits)).toBe('inactive');
  });
});
