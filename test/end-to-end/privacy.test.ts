import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, test } from '@jest/globals';
import { syntheticNhsNumbers } from '../../local/people/synthetic.ts';
import { filesNamingPeople, identifiersIn } from '../support/identifiers.ts';
import { linesOf, runLocal, Workplace } from '../support/local-command.ts';

let workplace: Workplace;
beforeAll(async () => {
  workplace = await Workplace.open();
});
afterAll(() => workplace.close());

const sample = join(import.meta.dirname, '../../local/sample/cohort.csv');

it('a run leaves no number of a cohort file, however its rows are written and whether they were asked about or set aside', async () => {
  const rows = (await readFile(sample, 'utf8')).split('\n').slice(1);
  const numbers = rows
    .map((row) => (row.split(',')[0] ?? '').replace(/[\s-]/g, ''))
    .filter((text) => /^\d{10}$/.test(text));
  const out = workplace.path('sample');
  const result = await runLocal('--scenario', 'cohort-from-csv', '--out', out);
  expect(await filesNamingPeople(out, result, new Set(numbers))).toEqual({});
  expect((await linesOf(out, 'ledger.ndjson')).length).toBeGreaterThan(5);
  // The search itself works: the same numbers are found where they may stand.
  expect(identifiersIn(numbers.join('\n'), new Set(numbers)).length).toBeGreaterThanOrEqual(numbers.length);
});

const [nhsNumber = ''] = syntheticNhsNumbers(1, 7);
test.each([
  { text: `row ${nhsNumber}`, isFound: true },
  { text: `x1${nhsNumber}2y`, isFound: true },
  { text: `part-${nhsNumber.slice(0, 9)}`, isFound: true },
  { text: `${nhsNumber.slice(0, 3)} ${nhsNumber.slice(3, 6)} ${nhsNumber.slice(6)}`, isFound: true },
  { text: `${nhsNumber.slice(0, 3)}-${nhsNumber.slice(3, 6)}-${nhsNumber.slice(6)}`, isFound: true },
  { text: `${nhsNumber.slice(0, 8)} and on`, isFound: false },
])(
  'a search for people, in every scenario of the other files too, finds $isFound in one text or another',
  ({ text, isFound }) => {
    expect(identifiersIn(text, new Set([nhsNumber])).length > 0).toBe(isFound);
  },
);
