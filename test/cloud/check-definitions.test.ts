import { beforeAll, expect, it } from '@jest/globals';
import type { TestStateInput, TestStateOutput } from '@aws-sdk/client-sfn';
import type { States } from '../infra/definition-shape.ts';
import { readDefinitions } from '../infra/definitions.ts';
import { type Cloud, checkDefinitions } from './check-definitions.ts';
import { stateCases } from './state-cases.ts';
import { visitLocally } from './visit-locally.ts';

let definitions: { readonly refresh: States; readonly drain: States };

beforeAll(async () => {
  definitions = await readDefinitions();
}, 240_000);

/** Step Functions as the local interpreter would play it, with what it was asked. */
function playedCloud(asked: TestStateInput[] = []): Cloud {
  return {
    validate: () => Promise.resolve({ result: 'OK', diagnostics: [] }),
    testState: async (input): Promise<TestStateOutput> => {
      asked.push(input);
      const definition = JSON.parse(input.definition!) as States;
      const { errorOutput, result } = input.mock ?? {};
      const given = result === undefined ? undefined : (JSON.parse(result) as { Payload?: unknown });
      const { next, error, output, variables } = await visitLocally(definition, {
        ...{ machine: 'refresh', state: input.stateName!, about: '', expected: {} },
        variables: JSON.parse(input.variables!) as Record<string, unknown>,
        result: given?.Payload ?? given,
        ...(errorOutput?.error === undefined ? {} : { failure: errorOutput.error }),
      });
      return {
        status: error === undefined ? 'SUCCEEDED' : 'FAILED',
        ...(next === undefined ? {} : { nextState: next }),
        ...(error === undefined ? {} : { error }),
        ...(output === undefined ? {} : { output: JSON.stringify(output) }),
        inspectionData: { variables: JSON.stringify(variables ?? {}) },
      };
    },
  };
}

it('finds nothing wrong where Step Functions does as the local interpreter does', async () => {
  const asked: TestStateInput[] = [];
  expect(await checkDefinitions(definitions, playedCloud(asked))).toEqual([]);
  expect(asked.map(({ stateName }) => stateName)).toEqual(stateCases.map(({ state }) => state));
  for (const { mock } of asked) expect(mock?.result === undefined || mock.errorOutput === undefined).toBe(true);
});

it('says which definition is not valid, and why', async () => {
  const validate: Cloud['validate'] = () =>
    Promise.resolve({ result: 'FAIL', diagnostics: [{ severity: 'ERROR', code: 'C', message: 'No such state' }] });
  expect(await checkDefinitions(definitions, { ...playedCloud(), validate })).toEqual([
    'refresh: not valid',
    '  No such state',
    'drain: not valid',
    '  No such state',
  ]);
});

it('says which state goes another way, and which case found it', async () => {
  const { testState } = playedCloud();
  const elsewhere: Cloud['testState'] = async (input) => {
    const got = await testState(input);
    return input.stateName === 'May it run?' ? { ...got, nextState: 'Duplicate' } : got;
  };
  expect(await checkDefinitions(definitions, { ...playedCloud(), testState: elsewhere })).toEqual([
    'refresh, May it run?: the mailbox taken: went to Duplicate, not to Already running',
    'refresh, May it run?: a run of its own: went to Duplicate, not to By export?',
  ]);
});
