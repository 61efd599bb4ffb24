import type { Measured } from '../../shared/metrics.ts';
import type { Report } from '../../shared/report/report.ts';

/** What a closed run measures. A run that was not answered, a rebuild say, has no rate: nought would be one. */
export function runMetrics(report: Report, isMarked: boolean): Measured {
  const { answered, optOutPercent, changes, consents, cohort, outcome, parts } = report;
  return {
    PeopleAnswered: answered,
    ...(answered > 0 ? { OptOutRatePct: optOutPercent } : {}),
    ConsentsActivated: changes.activated,
    ConsentsDeactivated: changes.deactivated,
    ConsentsWritten: consents.written,
    ConsentWriteFailures: consents.failed,
    RowsQuarantined: cohort.quarantined,
    RunMarkerFailures: isMarked ? 0 : 1,
    // Others than these end with parts that nobody was to reconcile.
    PartsUnreconciled: outcome.startsWith('Completed') ? parts.filter(({ state }) => state !== 'reconciled').length : 0,
  };
}
