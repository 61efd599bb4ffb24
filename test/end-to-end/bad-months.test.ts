import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, test } from '@jest/globals';
import { scenarioNames, type ScenarioName } from '../../local/scenarios.ts';
import { consentsIn, linesOf } from '../support/local-command.ts';
import { Months } from '../support/months.ts';

let months: Months;
beforeAll(async () => {
  months = await Months.begin();
});
afterAll(() => months.end());

test.each<{ scenario: ScenarioName; error: string; says: RegExp }>([
  { scenario: 'everything-rejected', error: 'SplitExhausted', says: /something is wrong with all rows/ },
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
  { scenario: 'export-with-errors', error: 'PatientExportFailed', says: /COMPLETED_WITH_ERRORS.*Nothing was sent/ },
  { scenario: 'invalid-input', error: 'StateInputInvalid', says: /resumeRunId/ },
])('$scenario fails as $error, says why, and changes no Consent', async ({ scenario, error, says }) => {
  const { code, stderr, summary, out } = await months.second(scenario);
  expect(summary).toMatchObject({ status: 'FAILED', outcome: 'Failed', error, consents: { written: 0 } });
  expect(summary.message).toMatch(says);
  expect(stderr).toContain(error);
  expect(code).toBe(1);
  expect(await consentsIn(out)).toEqual(await consentsIn(months.firstOut));
});

it('applies the other parts where one is refused, and leaves the people of that part as they were', async () => {
  const { code, summary, out } = await months.second('one-part-refused');
  expect(summary).toMatchObject({
    status: 'SUCCEEDED',
    outcome: 'CompletedPartially',
    parts: 3,
    consents: { written: 2 },
  });
  expect(code).toBe(0);
  expect((await consentsIn(out)).filter(({ meta }) => meta.versionId === '2').length).toBe(2);
});

test.each<{ scenario: ScenarioName; isAnswered: boolean }>([
  { scenario: 'dry-run-over-answers', isAnswered: true },
  { scenario: 'dry-run-without-answers', isAnswered: false },
])('$scenario says what would change, asks nobody and changes no Consent', async ({ scenario, isAnswered }) => {
  const before = await consentsIn(months.firstOut);
  const { code, summary, out } = await months.second(scenario);
  expect(summary).toMatchObject({ outcome: 'DryRunCompleted', consents: { written: 0 } });
  expect(code).toBe(0);
  const report = JSON.parse(await readFile(join(out, 'report.json'), 'utf8')) as { found: { activated: number } };
  // The answer at hand is that everybody has opted out.
  const inactive = before.filter(({ status }) => status === 'inactive').length;
  expect(report.found.activated).toBe(isAnswered ? inactive : 0);
  const calls = await linesOf<{ path: string }>(out, 'mesh.ndjson');
  expect(calls.filter(({ path }) => path.endsWith('/outbox')).length).toBe(1);
  expect(await consentsIn(out)).toEqual(before);
});

it('sends nothing in a dry run', async () => {
  const { summary, out } = await months.second('dry-run');
  expect(summary).toMatchObject({ status: 'SUCCEEDED', outcome: 'DryRunCompleted', consents: { written: 0 } });
  expect(await linesOf(out, 'mesh.ndjson')).toEqual([]);
  expect(await consentsIn(out)).toEqual(await consentsIn(months.firstOut));
});

it('or another of these files has a test for every scenario', async () => {
  const files = (await readdir(import.meta.dirname)).filter((name) => name.endsWith('.test.ts'));
  const text = (await Promise.all(files.map((file) => readFile(join(import.meta.dirname, file), 'utf8')))).join('');
  expect(scenarioNames.filter((name) => !text.includes(`'${name}'`))).toEqual([]);
});
