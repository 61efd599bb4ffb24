import type { Files } from '../files.ts';
import { runFiles } from '../run-files.ts';
import { reportHtml } from './report-html.ts';
import type { Report } from './report.ts';

/** Keeps a report in both forms: one for each opening that was closed, one for each failure. */
export async function writeReport(files: Pick<Files, 'writeOnce'>, report: Report): Promise<{ readonly key: string }> {
  const { runId, opening, closedAt } = report;
  // A run may fail more than once before it is closed.
  const name = report.outcome === 'Failed' ? `failure-${closedAt.replace(/[-:.]/g, '')}` : `report-${opening}`;
  await files.writeOnce(runFiles.report(runId, name, 'html'), reportHtml(report));
  return files.writeOnce(runFiles.report(runId, name, 'json'), `${JSON.stringify(report, undefined, 2)}\n`);
}
