import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ScenarioName } from '../../local/scenarios.ts';
import { syntheticNhsNumbers } from '../../local/people/synthetic.ts';
import { filesNamingPeople } from '../support/identifiers.ts';
import { runLocal, summaryIn, Workplace } from '../support/local-command.ts';

const people = 300;
const scenario: ScenarioName = 'noom';
let workplace: Workplace;

beforeAll(async () => {
  workplace = await Workplace.open();
});
afterAll(() => workplace.close());

it('states preferences over the NOOM API once the run is over, and names nobody in what is left', async () => {
  const out = workplace.path('out');
  const result = await runLocal(
    ...['--patients', String(people), '--seed', '1', '--scenario', scenario, '--out', out, '--json'],
  );
  expect(summaryIn(result)).toMatchObject({ executions: ['Completed'] });
  expect(await filesNamingPeople(out, result, new Set(syntheticNhsNumbers(people, 1)))).toEqual({});
  const stated = JSON.parse(await readFile(join(out, 'noom.json'), 'utf8')) as { status: number }[];
  expect(stated.map(({ status }) => status)).toEqual([201, 200, 200, 200, 200, 201, 200, 422]);
});
