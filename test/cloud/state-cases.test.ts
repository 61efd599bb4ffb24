import { beforeAll, expect, it, test } from '@jest/globals';
import type { States } from '../infra/definition-shape.ts';
import { readDefinitions } from '../infra/definitions.ts';
import { difference, stateCases } from './state-cases.ts';
import { visitLocally } from './visit-locally.ts';

let definitions: { readonly refresh: States; readonly drain: States };

beforeAll(async () => {
  definitions = await readDefinitions();
}, 240_000);

test.each([...stateCases])('$machine, $state: $about', async (one) => {
  const got = await visitLocally(definitions[one.machine], one);
  expect(got).toMatchObject(one.expected);
  expect(difference(one, got)).toBeUndefined();
});

it.each([
  { got: { next: 'Elsewhere' }, says: 'went to Elsewhere, not to By export?' },
  { got: {}, says: 'went to its end, not to By export?' },
  { got: { next: 'By export?', error: 'E' }, says: 'ended with E, not none' },
  { got: { next: 'By export?', output: 2 }, says: 'gave another output' },
  { got: { next: 'By export?', output: 1, variables: { a: 2 } }, says: 'assigned something else to $a' },
])('tells $got from what is expected', ({ got, says }) => {
  const expected = { next: 'By export?', output: 1, variables: { a: 1 } };
  expect(difference({ machine: 'refresh', state: 'May it run?', about: '', expected }, got)).toContain(says);
});
