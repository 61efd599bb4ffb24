import type { Part } from '../../shared/ledger/parts.ts';
import type { Run } from '../../shared/ledger/runs.ts';

/** A run of 1,000 people in two parts that went as usual, up to its closing. */
export const usualRun: Run = {
  runId: '20260901T020000Z-7f3a',
  state: 'running',
  trigger: 'schedule',
  mode: 'refresh',
  cohortChoice: { source: 'fhir-store' },
  executionArn: 'arn:aws:states:eu-west-2:123456789012:execution:refresh:one',
  openedAt: '2026-09-01T02:00:00Z',
  opening: 1,
  baseManifestKey: 'snapshots/20260825T020000Z-1b2c/manifest-1.json',
  cohort: {
    counts: { rows: 1010, requested: 1000, duplicates: 4, quarantined: { missing: 5, 'check-digit-wrong': 1 } },
    parts: 2,
    quarantineKey: 'runs/20260901T020000Z-7f3a/quarantine/rows.1.csv',
  },
  verdict: {
    reasons: [],
    optedOut: 54,
    notOptedOut: 946,
    previousOptedOut: 50,
    previousRows: 1000,
    changes: { activate: 5, deactivate: 1, create: 2, update: 0, retire: 3 },
  },
};

/** The parts of that run, each reconciled. */
export const usualParts: readonly Part[] = [1, 2].map((part) => ({
  part,
  state: 'reconciled',
  from: part === 1 ? 0 : 9_500_000_000,
  to: part === 1 ? 9_500_000_000 : 10_000_000_000,
  rows: 500,
  cohort: { key: `cohort-${part}`, sha256: 'abc', bytes: 6000 },
  attempt: 1,
  request: {
    key: `request-${part}`,
    sha256: 'def',
    bytes: 6500,
    controlKey: `control-${part}`,
    localId: `NDOP-20260901T020000Z-7f3a-000${part}-1`,
    name: `RZZ99OT001-010926-000${part}`,
    sequence: part,
  },
  messageId: `20260901020100123456_00000${part}`,
  sentAt: '2026-09-01T02:01:00Z',
  reply: { messageId: `reply-${part}`, body: { key: 'k', sha256: 'ghi', bytes: 6000 }, asAt: '2026-09-01T02:41:07Z' },
  reconciled: {
    optedOut: 27,
    notOptedOut: 473,
    duplicates: 0,
    quarantined: 0,
    largestEmptyAnswer: 0,
    asAt: '2026-09-01T02:41:07Z',
    sentAt: '2026-09-01T02:01:00Z',
    previousRows: 500,
    previousOptedOut: 25,
    modelVersion: 1,
    changes: { activate: 2, deactivate: 0, create: 1, update: 0, retire: 1 },
    changeFiles: { activations: [], others: [] },
    snapshot: { key: `snapshot-${part}`, sha256: 'jkl', bytes: 100, rows: 510, optedOut: 27 },
  },
}));
