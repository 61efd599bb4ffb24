import { relative } from 'node:path';
import type { Summary } from './summary.ts';

/**
 * The summary for a reader: one fact a line.
 *
 * @param out where the report lies; undefined where the run came to none
 */
export function summaryText(summary: Summary, out: string | undefined): string {
  const { cohort, changes, consents, executions } = summary;
  const reasons = Object.entries(cohort.quarantinedByReason).map(([reason, count]) => `${reason} ${count}`);
  return [
    `${summary.status}: ${summary.outcome}${summary.runId ? `, run ${summary.runId}` : ''}`,
    ...(executions.length > 1 ? [`  executions  ${executions.join(', then ')}`] : []),
    `  cohort      ${cohort.rows} rows: ${cohort.requested} people asked about in ${summary.parts} part(s), ${cohort.duplicates} repeats, ${cohort.quarantined} set aside`,
    ...(reasons.length > 0 ? [`              ${reasons.join(', ')}`] : []),
    `  answers     ${summary.optedOut} opted out, ${summary.notOptedOut} not`,
    `  changes     ${changes.created} new, ${changes.activated} now opted out, ${changes.deactivated} no longer, ${changes.updated} rewritten, ${changes.retired} retired`,
    `  Consents    ${consents.written} written`,
    `  took        ${(summary.durationMs / 1000).toFixed(1)} s`,
    ...(out === undefined
      ? []
      : [
          `  report      ${relative(process.cwd(), out) || '.'}/report.html, and beside it report.json, consents.ndjson, history.json, logs.ndjson, mesh.ndjson`,
        ]),
  ].join('\n');
}
