import { describe, expect, it, test } from '@jest/globals';
import type { Part } from '../../../shared/ledger/parts.ts';
import type { Run } from '../../../shared/ledger/runs.ts';
import { reportHtml } from '../../../shared/report/report-html.ts';
import { reportText } from '../../../shared/report/report-text.ts';
import { reportOf, type Report, type ReportEnding } from '../../../shared/report/report.ts';
import { writeReport } from '../../../shared/report/write-report.ts';
import { usualParts, usualRun } from '../../support/runs.ts';

const closedAt = '2026-09-01T02:45:00.123Z';
const completed: ReportEnding = { closedAt, outcome: 'Completed', written: 11 };
const { cohort, verdict, ...justOpened } = usualRun;
const failure = { name: 'ReplyOverdue', message: 'No reply within 5 days' };
const overdue: Part = { ...usualParts[1]!, state: 'overdue', failure };
delete (overdue as Partial<Record<'reply' | 'reconciled', unknown>>).reply;
delete (overdue as Partial<Record<'reply' | 'reconciled', unknown>>).reconciled;
const built: Part = {
  part: 1,
  state: 'built',
  from: 0,
  to: 1e10,
  rows: 1000,
  cohort: usualParts[0]!.cohort,
  attempt: 0,
};

/** One report for each way that a run can end. */
const reports: Record<string, Report> = {
  completed: reportOf(usualRun, usualParts, completed),
  'completed in part': reportOf(usualRun, [usualParts[0]!, overdue], { ...completed, outcome: 'CompletedPartially' }),
  'nothing to check': reportOf(
    { ...justOpened, cohort: { ...cohort!, counts: { rows: 0, requested: 0, duplicates: 0, quarantined: {} } } },
    [],
    { closedAt, outcome: 'NothingToCheck', written: 0 },
  ),
  'dry run': reportOf({ ...justOpened, cohort: cohort!, mode: 'dry-run', reason: 'before go-live' }, [built], {
    closedAt,
    outcome: 'DryRunCompleted',
    written: 0,
  }),
  'failed at once': reportOf(justOpened, [], {
    closedAt,
    outcome: 'Failed',
    written: 0,
    failure: { name: 'CohortMissing', stage: 'Build the cohort', message: 'cohorts/today.csv is not in the bucket' },
  }),
  'failed while writing': reportOf(usualRun, usualParts, {
    closedAt,
    outcome: 'Failed',
    written: 3,
    failure: { name: 'ConsentWritesRefused', stage: 'Write the Consents', message: '2 Consents were refused (422)' },
  }),
  'completed with failures': reportOf(usualRun, usualParts, {
    ...{ closedAt, outcome: 'CompletedWithFailures', written: 7 },
    writes: {
      written: 7,
      present: { activate: 0, deactivate: 0, create: 0, update: 0, retire: 1 },
      setAside: { activate: 2, deactivate: 0, create: 1, update: 0, retire: 0 },
      unsafe: 1,
      setAsideByReason: { 'status 422: invariant': 2, 'a Consent that is not ours has its id': 1 },
      provenancesFailed: 1,
    },
    usable: { from: '2026-09-01T02:01:00Z', until: '2026-09-22T02:01:00.000Z' },
  }),
  'held and approved': reportOf(
    {
      ...usualRun,
      verdict: { ...verdict!, reasons: ['the share moved'] },
      review: { taskToken: 'secret-token', heldAt: closedAt, until: closedAt },
    },
    usualParts,
    { ...completed, decision: 'approved: checked with the practice' },
  ),
};

describe('the report of a run that completed', () => {
  it('counts people, changes and writes', () => {
    expect(reports.completed).toMatchObject({
      runId: '20260901T020000Z-7f3a',
      outcome: 'Completed',
      cohort: { rows: 1010, requested: 1000, duplicates: 4, quarantined: 6, quarantinedByReason: { missing: 5 } },
      asked: 1000,
      answered: 1000,
      optedOut: 54,
      notOptedOut: 946,
      optOutPercent: 5.4,
      previousOptOutPercent: 5,
      changes: { activated: 5, deactivated: 1, created: 2, updated: 0, retired: 3 },
      consents: { written: 11 },
    });
    expect(reports.completed!.parts[1]).toEqual({
      part: 2,
      state: 'reconciled',
      rows: 500,
      requestBytes: 6500,
      attempt: 1,
      sentAt: '2026-09-01T02:01:00Z',
      answeredAt: '2026-09-01T02:41:07Z',
      optedOut: 27,
      notOptedOut: 473,
    });
  });

  it('has no earlier share in a first run', () => {
    const first = { ...usualRun, verdict: { ...verdict!, previousRows: 0, previousOptedOut: 0 } };
    expect(reportOf(first, usualParts, completed)).not.toHaveProperty('previousOptOutPercent');
  });

  it('forgets why a part had failed before it was asked again and answered', () => {
    const [part] = reportOf(usualRun, [{ ...usualParts[0]!, failure }], completed).parts;
    expect(part).not.toHaveProperty('failure');
  });
});

describe('patients who are one person', () => {
  const counts = {
    ...cohort!.counts,
    merged: 1203,
    unresolvedLinks: 7,
    invalidOtherNumbers: 2,
    refusedOtherNumbers: 5,
  };
  const report = reportOf({ ...usualRun, cohort: { ...cohort!, counts } }, usualParts, completed);

  it('are counted', () => {
    expect(report.cohort).toMatchObject({
      merged: 1203,
      unresolvedLinks: 7,
      invalidOtherNumbers: 2,
      refusedOtherNumbers: 5,
    });
    expect(reportText(report)).toMatch(
      /1203 numbers asked.*\n.*7 links.*\n.*2 further.*invalid\n.*5 further numbers refused/,
    );
    expect(reportHtml(report)).toMatch(/another number.*1,203.*\n.*Links.*7<.*\n.*invalid.*2<.*\n.*refused.*5</);
  });

  it('are not spoken of where there are none', () => {
    const none = { ...cohort!.counts, merged: 0, unresolvedLinks: 0, invalidOtherNumbers: 0, refusedOtherNumbers: 0 };
    const silent = reportOf({ ...usualRun, cohort: { ...cohort!, counts: none } }, usualParts, completed);
    expect(silent).toEqual(reports.completed);
  });
});

describe('other endings', () => {
  it('tell which part failed and why', () => {
    expect(reports['completed in part']!.parts[1]).toMatchObject({ state: 'overdue', failure });
  });

  it('tell what a person was asked and decided', () => {
    expect(reports['held and approved']!.review).toEqual({
      reasons: ['the share moved'],
      decision: 'approved: checked with the practice',
    });
    expect(reports.completed).not.toHaveProperty('review');
    const undecided = reportOf(
      { ...usualRun, review: { taskToken: 't', heldAt: '', until: '' } },
      usualParts,
      completed,
    );
    expect(undecided.review).toEqual({ reasons: [], decision: 'none recorded' });
  });

  it('count nobody where nobody was asked', () => {
    expect(reports['dry run']).toMatchObject({ asked: 0, answered: 0, optOutPercent: 0, reason: 'before go-live' });
    expect(reports['failed at once']).toMatchObject({ cohort: { rows: 0, requested: 0 }, asked: 0, parts: [] });
  });
});

describe.each(Object.entries(reports))('in words: %s', (_, report) => {
  const [text, html] = [reportText(report), reportHtml(report)];

  it('says how it ended and never "undefined", in a few lines and as a page', () => {
    for (const form of [text, html, JSON.stringify(report)]) {
      expect(form).toContain(report.runId);
      expect(form).not.toMatch(/undefined|NaN|\[object|null/);
      expect(form).not.toContain('secret-token');
    }
    expect(text.split('\n')[0]).toBe(`Run ${report.runId}: ${report.outcome}`);
    for (const { name, message } of [report.failure, ...report.parts.map((part) => part.failure)].filter(
      (one) => !!one,
    )) {
      expect(text).toContain(name);
      expect(text).toContain(message);
      expect(html).toContain(name);
      expect(html).toContain(message);
    }
  });

  it('is a page that needs nothing else', () => {
    expect(html).toMatch(/^<!doctype html>\n<html lang="en-GB">/);
    expect(html).not.toMatch(/<script|<link|<img|https?:/);
    for (const tag of ['table', 'tr', 'th', 'td', 'h2', 'p']) {
      expect(html.split(`<${tag}>`).length + html.split(`<${tag} `).length - 1).toBe(html.split(`</${tag}>`).length);
    }
  });
});

describe('the headline', () => {
  test.each([
    { ending: 'completed', headline: 'Completed: 1,000 people answered, 11 Consents written.', look: 'good' },
    { ending: 'completed in part', headline: 'Completed in part: ', look: 'look' },
    { ending: 'nothing to check', headline: 'Nothing to check: ', look: 'look' },
    { ending: 'dry run', headline: 'Dry run completed: nothing was written.', look: 'look' },
    { ending: 'failed at once', headline: 'Failed: CohortMissing.', look: 'look' },
  ])('of $ending begins "$headline"', ({ ending, headline, look }) => {
    expect(reportHtml(reports[ending]!)).toContain(`<p class="outcome ${look}">${headline}`);
  });
});

it('escapes what an operator or a message wrote', () => {
  const run: Run = { ...usualRun, reason: '<script>alert("a")</script> & more' };
  const ending = { ...completed, outcome: 'Failed', failure: { name: 'N', stage: '"S"', message: '<b>' } } as const;
  const html = reportHtml(reportOf(run, [{ ...overdue, failure: { name: '<i>', message: '</td>' } }], ending));
  expect(html).toContain('&lt;script&gt;alert(&quot;a&quot;)&lt;/script&gt; &amp; more');
  expect(html).toContain('&lt;i&gt;: &lt;/td&gt;');
  expect(html).not.toMatch(/<script>|<b>|<i>/);
});

it('says the share of a first run without an earlier one', () => {
  const { previousOptOutPercent, ...first } = reports.completed!;
  expect(reportText(reports.completed!)).toContain('54 opted out (5.40 %, last time 5.00 %)');
  expect(previousOptOutPercent).toBe(5);
  expect(reportText(first)).toContain('54 opted out (5.40 %), 946 not');
  expect(reportHtml(first)).toContain('no earlier run');
});

describe('keeping a report', () => {
  async function keysOf(report: Report): Promise<string[]> {
    const keys: string[] = [];
    const file = await writeReport(
      {
        writeOnce: (key) => {
          keys.push(key);
          return Promise.resolve({ key, sha256: '', bytes: 0 });
        },
      },
      report,
    );
    expect(file.key).toBe(keys.at(-1));
    return keys;
  }

  it('writes a page and the data for each opening', async () => {
    const stem = 'runs/20260901T020000Z-7f3a/report';
    expect(await keysOf(reports.completed!)).toEqual([`${stem}/report-1.html`, `${stem}/report-1.json`]);
    expect(await keysOf({ ...reports.completed!, opening: 2 })).toContain(`${stem}/report-2.json`);
  });

  it('writes each failure beside the others', async () => {
    const stem = 'runs/20260901T020000Z-7f3a/report';
    expect(await keysOf(reports['failed at once']!)).toEqual([
      `${stem}/failure-20260901T024500123Z.html`,
      `${stem}/failure-20260901T024500123Z.json`,
    ]);
  });
});

it('what the store did not take is told by reason, and not counted as changed', () => {
  const report = reports['completed with failures']!;
  expect(report.changes).toEqual({ activated: 3, deactivated: 1, created: 1, updated: 0, retired: 2 });
  expect(report.consents).toEqual({
    ...{ written: 7, present: 1, failed: 3, unsafe: 1 },
    failedByReason: { 'status 422: invariant': 2, 'a Consent that is not ours has its id': 1 },
  });
  for (const form of [reportText(report), reportHtml(report)]) {
    expect(form).toContain('status 422: invariant');
    expect(form).toContain('2026-09-22T02:01:00.000Z');
    expect(form).toMatch(/Provenances not taken/);
    expect(form).toMatch(/[Ss]till say ("|&quot;)not opted out/);
  }
  expect(reportHtml(report)).toContain('Completed with failures');
});
