import { createServer } from 'node:http';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, test } from '@jest/globals';
import { linesOf, runLocal, summaryIn, Workplace } from '../support/local-command.ts';

let workplace: Workplace;
beforeAll(async () => {
  workplace = await Workplace.open();
});
afterAll(() => workplace.close());

test.each<{ called: string[]; says: string }>([
  { called: ['--cohort', '/nowhere/cohort.csv'], says: '--cohort: there is no file /nowhere/cohort.csv' },
  { called: ['--opted-out', '/nowhere/out.txt'], says: '--opted-out: there is no file /nowhere/out.txt' },
  { called: ['--colour'], says: "Unknown option '--colour'" },
  { called: ['--scenario', 'sunny'], says: '--scenario sunny: unknown; the scenarios are happy, ' },
  { called: ['--patients', 'many'], says: '--patients many: must be a whole number' },
  { called: ['--patients', '5', '--cohort', 'x.csv'], says: '--cohort and --patients exclude each other' },
  { called: ['--opt-out-rate', '7'], says: '--opt-out-rate 7: must be between 0 and 1' },
  { called: ['--review', 'perhaps'], says: '--review perhaps: must be approve or reject' },
])('refuses $called with exit code 2 and one sentence', async ({ called, says }) => {
  const out = workplace.path('refused');
  const { code, stdout, stderr } = await runLocal(...called, '--out', out);
  expect(stderr.split('\n')[0]).toContain(says);
  expect(stdout).toBe('');
  expect(code).toBe(2);
  expect(existsSync(out)).toBe(false);
});

test.each<{ what: string; text: string; says: RegExp }>([
  { what: 'has no column nhsNumber', text: 'number,patientId\n9990000018,a\n', says: /has no column nhsNumber/ },
  { what: 'is empty', text: '', says: /has no column nhsNumber/ },
  {
    what: 'has a quote that never closes',
    text: 'nhsNumber\n"9990000018\n',
    says: /Row 1 of the cohort file .*A quote is missing or too many/,
  },
  {
    what: 'runs over a line end inside quotes',
    text: 'nhsNumber,name\n9990000018,"Smith\n9990000026,Jones"\n',
    says: /Row 1 .* runs over a line end/,
  },
])('refuses a cohort file that $what', async ({ text, says }) => {
  const cohort = await workplace.write('bad.csv', text);
  const { code, stderr } = await runLocal('--cohort', cohort, '--out', workplace.path('bad'));
  expect(stderr.split('\n')[0]).toMatch(says);
  expect(code).toBe(2);
  expect(existsSync(workplace.path('bad'))).toBe(false);
});

it('refuses a port that another program has, and leaves the results of an earlier run', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  await mkdir(workplace.path('port'));
  await workplace.write('port/summary.json', 'an earlier run');
  const { code, stderr } = await runLocal('--mesh-port', String(port), '--out', workplace.path('port'));
  other.close();
  expect(stderr).toContain(`Port ${port} on 127.0.0.1 is already in use`);
  expect(code).toBe(2);
  expect(existsSync(workplace.path('port', 'summary.json'))).toBe(true);
});

it('ends well with nothing to check, and sends nothing, when no row has a valid number', async () => {
  const cohort = await workplace.write('nobody.csv', 'NHS Number;Patient ID\r\n1111111111;a\n12;b\r\n;c\n');
  const out = workplace.path('nobody');
  await mkdir(out);
  await workplace.write('nobody/precious.txt', 'keep me');
  const result = await runLocal('--cohort', cohort, '--out', out, '--json');
  expect(summaryIn(result)).toMatchObject({
    status: 'SUCCEEDED',
    outcome: 'NothingToCheck',
    cohort: {
      rows: 3,
      requested: 0,
      quarantined: 3,
      quarantinedByReason: { placeholder: 1, 'not-ten-digits': 1, missing: 1 },
    },
    consents: { written: 0 },
  });
  expect(result.code).toBe(0);
  expect(await linesOf(out, 'mesh.ndjson')).toEqual([]);
  // What else lies in the folder stays there.
  expect(await readFile(join(out, 'precious.txt'), 'utf8')).toBe('keep me');
});
