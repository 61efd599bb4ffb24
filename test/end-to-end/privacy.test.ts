import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { syntheticNhsNumbers } from '../../local/people/synthetic.ts';
import { linesOf, runLocal, Workplace } from '../support/local-command.ts';

let workplace: Workplace;
beforeAll(async () => {
  workplace = await Workplace.open();
});
afterAll(() => workplace.close());

const people = 600;

/** Every ten-digit stretch of a text that is a number of the cohort, and every nine-digit stem of one. */
function identifiersIn(text: string, numbers: ReadonlySet<string>, stems: ReadonlySet<string>): string[] {
  const found: string[] = [];
  for (const [digits] of text.matchAll(/\d{9,}/g)) {
    for (let start = 0; start + 9 <= digits.length; start += 1) {
      if (numbers.has(digits.slice(start, start + 10))) found.push(digits.slice(start, start + 10));
      else if (stems.has(digits.slice(start, start + 9))) found.push(digits.slice(start, start + 9));
    }
  }
  return found;
}

/** Fails where any file that a run left, the FHIR store's Consents apart, or anything it printed names somebody. */
async function expectNobodyIn(out: string, printed: string, numbers: ReadonlySet<string>): Promise<void> {
  const stems = new Set([...numbers].map((nhsNumber) => nhsNumber.slice(0, 9)));
  const grouped = [...numbers].flatMap((nhsNumber) =>
    [' ', '-'].map((gap) => [nhsNumber.slice(0, 3), nhsNumber.slice(3, 6), nhsNumber.slice(6)].join(gap)),
  );
  const files = (await readdir(out)).filter((name) => name !== 'consents.ndjson');
  expect(files).toEqual(
    expect.arrayContaining([
      'files.ndjson',
      'history.json',
      'ledger.ndjson',
      'logs.ndjson',
      'mesh.ndjson',
      'report.json',
    ]),
  );
  for (const name of files) {
    const text = await readFile(join(out, name), 'utf8');
    const found = [...identifiersIn(text, numbers, stems), ...grouped.filter((form) => text.includes(form))];
    expect({ name, found }).toEqual({ name, found: [] });
  }
  expect(identifiersIn(printed, numbers, stems)).toEqual([]);
  expect((await linesOf(out, 'ledger.ndjson')).length).toBeGreaterThan(5);
  // The search itself works: the same numbers are found where they may stand.
  expect(identifiersIn([...numbers].join('\n'), numbers, stems).length).toBeGreaterThanOrEqual(numbers.size);
}

it.each([
  'happy',
  'stranger-in-answer',
  'malformed-answer',
  'held-and-approved',
  'one-part-resumed',
  'import-with-errors',
  'separate-store',
])('leaves no NHS number outside S3 and the FHIR store in scenario %s', async (scenario) => {
  const out = workplace.path(scenario);
  const { stdout, stderr } = await runLocal(
    ...['--patients', String(people), '--seed', '7', '--scenario', scenario, '--out', out, '--part-rows', '250'],
  );
  await expectNobodyIn(out, stdout + stderr, new Set(syntheticNhsNumbers(people, 7)));
});

it('leaves none of a cohort file either, however its rows are written and whether they were asked about or set aside', async () => {
  const sample = join(import.meta.dirname, '../../local/sample/cohort.csv');
  const rows = (await readFile(sample, 'utf8')).split('\n').slice(1);
  const numbers = rows
    .map((row) => (row.split(',')[0] ?? '').replace(/[\s-]/g, ''))
    .filter((text) => /^\d{10}$/.test(text));
  const out = workplace.path('sample');
  const { stdout, stderr } = await runLocal('--scenario', 'cohort-from-csv', '--out', out);
  await expectNobodyIn(out, stdout + stderr, new Set(numbers));
});
