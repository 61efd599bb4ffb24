import type { Measured } from '../../shared/metrics.ts';
import type { Report } from '../../shared/report/report.ts';

/**
 * What a closed run measures. What a run had no part in it leaves out: an alarm that an earlier run raised stands until a
 * run of the same kind does better, and a dry run is none.
 */
export function runMetrics(report: Report, isMarked: boolean): Measured {
  const { answered, optOutPercent, changes, consents, cohort, outcome, parts } = report;
  const hasWritten = outcome.startsWith('Completed');
  const hasAnswers = answered > 0;
  return {
    PeopleAnswered: answered,
    ...(hasAnswers ? { OptOutRatePct: optOutPercent } : {}),
    ...(hasAnswers || outcome === 'NothingToCheck' ? { RowsQuarantined: cohort.quarantined } : {}),
    ...(hasWritten
      ? {
          ConsentsActivated: changes.activated,
          ConsentsDeactivated: changes.deactivated,
          ConsentsWritten: consents.written,
          ConsentWriteFailures: consents.failed,
          PartsUnreconciled: parts.filter(({ state }) => state !== 'reconciled').length,
        }
      : {}),
    ...(hasWritten || outcome === 'SnapshotRebuilt' ? { RunMarkerFailures: isMarked ? 0 : 1 } : {}),
  };
}
