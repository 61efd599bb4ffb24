import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { consentsIn, linesOf, runLocal, summaryIn, Workplace, type StoredConsent } from '../support/local-command.ts';

const sample = join(import.meta.dirname, '../../local/sample');

let workplace: Workplace;
beforeAll(async () => {
  workplace = await Workplace.open();
});
afterAll(() => workplace.close());

async function month(name: string, cohort: string, optedOut: string, ...options: readonly string[]) {
  const out = workplace.path(name);
  const result = await runLocal(
    ...['--cohort', cohort, '--opted-out', optedOut, '--state', workplace.path('state'), '--out', out, '--json'],
    ...options,
  );
  expect(result.code).toBe(0);
  return { summary: summaryIn(result), consents: await consentsIn(out), out };
}

const patientOf = ({ patient }: StoredConsent) => String(patient.reference).replace('Patient/', '');
const activeIn = (consents: readonly StoredConsent[]) =>
  consents
    .filter(({ status }) => status === 'active')
    .map(patientOf)
    .sort();

it('keeps one Consent for each valid person, active if and only if opted out, month after month', async () => {
  const rows = (await readFile(join(sample, 'cohort.csv'), 'utf8')).trim().split('\n').slice(1);
  const numberIn = (row: string) => (row.split(',')[0] ?? '').replace(/[\s-]/g, '');
  const patientIn = (row: string) => row.split(',')[1] ?? '';
  const people = rows.slice(0, 2_000);
  const firstOut = (await readFile(join(sample, 'opted-out.txt'), 'utf8')).trim().split('\n');
  const cohort = join(sample, 'cohort.csv');
  const optedOutIn = (list: readonly string[]) =>
    people
      .filter((row) => list.includes(numberIn(row)))
      .map(patientIn)
      .sort();

  const first = await month(
    'first',
    cohort,
    await workplace.write('first.txt', firstOut.join('\n')),
    '--part-rows',
    '700',
  );
  expect(first.summary).toMatchObject({
    status: 'SUCCEEDED',
    cohort: {
      rows: 2_041,
      requested: 2_004,
      duplicates: 5,
      quarantined: 32,
      quarantinedByReason: {
        'check-digit-wrong': 21,
        missing: 1,
        'not-ten-digits': 5,
        placeholder: 3,
        'range-not-allowed': 2,
      },
    },
    parts: 3,
    consents: { written: 2_004, failed: 0 },
  });
  const known = first.consents.map(patientOf);
  expect(new Set(known).size).toBe(2_004);
  expect(known.filter((patient) => /spoiled|again/.test(patient))).toEqual([]);
  expect(known.filter((patient) => patient.startsWith('patient-published')).length).toBe(4);
  expect(activeIn(first.consents)).toEqual(optedOutIn(firstOut));

  const second = await month('second', cohort, workplace.path('first.txt'), '--part-rows', '700');
  expect(second.summary.consents.written).toBe(0);
  expect(second.consents).toEqual(first.consents);

  // Two in, one out; and the parts' ranges are others than last month.
  const newOut = people
    .map(numberIn)
    .filter((nhsNumber) => !firstOut.includes(nhsNumber))
    .slice(3, 5);
  const thirdOut = [...firstOut.slice(1), ...newOut];
  const third = await month(
    'third',
    cohort,
    await workplace.write('third.txt', thirdOut.join('\n')),
    '--part-rows',
    '900',
  );
  expect(third.summary).toMatchObject({ changes: { activated: 2, deactivated: 1 }, consents: { written: 3 } });
  expect(activeIn(third.consents)).toEqual(optedOutIn(thirdOut));
  expect(third.consents.filter(({ meta }) => meta.versionId !== '1').length).toBe(3);
  const ended = third.consents.find(({ status, meta }) => status === 'inactive' && meta.versionId === '2');
  expect(ended?.provision.period).toEqual({
    start: first.consents.find(({ id }) => id === ended?.id)?.dateTime,
    end: ended?.dateTime,
  });

  // The activations were written before anything else.
  const written = third.consents.filter(({ meta }) => meta.versionId === '2');
  const [last] = [...written].sort((a, b) => a.meta.lastUpdated.localeCompare(b.meta.lastUpdated)).slice(-1);
  expect(last?.status).toBe('inactive');

  // Somebody who is opted out leaves the cohort.
  const leaver = rows.find((row) => numberIn(row) === thirdOut[10]) ?? '';
  const without = await workplace.write(
    'without.csv',
    ['nhsNumber,patientId', ...rows.filter((row) => row !== leaver)].join('\n'),
  );
  const fourth = await month('fourth', without, workplace.path('third.txt'), '--part-rows', '900');
  expect(fourth.summary.consents.written).toBe(0);
  expect(activeIn(fourth.consents)).toContain(patientIn(leaver));
}, 300_000);

it('never has two calls under way at one mailbox, and looks at the inbox straight after sending', async () => {
  const calls = await linesOf<{ method: string; path: string; at: string; durationMs: number }>(
    workplace.path('first'),
    'mesh.ndjson',
  );
  const names = calls.map(({ method, path }) => `${method} ${path.replace(/\/[^/]*_[^/]*/g, '/{id}')}`);
  expect(names.filter((name) => name.endsWith('/outbox')).length).toBe(3);
  expect(names[names.lastIndexOf('POST /messageexchange/RZZ99OT001/outbox') + 1]).toBe(
    'GET /messageexchange/RZZ99OT001/inbox',
  );
  for (const [index, name] of names.entries()) {
    if (name.endsWith('/inbox/{id}')) expect(names[index + 1]).toMatch(/status\/acknowledged$/);
  }
});
