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

it.each(['happy', 'stranger-in-answer', 'malformed-answer', 'held-and-approved'])(
  'leaves no NHS number outside S3 and the FHIR store in scenario %s',
  async (scenario) => {
    const numbers = new Set(syntheticNhsNumbers(people, 7));
    const stems = new Set([...numbers].map((nhsNumber) => nhsNumber.slice(0, 9)));
    const out = workplace.path(scenario);
    const result = await runLocal(
      ...['--patients', String(people), '--seed', '7', '--scenario', scenario, '--out', out, '--part-rows', '250'],
    );
    const files = (await readdir(out)).filter((name) => name !== 'consents.ndjson');
    expect(files.sort()).toEqual(
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
      expect({ name, found: identifiersIn(await readFile(join(out, name), 'utf8'), numbers, stems) }).toEqual({
        name,
        found: [],
      });
    }
    expect(identifiersIn(result.stdout + result.stderr, numbers, stems)).toEqual([]);
    // The search itself works: the same numbers are found where they may stand.
    expect(identifiersIn([...numbers].join('\n'), numbers, stems).length).toBe(people);
    expect((await linesOf(out, 'ledger.ndjson')).length).toBeGreaterThan(5);
  },
);
