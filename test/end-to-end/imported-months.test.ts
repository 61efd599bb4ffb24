import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { syntheticNhsNumbers } from '../../local/people/synthetic.ts';
import type { ScenarioName } from '../../local/scenarios.ts';
import { filesNamingPeople } from '../support/identifiers.ts';
import { consentsIn, runLocal, summaryIn, Workplace } from '../support/local-command.ts';

const people = 400;
const secrets = { idKey: '07'.repeat(32), password: 'password', sharedKey: 'shared-key' };
const cohort = ['--patients', String(people), '--opt-out-rate', '0.05', '--seed', '1', '--json'];
let workplace: Workplace;
let byBatches: unknown[];

beforeAll(async () => {
  workplace = await Workplace.open();
  const { out } = await firstMonth('happy');
  byBatches = await statementsIn(out);
}, 120_000);
afterAll(() => workplace.close());

/** With the same secrets in each, so that everybody's Consent has the same id. */
async function firstMonth(scenario: ScenarioName) {
  const [state, out] = [workplace.path(`${scenario}-state`), workplace.path(`${scenario}-out`)];
  await mkdir(state);
  await workplace.write(`${scenario}-state/secrets.json`, JSON.stringify(secrets));
  const result = await runLocal(...cohort, '--scenario', scenario, '--state', state, '--out', out);
  expect(await filesNamingPeople(out, result, new Set(syntheticNhsNumbers(people, 1)))).toEqual({});
  return { ...result, out, summary: summaryIn(result) };
}

/** All Consents, but for what says by which run and when they were written, and when the answer came that they rest on. */
async function statementsIn(out: string): Promise<unknown[]> {
  const consents = await consentsIn(out);
  return consents.map(({ meta: { security, tag }, ...consent }) => {
    const text = JSON.stringify({ ...consent, security, tag });
    return JSON.parse(text.replaceAll(/"\d{4}-\d\d-\d\dT[^"]+"/g, '"a time"')) as unknown;
  });
}

test.each<{ scenario: ScenarioName; executions: string[] }>([
  { scenario: 'bulk-import', executions: ['Completed'] },
  { scenario: 'import-doubtful', executions: ['Completed'] },
  { scenario: 'import-answer-lost', executions: ['Completed'] },
  { scenario: 'import-failed', executions: ['Completed'] },
  { scenario: 'import-refused', executions: ['ConsentImportFailed', 'RunUnfinished', 'Completed'] },
  { scenario: 'import-with-errors', executions: ['CompletedWithFailures', 'Completed'] },
])('$scenario leaves the same Consents as batches', async ({ scenario, executions }) => {
  const { code, summary, out } = await firstMonth(scenario);
  expect(summary).toMatchObject({
    ...{ status: 'SUCCEEDED', outcome: 'Completed', executions },
    consents: { written: people, failed: 0 },
  });
  expect(code).toBe(0);
  expect(await statementsIn(out)).toEqual(byBatches);
  const versions = (await consentsIn(out)).map(({ meta }) => meta.versionId);
  expect(new Set(versions)).toEqual(new Set(['1']));
});
