import { afterAll, beforeAll, expect, it, test } from '@jest/globals';
import type { ScenarioName } from '../../local/scenarios.ts';
import { consentsIn, linesOf } from '../support/local-command.ts';
import { expectHabits } from '../support/mesh-habits.ts';
import { Months } from '../support/months.ts';

let months: Months;
beforeAll(async () => {
  months = await Months.begin();
});
afterAll(() => months.end());

test.each<{ scenario: ScenarioName; executions: string[] }>([
  { scenario: 'happy', executions: ['Completed'] },
  { scenario: 'slow-reply', executions: ['Completed'] },
  { scenario: 'notice-after-answer', executions: ['Completed'] },
  { scenario: 'no-notice', executions: ['Completed'] },
  { scenario: 'shuffled-answer', executions: ['Completed'] },
  { scenario: 'duplicate-answer', executions: ['Completed'] },
  { scenario: 'foreign-messages', executions: ['Completed'] },
  { scenario: 'two-runs-at-once', executions: ['Completed', 'AlreadyRunning'] },
  { scenario: 'scheduled-twice', executions: ['Completed', 'Duplicate'] },
  { scenario: 'resume', executions: ['RequestUndelivered', 'Completed'] },
  { scenario: 'bulk-import', executions: ['Completed'] },
  { scenario: 'patients-by-search', executions: ['Completed'] },
  { scenario: 'export-failed', executions: ['PatientExportFailed', 'Completed'] },
  { scenario: 'one-part-resumed', executions: ['CompletedPartially', 'Completed'] },
  { scenario: 'write-refused', executions: ['CompletedWithFailures', 'Completed'] },
  { scenario: 'write-stopped', executions: ['HealthLakeRefused', 'RunUnfinished', 'Completed'] },
  { scenario: 'rewrite', executions: ['Completed'] },
  { scenario: 'snapshot-lost', executions: ['SnapshotRebuilt', 'Completed'] },
  { scenario: 'rebuild-resumed', executions: ['HealthLakeRefused', 'SnapshotRebuilt', 'Completed'] },
])('$scenario ends with exactly the four people changed', async ({ scenario, executions }) => {
  const { code, summary, out } = await months.second(scenario);
  expect(summary).toMatchObject({
    status: 'SUCCEEDED',
    outcome: 'Completed',
    executions,
    changes: { activated: 2, deactivated: 2, created: 0, updated: 0, retired: 0 },
    consents: { written: 4, failed: 0 },
  });
  expect(code).toBe(0);
  const consents = await consentsIn(out);
  expect(consents.length).toBe(months.people);
  expect(consents.filter(({ meta }) => meta.versionId !== '1').length).toBe(4);
});

it('writes after a rebuild what a run that stopped while it wrote had left (write-stopped-rebuilt)', async () => {
  const { summary, out } = await months.second('write-stopped-rebuilt' satisfies ScenarioName);
  expect(summary).toMatchObject({
    executions: ['HealthLakeRefused', 'SnapshotRebuilt', 'Completed'],
    changes: { activated: 0, deactivated: 2, created: 0, updated: 0 },
  });
  const consents = await consentsIn(out);
  expect(consents.filter(({ meta }) => meta.versionId !== '1').length).toBe(4);
});

it('has nobody left as not opted out once no answer vouches for it, and writes them all anew (expired)', async () => {
  const { summary, out } = await months.second('expired' satisfies ScenarioName);
  const { optedOut, notOptedOut } = summary;
  expect(summary).toMatchObject({
    executions: ['Completed', 'Drained', 'Completed'],
    changes: { activated: 0, deactivated: 0, created: notOptedOut, updated: 0, retired: 0 },
    consents: { written: notOptedOut, failed: 0 },
  });
  const notices = await linesOf<{ subject: string }>(out, 'notifications.ndjson');
  expect(notices.map(({ subject }) => subject)).toContain(
    `NDOP: answers have expired, ${notOptedOut} Consents deleted`,
  );
  const consents = await consentsIn(out);
  expect(consents.filter(({ status }) => status === 'active').length).toBe(optedOut);
  expect(consents.length).toBe(months.people);
});

it('refers to people by number where a CSV file gives no patient ids (cohort-from-csv)', async () => {
  const { summary, out } = await months.second('cohort-from-csv' satisfies ScenarioName);
  expect(summary).toMatchObject({ outcome: 'Completed', consents: { written: months.people } });
  const consents = await consentsIn(out);
  expect(consents.every(({ patient }) => patient.reference === undefined && patient.identifier !== undefined)).toBe(
    true,
  );
});

it('writes everybody anew where the Consents have moved to a store of their own (separate-store)', async () => {
  const { summary, out } = await months.second('separate-store' satisfies ScenarioName);
  expect(summary).toMatchObject({
    outcome: 'Completed',
    changes: { activated: 2, deactivated: 2, created: 0, updated: months.people - 4, retired: 0 },
    consents: { written: months.people },
  });
  const consents = await consentsIn(out);
  expect(consents.length).toBe(months.people);
  expect(consents.filter(({ patient }) => patient.reference !== undefined)).toEqual([]);
});

it('withholds from everybody who has opted out under a superseded number alone (merged-records)', async () => {
  const { summary, out } = await months.second('merged-records' satisfies ScenarioName);
  expect(summary).toMatchObject({
    outcome: 'Completed',
    changes: { activated: 4, deactivated: 2, created: 1, updated: 0, retired: 0 },
    consents: { written: 7 },
  });
  const consents = await consentsIn(out);
  expect(consents.length).toBe(months.people + 1);
  expect(consents.filter(({ status }) => status === 'active').length).toBe(summary.optedOut);
  const patients = consents.map(({ patient }) => String(patient.reference));
  const [replaced = '', ...others] = patients.filter((patient) => patient.startsWith('Patient/replaced-'));
  expect(others).toEqual([]);
  const both = consents.filter(({ patient }) => replaced.endsWith(String(patient.reference).slice('Patient/'.length)));
  expect(both.map(({ status }) => status)).toEqual(['active', 'active']);
  expect(patients.filter((patient) => patient.startsWith('Patient/zz-'))).toEqual([]);
});

it('exports the Patients once a run, also where the answer to the start is lost (export-answer-lost)', async () => {
  const { summary, out } = await months.second('export-answer-lost' satisfies ScenarioName);
  expect(summary).toMatchObject({ outcome: 'Completed', consents: { written: 4 } });
  const keys = (await linesOf<{ key: string }>(out, 'files.ndjson')).map(({ key }) => key);
  expect(keys.filter((key) => /FHIR_EXPORT.*manifest/.test(key)).length).toBe(2);
  const rows = await linesOf<{ sk: string; patients?: number }>(out, 'ledger.ndjson');
  const read = rows.filter(({ sk }) => sk.startsWith('PATIENTS#')).map(({ patients }) => patients);
  expect(read).toEqual([months.people, months.people]);
});

it('keeps its habits at MESH where foreign messages wait and a part is asked about again', async () => {
  for (const scenario of ['foreign-messages', 'one-part-resumed'] as const) {
    const { out } = await months.second(scenario);
    await expectHabits(out);
  }
});

it('asks for a part that was not delivered alone when the run is resumed', async () => {
  const { out } = await months.second('one-part-resumed');
  const calls = await linesOf<{ path: string }>(out, 'mesh.ndjson');
  expect(calls.filter(({ path }) => path.endsWith('/outbox')).length).toBe(4);
});

it('writes what a reviewer has approved, whoever it concerns (held-and-approved)', async () => {
  const { summary, out } = await months.second('held-and-approved' satisfies ScenarioName);
  expect(summary).toMatchObject({ status: 'SUCCEEDED', outcome: 'Completed' });
  expect(new Set((await consentsIn(out)).map(({ status }) => status))).toEqual(new Set(['active']));
});
