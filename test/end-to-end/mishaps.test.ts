import { afterAll, beforeAll, expect, it, test } from '@jest/globals';
import { syntheticNhsNumbers } from '../../local/people/synthetic.ts';
import type { ScenarioName } from '../../local/scenarios.ts';
import { filesNamingPeople } from '../support/identifiers.ts';
import { consentsIn, linesOf, runLocal, summaryIn, Workplace } from '../support/local-command.ts';

const people = 400;
let workplace: Workplace;

beforeAll(async () => {
  workplace = await Workplace.open();
});
afterAll(() => workplace.close());

async function firstMonths(scenario: ScenarioName, patients = people) {
  const out = workplace.path(scenario);
  const cohort = ['--patients', String(patients), '--opt-out-rate', '0.05', '--seed', '1'];
  const result = await runLocal(...cohort, '--scenario', scenario, '--out', out, '--json');
  expect(await filesNamingPeople(out, result, new Set(syntheticNhsNumbers(patients, 1)))).toEqual({});
  const summary = summaryIn(result);
  return { out, executions: summary.executions, written: summary.consents.written };
}

const statusesIn = async (out: string) => (await consentsIn(out)).map(({ status }) => status);
const times = (count: number, ending: string) => Array.from({ length: count }, () => ending);

test.each<{ scenario: ScenarioName; executions: string[] }>([
  { scenario: 'files-lost', executions: [...times(9, 'FileMissing'), 'Completed'] },
  { scenario: 'mailbox-taken', executions: ['LeaseLost', 'Completed'] },
  { scenario: 'end-forgotten', executions: ['Completed', 'Completed'] },
  { scenario: 'import-aborted', executions: ['ABORTED', 'Drained', 'SnapshotRebuilt', 'Completed'] },
])('$scenario ends as $executions, and everybody has one Consent', async ({ scenario, executions }) => {
  const { out, ...ended } = await firstMonths(scenario);
  expect(ended.executions).toEqual(executions);
  const statuses = await statusesIn(out);
  // The one of whom the service knows nothing is set aside.
  expect(statuses.length).toBe(scenario === 'mailbox-taken' ? people - 1 : people);
  expect(new Set(statuses)).toEqual(new Set(['active', 'inactive']));
});

it('snapshot-files-lost says so of run, rebuild and drain, and deletes what is too old once they are back', async () => {
  const { out, executions } = await firstMonths('snapshot-files-lost');
  expect(executions).toEqual(['Completed', ...times(5, 'FileMissing'), 'Drained']);
  expect(new Set(await statusesIn(out))).toEqual(new Set(['active']));
});

it('expired-in-part deletes those of one part alone, and marks the store as fresh for the others', async () => {
  const { out, executions } = await firstMonths('expired-in-part');
  expect(executions).toEqual(['Completed', 'CompletedPartially', 'Drained']);
  const left = (await statusesIn(out)).filter((status) => status === 'inactive').length;
  expect(left).toBeGreaterThan(100);
  expect(left).toBeLessThan(300);
});

it('expired-unfinished leaves nobody who says "not opted out"', async () => {
  const { out, executions } = await firstMonths('expired-unfinished');
  expect(executions).toEqual(['Completed', 'HealthLakeRefused', 'Drained']);
  expect(new Set(await statusesIn(out))).toEqual(new Set(['active']));
});

it('left-cohort deletes the Consents of those who have left, unless they are opted out', async () => {
  const { out, executions, written } = await firstMonths('left-cohort');
  expect(executions).toEqual(['Completed', 'Completed']);
  const statuses = await statusesIn(out);
  expect(written).toBe(people - statuses.length);
  expect(written).toBeGreaterThan(15);
});

it('large-files gives up what S3 is too busy to complete, and writes it at the next try', async () => {
  const { out, executions } = await firstMonths('large-files', 4_000);
  expect(executions).toEqual(['Completed', 'Drained']);
  const lines = await linesOf<{ functionName: string; line: string }>(out, 'logs.ndjson');
  const failures = lines.filter(({ line }) => line.includes('"task.failed"'));
  expect(failures.map(({ functionName, line }) => `${functionName}: ${line}`)).toEqual(
    ['ReadPatients', 'BuildCohort', 'SendRequest', 'CheckInbox', 'WriteImportFiles', 'DrainMailbox'].map((step) =>
      expect.stringMatching(new RegExp(`^\\w*${step}.*"errorName":"AwsUnavailable"`)),
    ),
  );
  const sizes = await linesOf<{ key: string; bytes: number }>(out, 'files.ndjson');
  // Beside what HealthLake itself writes.
  const ours = sizes.filter(({ key }) => !/^exports\/|\/output\//.test(key));
  expect(ours.filter(({ bytes }) => bytes > 5 << 20).length).toBe(6);
});
