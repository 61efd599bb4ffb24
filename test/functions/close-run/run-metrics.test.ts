import { expect, it, test } from '@jest/globals';
import { runMetrics } from '../../../functions/close-run/run-metrics.ts';
import { reportOf, type Report } from '../../../shared/report/report.ts';
import { usualParts, usualRun } from '../../support/runs.ts';

const report = reportOf(usualRun, usualParts, {
  ...{ closedAt: '2026-09-01T04:00:00Z', outcome: 'Completed', written: 11 },
});

it('a run says what it was answered, what it changed and what it could not do', () => {
  expect(runMetrics(report, true)).toEqual({
    PeopleAnswered: 1000,
    OptOutRatePct: 5.4,
    ConsentsActivated: 5,
    ConsentsDeactivated: 1,
    ConsentsWritten: 11,
    ConsentWriteFailures: 0,
    RowsQuarantined: 6,
    RunMarkerFailures: 0,
    PartsUnreconciled: 0,
  });
});

it('a run that was not answered, such as a rebuild, has no rate', () => {
  const rebuilt: Report = { ...report, outcome: 'SnapshotRebuilt', answered: 0, optOutPercent: 0 };
  expect(runMetrics(rebuilt, true)).not.toHaveProperty('OptOutRatePct');
});

it('a marker that the store refused is counted', () => {
  expect(runMetrics(report, false)).toMatchObject({ RunMarkerFailures: 1 });
});

const [first, second] = report.parts;
test.each<{ outcome: Report['outcome']; unreconciled: number }>([
  { outcome: 'CompletedPartially', unreconciled: 1 },
  { outcome: 'DryRunCompleted', unreconciled: 0 },
  { outcome: 'SnapshotRebuilt', unreconciled: 0 },
])(
  'of two parts, one of them refused, a run that ends as $outcome leaves $unreconciled',
  ({ outcome, unreconciled }) => {
    const parts = [first!, { ...second!, state: 'refused' as const }];
    expect(runMetrics({ ...report, outcome, parts }, true)).toMatchObject({ PartsUnreconciled: unreconciled });
  },
);
