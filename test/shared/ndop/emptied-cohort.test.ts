import { expect, test } from '@jest/globals';
import { refuseEmptied } from '../../../shared/ndop/emptied-cohort.ts';
import { emptySnapshot, type SnapshotManifest } from '../../../shared/ndop/snapshot-manifest.ts';

const of = (rows: number): SnapshotManifest => ({
  runId: '20260801T020000Z-7f3a',
  entries: [
    {
      ...{ from: 0, to: 10_000_000_000, key: 'snapshots/one', sha256: '', rows, optedOut: 0 },
      ...{ asAt: '2026-08-01T02:00:00Z', sentAt: '2026-08-01T02:00:00Z', modelVersion: 1 },
    },
  ],
});

test.each([
  { what: 'where no run has completed yet', rows: 0, requested: 0, base: emptySnapshot },
  { what: 'where no snapshot can be read', rows: 0, requested: 0, base: undefined },
  { what: 'where the snapshot knows nobody', rows: 5, requested: 0, base: of(0) },
  { what: 'with a single person', rows: 1, requested: 1, base: of(600) },
])('a cohort $what is taken as it is', ({ rows, requested, base }) => {
  expect(() => {
    refuseEmptied({ rows, requested }, base);
  }).not.toThrow();
});

test.each([0, 5])('a cohort of %i rows and nobody to ask about is refused where the snapshot knows people', (rows) => {
  expect(() => {
    refuseEmptied({ rows, requested: 0 }, of(600));
  }).toThrow(
    expect.objectContaining({
      name: 'CohortEmptied',
      message: expect.stringMatching(new RegExp(`has ${rows} rows .* of 600 people`)),
    }),
  );
});
