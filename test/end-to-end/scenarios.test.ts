import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { isSyntheticOptOut, syntheticNhsNumbers } from '../../local/people/synthetic.ts';
import { scenarioNames, type ScenarioName } from '../../local/scenarios.ts';
import { consentsIn, linesOf, runLocal, summaryIn, Workplace } from '../support/local-command.ts';

// Enough people for rates to be judged, and nobody in common with the last month's opt-outs, so that a run which wrote
// anything at all would be seen.
const cohort = ['--patients', '600', '--opt-out-rate', '0.05'];
const lastMonth = [...cohort, '--seed', '1'];

let workplace: Workplace;
beforeAll(async () => {
  workplace = await Workplace.open();
  const first = await runLocal(
    ...lastMonth,
    '--state',
    workplace.path('base'),
    '--out',
    workplace.path('base-out'),
    '--json',
  );
  expect(first.stderr).not.toContain('Error');
  expect(first.code).toBe(0);
});
afterAll(() => workplace.close());

/** A month later: the same stores, other people opted out. */
async function nextMonth(scenario: ScenarioName, ...options: readonly string[]) {
  const state = await workplace.copy('base', `${scenario}-state`);
  const out = workplace.path(`${scenario}-out`);
  const result = await runLocal(
    ...cohort,
    '--opted-out',
    await workplace.write(`${scenario}.txt`, othersOptedOut()),
    ...['--scenario', scenario, '--state', state, '--out', out, '--json', ...options],
  );
  return { ...result, out, summary: summaryIn(result) };
}

/** As many opted out as before, four of them other people: two among the lowest numbers, two in the middle. */
function othersOptedOut(): string {
  const people = [...syntheticNhsNumbers(600, 1)].sort();
  const isOptedOut = (nhsNumber: string) => isSyntheticOptOut(nhsNumber, 0.05, 1);
  const leaving = [people.find(isOptedOut), people.slice(300).find(isOptedOut)];
  const joining = [people, people.slice(300)].map((some) => some.find((nhsNumber) => !isOptedOut(nhsNumber)));
  return [...people.filter((nhsNumber) => isOptedOut(nhsNumber) && !leaving.includes(nhsNumber)), ...joining].join(
    '\n',
  );
}

describe('a month in which all goes well', () => {
  test.each<{ scenario: ScenarioName; executions: string[] }>([
    { scenario: 'happy', executions: ['Completed'] },
    { scenario: 'slow-reply', executions: ['Completed'] },
    { scenario: 'notice-after-answer', executions: ['Completed'] },
    { scenario: 'no-notice', executions: ['Completed'] },
    { scenario: 'shuffled-answer', executions: ['Completed'] },
    { scenario: 'duplicate-answer', executions: ['Completed'] },
    { scenario: 'foreign-messages', executions: ['Completed'] },
    { scenario: 'cohort-from-csv', executions: ['Completed'] },
    { scenario: 'two-runs-at-once', executions: ['Completed', 'AlreadyRunning'] },
    { scenario: 'scheduled-twice', executions: ['Completed', 'Duplicate'] },
    { scenario: 'resume', executions: ['RequestUndelivered', 'Completed'] },
  ])('$scenario ends with exactly the four people changed', async ({ scenario, executions }) => {
    const { code, summary, out } = await nextMonth(scenario);
    expect(summary).toMatchObject({
      status: 'SUCCEEDED',
      outcome: 'Completed',
      executions,
      // Rows of a CSV file carry no patient id, so there every Consent's reference changes.
      ...(scenario === 'cohort-from-csv'
        ? { consents: { written: 600 } }
        : { consents: { written: 4 }, changes: { activated: 2, deactivated: 2, created: 0, updated: 0, retired: 0 } }),
    });
    expect(code).toBe(0);
    expect((await consentsIn(out)).length).toBe(600);
  });
});

describe('a month in which something is wrong', () => {
  test.each<{ scenario: ScenarioName; error: string; says: RegExp }>([
    { scenario: 'invalid-number', error: 'SplitUnavailable', says: /RequestRejected/ },
    { scenario: 'empty-answer', error: 'ReviewRejected', says: /Rejected by local/ },
    { scenario: 'everyone-opted-out', error: 'ReviewRejected', says: /Rejected by local/ },
    { scenario: 'review-overdue', error: 'ReviewOverdue', says: /Nobody approved/ },
    { scenario: 'stranger-in-answer', error: 'ReplyHasStrangers', says: /never asked about/ },
    { scenario: 'truncated-answer', error: 'ReplyTruncated', says: /middle of a line/ },
    { scenario: 'malformed-answer', error: 'ReplyUnrecognised', says: /none of the forms/ },
    { scenario: 'conflicting-answers', error: 'RepliesConflict', says: /Two different answers/ },
    { scenario: 'job-refused', error: 'JobRefused', says: /validate_/ },
    { scenario: 'undelivered', error: 'RequestUndelivered', says: /code 14/ },
    { scenario: 'no-answer', error: 'ReplyOverdue', says: /No answer within/ },
    { scenario: 'bulk-import', error: 'BulkImportUnavailable', says: /Nothing was written/ },
    { scenario: 'patient-export', error: 'PatientExportUnavailable', says: /Nothing was sent/ },
    { scenario: 'invalid-input', error: 'StateInputInvalid', says: /resumeRunId/ },
  ])('$scenario fails as $error, says why, and changes no Consent', async ({ scenario, error, says }) => {
    const { code, stderr, summary, out } = await nextMonth(scenario);
    expect(summary).toMatchObject({ status: 'FAILED', outcome: 'Failed', error, consents: { written: 0 } });
    expect(summary.message).toMatch(says);
    expect(stderr).toContain(error);
    expect(code).toBe(1);
    expect(await consentsIn(out)).toEqual(await consentsIn(workplace.path('base-out')));
  });

  it('applies the other parts where one is refused, and leaves the people of that part as they were', async () => {
    const { code, summary, out } = await nextMonth('one-part-refused');
    expect(summary).toMatchObject({ status: 'SUCCEEDED', outcome: 'CompletedPartially', parts: 3 });
    expect(code).toBe(0);
    const before = new Map((await consentsIn(workplace.path('base-out'))).map((consent) => [consent.id, consent]));
    const changed = (await consentsIn(out)).filter(({ id, meta }) => before.get(id)?.meta.versionId !== meta.versionId);
    expect(changed.length).toBe(2);
    expect(summary.consents.written).toBe(2);
    const manifest = await linesOf<{ key: string }>(out, 'files.ndjson');
    expect(manifest.some(({ key }) => key.includes('part-0002') && key.startsWith('snapshots/'))).toBe(false);
  });

  it('asks for a part that was not delivered alone when the run is resumed', async () => {
    const { summary, out } = await nextMonth('one-part-resumed');
    expect(summary).toMatchObject({ executions: ['CompletedPartially', 'Completed'], consents: { written: 4 } });
    const sent = (await linesOf<{ method: string; path: string }>(out, 'mesh.ndjson')).filter(({ path }) =>
      path.endsWith('/outbox'),
    );
    expect(sent.length).toBe(4);
  });

  it('sends nothing in a dry run', async () => {
    const { summary, out } = await nextMonth('dry-run');
    expect(summary).toMatchObject({ status: 'SUCCEEDED', outcome: 'DryRunCompleted', consents: { written: 0 } });
    expect(await linesOf(out, 'mesh.ndjson')).toEqual([]);
    expect(await consentsIn(out)).toEqual(await consentsIn(workplace.path('base-out')));
  });

  it('writes what a reviewer has approved, whoever it concerns', async () => {
    const { summary, out } = await nextMonth('held-and-approved');
    expect(summary).toMatchObject({ status: 'SUCCEEDED', outcome: 'Completed' });
    const statuses = new Set((await consentsIn(out)).map(({ status }) => status));
    expect(statuses).toEqual(new Set(['active']));
  });
});

it('has a test for every scenario', async () => {
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(import.meta.filename, 'utf8');
  expect(scenarioNames.filter((name) => !text.includes(`'${name}'`))).toEqual([]);
});
