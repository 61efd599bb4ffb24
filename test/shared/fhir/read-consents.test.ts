import { expect, it, test } from '@jest/globals';
import { readConsents } from '../../../shared/fhir/read-consents.ts';

interface Answer {
  readonly resource?: object;
  readonly response: { readonly status?: string; readonly outcome?: object };
}

const ids = ['a', 'b', 'c'];
const found = (id: string): Answer => ({ resource: { resourceType: 'Consent', id }, response: { status: '200' } });

/** A store that answers each read by a rule, which sees how often that Consent was asked for before. */
function storeThat(answer: (id: string, earlier: number) => Answer) {
  const asked: string[][] = [];
  return {
    asked,
    throttled: () => undefined,
    postBundle: (bundle: object) => {
      const { entry } = bundle as { entry: { request: { method: string; url: string } }[] };
      const urls = entry.map(({ request }) => `${request.method} ${request.url}`);
      const answers = urls.map((url) =>
        answer(url.replace('GET Consent/', ''), asked.flat().filter((earlier) => earlier === url).length),
      );
      asked.push(urls);
      return Promise.resolve({ resourceType: 'Bundle', type: 'batch-response', entry: answers });
    },
  };
}

const noPause = () => Promise.resolve();

it('reads each Consent by its id, in step with the ids, and has nothing where the store has none', async () => {
  const store = storeThat((id) => (id === 'b' ? { response: { status: '404' } } : found(id)));
  expect(await readConsents(store, ids, noPause)).toEqual([
    { resourceType: 'Consent', id: 'a' },
    undefined,
    { resourceType: 'Consent', id: 'c' },
  ]);
  expect(store.asked).toEqual([['GET Consent/a', 'GET Consent/b', 'GET Consent/c']]);
});

it('takes a deleted Consent for none', async () => {
  const store = storeThat(() => ({ response: { status: '410 Gone' } }));
  expect(await readConsents(store, ['a'], noPause)).toEqual([undefined]);
});

test.each([
  { status: '429' },
  { status: '503' },
  { status: '400', outcome: { issue: [{ diagnostics: 'ThrottlingException' }] } },
])('asks again for what was answered $status alone', async (response) => {
  const store = storeThat((id, earlier) => (id === 'b' && earlier === 0 ? { response } : found(id)));
  expect(await readConsents(store, ids, noPause)).toHaveLength(3);
  expect(store.asked[1]).toEqual(['GET Consent/b']);
});

test.each<{ what: string; answer: Answer }>([
  { what: 'refused', answer: { response: { status: '422' } } },
  { what: 'answered with no Consent', answer: { response: { status: '200' } } },
  { what: 'answered with another Consent', answer: found('another') },
])('takes nobody for absent whose read is $what', async ({ answer }) => {
  const store = storeThat(() => answer);
  await expect(readConsents(store, ['a'], noPause)).rejects.toMatchObject({ name: 'HealthLakeRefused' });
});

it('takes nobody for absent of whom nothing certain is heard', async () => {
  const store = storeThat(() => ({ response: {} }));
  await expect(readConsents(store, ['a'], noPause)).rejects.toMatchObject({ name: 'HealthLakeUnavailable' });
});
