import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { syntheticNhsNumbers } from '../../local/people/synthetic.ts';
import type { ScenarioName } from '../../local/scenarios.ts';
import { consentsIn, linesOf, runLocal, summaryIn, Workplace } from '../support/local-command.ts';
import { expectHabits, type MeshCall } from '../support/mesh-habits.ts';
import { Months } from '../support/months.ts';

let months: Months;
let workplace: Workplace;
beforeAll(async () => {
  months = await Months.begin();
  workplace = await Workplace.open();
});
afterAll(async () => {
  await months.end();
  await workplace.close();
});

interface ExpectedMonth {
  readonly scenario: ScenarioName;
  readonly executions: readonly string[];
  readonly sent: number;
}

test.each<ExpectedMonth>([
  { scenario: 'mutual-tls', executions: ['Completed'], sent: 1 },
  { scenario: 'mesh-outage', executions: ['Completed'], sent: 1 },
  { scenario: 'send-answer-lost', executions: ['Completed'], sent: 1 },
  { scenario: 'certificate-refused', executions: ['MeshCertificateRefused', 'Completed'], sent: 1 },
  { scenario: 'mailbox-disabled', executions: ['MeshMailboxDisabled', 'Completed'], sent: 1 },
  { scenario: 'late-answer', executions: ['ReplyOverdue', 'Drained', 'Completed'], sent: 1 },
  { scenario: 'late-answer-resumed', executions: ['ReplyOverdue', 'Completed'], sent: 1 },
])('$scenario ends with exactly the four people changed, and the request sent $sent times', async (expected) => {
  await expectMonth(expected);
});

it('damaged-answer ends so too, and keeps the answer as it came, under the name of its message', async () => {
  const out = await expectMonth({ scenario: 'damaged-answer', executions: ['MeshBodyDamaged', 'Completed'], sent: 2 });
  const keys = (await linesOf<{ key: string }>(out, 'files.ndjson')).map(({ key }) => key);
  expect(keys.filter((key) => key.endsWith('/body-as-received')).length).toBe(1);
  const settled = await linesOf<{ class?: string; damage?: string }>(out, 'ledger.ndjson');
  expect(settled.find((item) => item.class === 'damaged')?.damage).toMatch(/^Download.*\d{20}_[0-9A-F]{6}/);
});

it('expired-without-mesh deletes what is too old though MESH refuses us, and says both', async () => {
  const { summary, out } = await months.second('expired-without-mesh');
  expect(summary).toMatchObject({ executions: ['Completed', 'MeshMailboxDisabled', 'Drained'] });
  const subjects = (await linesOf<{ subject: string }>(out, 'notifications.ndjson')).map(({ subject }) => subject);
  expect(subjects.slice(1)).toEqual([
    expect.stringMatching(/^NDOP: answers have expired, 5\d\d Consents deleted$/),
    expect.stringMatching(/^NDOP the daily drain of the mailbox started .* failed: MeshMailboxDisabled$/),
    'NDOP: answers have expired',
  ]);
  expect((await consentsIn(out)).map(({ status }) => status)).not.toContain('inactive');
});

async function expectMonth(expected: ExpectedMonth): Promise<string> {
  const { code, summary, out } = await months.second(expected.scenario);
  expect(summary).toMatchObject({
    outcome: 'Completed',
    executions: expected.executions,
    changes: { activated: 2, deactivated: 2, created: 0, updated: 0, retired: 0 },
    consents: { written: 4, failed: 0 },
  });
  expect(code).toBe(0);
  expect((await consentsIn(out)).filter(({ meta }) => meta.versionId !== '1').length).toBe(4);
  const calls = await linesOf<MeshCall>(out, 'mesh.ndjson');
  // A broken connection has no status.
  const taken = calls.filter(({ path, status }) => path.endsWith('/outbox') && (status === 202 || status === 0));
  expect(taken.length).toBe(expected.sent);
  return out;
}

describe('a request with invalid numbers in it (invalid-number)', () => {
  const numbers = [...syntheticNhsNumbers(60, 3)].sort();
  const unknown = [0, 17, 18, 59].map((place) => numbers[place] ?? '');
  const optedOut = numbers.filter((_, place) => place % 7 === 3);
  const patientOf = (nhsNumber: string) => `patient-${numbers.indexOf(nhsNumber)}`;

  it('is split until those are set aside, and everybody else has the right Consent', async () => {
    const rows = numbers.map((nhsNumber) => `${nhsNumber},${patientOf(nhsNumber)}`);
    const out = workplace.path('invalid');
    const result = await runLocal(
      ...['--cohort', await workplace.write('cohort.csv', ['nhsNumber,patientId', ...rows].join('\n'))],
      ...['--unknown', await workplace.write('unknown.txt', unknown.join('\n'))],
      ...['--opted-out', await workplace.write('opted-out.txt', optedOut.join('\n'))],
      ...['--scenario', 'invalid-number', '--part-rows', '40', '--out', out, '--json'],
    );
    expect(summaryIn(result)).toMatchObject({
      status: 'SUCCEEDED',
      outcome: 'Completed',
      parts: 2,
      cohort: { quarantined: 4, quarantinedByReason: { 'refused-by-service': 4 } },
      consents: { written: 56, failed: 0 },
    });
    const consents = await consentsIn(out);
    const statuses = consents.map(({ patient, status }) => [String(patient.reference).replace('Patient/', ''), status]);
    const known = numbers.filter((nhsNumber) => !unknown.includes(nhsNumber));
    expect(new Map(statuses as [string, string][])).toEqual(
      new Map(known.map((nhsNumber) => [patientOf(nhsNumber), optedOut.includes(nhsNumber) ? 'active' : 'inactive'])),
    );
    const report = JSON.parse(await readFile(join(out, 'report.json'), 'utf8')) as { splitting: object };
    expect(report.splitting).toMatchObject({ refusedByService: 4, rounds: 6 });
  });

  it('is asked about under LocalIDs and file names that were never used before', async () => {
    const calls = await linesOf<MeshCall & { requestHeaders: Record<string, string> }>(
      workplace.path('invalid'),
      'mesh.ndjson',
    );
    const sent = calls.filter(({ path }) => path.endsWith('/outbox')).map(({ requestHeaders }) => requestHeaders);
    expect(sent.length).toBeGreaterThan(20);
    for (const name of ['mex-localid', 'mex-filename', 'mex-subject']) {
      expect(new Set(sent.map((headers) => headers[name])).size).toBe(sent.length);
    }
  });

  it('shows in what order MESH is called over a whole run, as its assurance wants it', async () => {
    await expectHabits(workplace.path('invalid'));
  });
});
