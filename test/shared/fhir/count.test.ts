import { expect, it, test } from '@jest/globals';
import { countFound } from '../../../shared/fhir/count.ts';
import type { StoreCall } from '../../../shared/fhir/store.ts';

const baseUrl = 'https://healthlake.example/datastore/one/r4/';

it('asks the store for the number of matches, in a POST that names nobody in its URL', async () => {
  const calls: StoreCall[] = [];
  const call = (given: StoreCall) => Promise.resolve(calls.push(given)).then(() => ({ total: 600 }));
  expect(await countFound({ baseUrl, call }, 'Consent', { _tag: 'urn:ours|ndop-consent' })).toBe(600);
  expect(calls[0]?.url.href).toBe(`${baseUrl}Consent/_search`);
  expect(Object.fromEntries(new URLSearchParams(calls[0]?.body))).toEqual({
    ...{ _tag: 'urn:ours|ndop-consent', _count: '1', _elements: 'id', _total: 'accurate' },
  });
});

test.each([{}, { total: '600' }, { total: -1 }, undefined])('takes %j for no count', async (answer) => {
  const store = { baseUrl, call: () => Promise.resolve(answer) };
  await expect(countFound(store, 'Consent', {})).rejects.toMatchObject({ name: 'HealthLakeRefused' });
});
