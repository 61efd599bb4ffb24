import { describe, expect, it, test } from '@jest/globals';
import { Rounds, sendBatch, sendOnce, type BatchStore } from '../../../shared/fhir/batch.ts';
import { PermanentError, RetryableError } from '../../../shared/errors.ts';

interface Answer {
  readonly status?: unknown;
  readonly outcome?: unknown;
}

const throttled = { resourceType: 'OperationOutcome', issue: [{ diagnostics: 'ThrottlingException: Rate exceeded' }] };

/** A store that answers each entry by a rule, which sees how often that entry was sent before. */
class Store implements BatchStore {
  readonly bundles: string[][] = [];
  readonly pauses: number[] = [];
  throttles = 0;
  readonly #answer: (id: string, earlier: number) => Answer;

  constructor(answer: (id: string, earlier: number) => Answer) {
    this.#answer = answer;
  }

  throttled(): void {
    this.throttles += 1;
  }

  sleep = (milliseconds: number) => Promise.resolve(this.pauses.push(milliseconds));

  postBundle = (bundle: object): Promise<unknown> => {
    const { entry, ...rest } = bundle as { entry: { id: string }[] };
    expect(rest).toEqual({ resourceType: 'Bundle', type: 'batch' });
    const ids = entry.map(({ id }) => id);
    const responses = ids.map((id) => ({
      response: this.#answer(id, this.bundles.flat().filter((earlier) => earlier === id).length),
    }));
    this.bundles.push(ids);
    return Promise.resolve({ resourceType: 'Bundle', type: 'batch-response', entry: responses });
  };
}

const entries = ['a', 'b', 'c', 'd'].map((id) => ({ id }));

describe('entries that are sent once', () => {
  test.each<{ response: Answer; kind: string }>([
    { response: { status: '200' }, kind: 'final' },
    { response: { status: '201 Created' }, kind: 'final' },
    { response: { status: '400' }, kind: 'final' },
    { response: { status: '412 Precondition Failed' }, kind: 'final' },
    { response: {}, kind: 'unsure' },
    { response: { status: 200 }, kind: 'unsure' },
    { response: { status: 'OK' }, kind: 'unsure' },
    { response: { status: '302' }, kind: 'unsure' },
    { response: { status: '408' }, kind: 'unsure' },
    { response: { status: '409 Conflict' }, kind: 'unsure' },
    { response: { status: '425' }, kind: 'unsure' },
    { response: { status: '429' }, kind: 'throttled' },
    { response: { status: '400', outcome: throttled }, kind: 'throttled' },
    { response: { status: '500' }, kind: 'unsure' },
    { response: { status: '503 Service Unavailable' }, kind: 'unsure' },
  ])('and answered $response are $kind', async ({ response, kind }) => {
    const store = new Store(() => response);
    expect(await sendOnce(store, entries.slice(0, 1))).toMatchObject([{ kind }]);
    expect(store.throttles).toBe(kind === 'throttled' ? 1 : 0);
  });

  it('are read by their place', async () => {
    const verdicts: Record<string, string> = { a: '429', b: '400', c: '201', d: '503' };
    const answers = await sendOnce(new Store((id) => ({ status: verdicts[id] })), entries);
    expect(answers.map((answer) => (answer.kind === 'final' ? answer.status : answer.kind))).toEqual([
      ...['throttled', '400', '201', 'unsure'],
    ]);
  });

  test.each([
    { name: 'fewer results than entries', answer: { entry: [{ response: { status: '200' } }] } },
    { name: 'no results', answer: { resourceType: 'Bundle' } },
    { name: 'something else', answer: { resourceType: 'OperationOutcome' } },
    { name: 'nothing', answer: undefined },
  ])('are not believed where they are answered with $name', async ({ answer }) => {
    const store = { postBundle: () => Promise.resolve(answer), throttled: () => undefined };
    await expect(sendOnce(store, entries)).rejects.toMatchObject({ name: 'HealthLakeRefused' });
  });

  test.each(['401', '403'])(
    'stop the whole where one is answered %s, since the others fare no better',
    async (status) => {
      const store = new Store((id) => ({ status: id === 'c' ? status : '200' }));
      await expect(sendOnce(store, entries)).rejects.toMatchObject({ name: 'HealthLakeForbidden' });
    },
  );

  it('are unsure, every one, where a call that may not be repeated goes unanswered', async () => {
    const lost = { postBundle: () => Promise.reject(new RetryableError('HealthLakeUnavailable', 'gone')), throttled };
    const store = { ...lost, throttled: () => undefined };
    expect(await sendOnce(store, entries, { isUnrepeatable: true })).toEqual(entries.map(() => ({ kind: 'unsure' })));
    await expect(sendOnce(store, entries)).rejects.toMatchObject({ name: 'HealthLakeUnavailable' });
  });

  it('fail with the call where it was turned away', async () => {
    const refused = new PermanentError('HealthLakeStoreUnknown', 'no such store');
    const store = { postBundle: () => Promise.reject(refused), throttled: () => undefined };
    await expect(sendOnce(store, entries, { isUnrepeatable: true })).rejects.toBe(refused);
  });
});

/** What was settled, by id. */
async function sent(store: Store): Promise<Record<string, string>> {
  const settled: Record<string, string> = {};
  await sendBatch(store, entries, {
    entryOf: (entry) => entry,
    settle: ({ id }, status) => {
      settled[id] = status;
    },
    sleep: store.sleep,
  });
  return settled;
}

describe('a batch', () => {
  it('of nothing asks nothing', async () => {
    const store = new Store(() => ({ status: '200' }));
    await sendBatch(store, [], { entryOf: () => ({}), settle: () => undefined, sleep: store.sleep });
    expect(store.bundles).toEqual([]);
  });

  test.each<Answer>([
    { status: '429' },
    { status: '400', outcome: throttled },
    { status: '500' },
    { status: '503 Service Unavailable' },
  ])('sends only what was answered $status again, after a pause', async (response) => {
    const store = new Store((id, earlier) => (id === 'b' && earlier < 2 ? response : { status: '201' }));
    expect(await sent(store)).toEqual({ a: '201', b: '201', c: '201', d: '201' });
    expect(store.bundles).toEqual([['a', 'b', 'c', 'd'], ['b'], ['b']]);
    expect(store.pauses).toHaveLength(2);
  });

  it('goes on as long as each round settles something, however many that takes', async () => {
    const order = ['a', 'b', 'c', 'd'];
    // Each entry is turned away five times more than the one before it.
    const store = new Store((id, earlier) => ({ status: earlier < order.indexOf(id) * 5 ? '429' : '200' }));
    expect(await sent(store)).toEqual({ a: '200', b: '200', c: '200', d: '200' });
    expect(store.bundles).toHaveLength(16);
  });

  it('gives up after eight rounds on end that settled nothing, to be tried again as a whole', async () => {
    const store = new Store((id) => ({ status: id < 'c' ? '429' : '200' }));
    await expect(sent(store)).rejects.toMatchObject({
      name: 'HealthLakeThrottled',
      message: '2 entries were never taken',
    });
    expect(store.bundles.map((ids) => ids.length)).toEqual([4, ...Array.from({ length: 8 }, () => 2)]);
  });
});

test.each([
  { isThrottled: true, name: 'HealthLakeThrottled' },
  { isThrottled: false, name: 'HealthLakeUnavailable' },
])('rounds that settle something start counting anew, and end as $name', async ({ isThrottled, name }) => {
  const rounds = new Rounds(() => Promise.resolve());
  for (let round = 0; round < 7; round += 1) await rounds.next(0, 5, isThrottled);
  await rounds.next(1, 4, isThrottled);
  for (let round = 0; round < 7; round += 1) await rounds.next(0, 4, isThrottled);
  await expect(rounds.next(0, 4, isThrottled)).rejects.toMatchObject({ name });
});
