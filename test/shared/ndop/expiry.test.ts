import { describe, expect, it } from '@jest/globals';
import { oldestVouchedFor } from '../../../shared/ndop/expiry.ts';
import type { SnapshotEntry } from '../../../shared/ndop/snapshot-manifest.ts';

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
    { what: 'a stretch that has expired', changed: { isExpired: true } },
    { what: 'a stretch without people', changed: { rows: 0, optedOut: 0 } },
  ])('is not that of $what', ({ changed }) => {
    const entries = [entry({ sentAt: '2026-01-01T00:00:00.000Z', ...changed }), entry({})];
    expect(oldestVouchedFor({ runId: 'run', entries })).toBe('2026-09-01T00:00:00.000Z');
  });

  it('is none where no stretch vouches for anybody', () => {
    expect(oldestVouchedFor({ runId: '', entries: [] })).toBeUndefined();
    expect(oldestVouchedFor({ runId: 'run', entries: [entry({ isExpired: true })] })).toBeUndefined();
  });
});
