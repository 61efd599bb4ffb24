import { expect, it } from '@jest/globals';
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

it('a rebuild has no rate, and says nothing of writing', () => {
  const rebuilt: Report = { ...report, outcome: 'SnapshotRebuilt', answered: 0, optOutPercent: 0 };
  expect(runMetrics(rebuilt, true)).toEqual({ PeopleAnswered: 0, RunMarkerFailures: 0 });
});

it('a run that found nobody to ask about says how many rows it set aside', () => {
  const empty: Report = { ...report, outcome: 'NothingToCheck', answered: 0, optOutPercent: 0 };
  expect(runMetrics(empty, true)).toEqual({ PeopleAnswered: 0, RowsQuarantined: 6 });
});

it('a dry run leaves standing what an alarm says of the run before', () => {
  const names = Object.keys(runMetrics({ ...report, outcome: 'DryRunCompleted' }, true));
  expect(names).toEqual(['PeopleAnswered', 'OptOutRatePct', 'RowsQuarantined']);
});

it.each(['Completed', 'SnapshotRebuilt'] as const)('a marker that the store refused is counted: %s', (outcome) => {
  expect(runMetrics({ ...report, outcome }, false)).toMatchObject({ RunMarkerFailures: 1 });
});

it('parts without a usable answer are counted', () => {
  const [first, second] = report.parts;
  const parts = [first!, { ...second!, state: 'refused' as const }];
  expect(runMetrics({ ...report, outcome: 'CompletedPartially', parts }, true)).toMatchObject({ PartsUnreconciled: 1 });
});
