import { describe, expect, it, test } from '@jest/globals';
import { writeBatch, type Write } from '../../../shared/fhir/batch.ts';
import { consentOf } from '../../../shared/fhir/consent.ts';
import { parseIdKey } from '../../../shared/fhir/consent-id.ts';
import { syntheticNumbers } from '../../support/nhs-numbers.ts';

interface Entry {
  readonly resource?: { readonly id: string };
  readonly request: { readonly method: string; readonly url: string };
}
interface EntryResponse {
  readonly status?: unknown;
  readonly outcome?: unknown;
}

const options = {
  idKey: parseIdKey('00'.repeat(32)),
  namespace: 'https://fhir.example.nhs.uk/ndop',
  runId: '20260901T020000Z-7f3a',
  patientReference: 'logical',
} as const;
const put = (nhsNumber: number): Write => ({
  method: 'PUT',
  consent: consentOf({ nhsNumber, status: 'inactive', since: '2026-09-01T02:41:07Z' }, '', options),
});
const remove = (id: string): Write => ({ method: 'DELETE', id });
const puts = syntheticNumbers(4).map(put);

const throttled = { resourceType: 'OperationOutcome', issue: [{ diagnostics: 'ThrottlingException: Rate exceeded' }] };

/** A store that answers each entry by a rule, which sees how often that entry was sent before. */
function storeThat(answer: (entry: Entry, earlier: number) => EntryResponse) {
  const bundles: Entry[][] = [];
  const seen = new Map<string, number>();
  const pauses: number[] = [];
  return {
    bundles,
    pauses,
    sleep: (milliseconds: number) => Promise.resolve(pauses.push(milliseconds)),
    postBundle: (bundle: object) => {
      const { entry, ...rest } = bundle as { entry: Entry[] };
      expect(rest).toEqual({ resourceType: 'Bundle', type: 'batch' });
      bundles.push(entry);
      const responses = entry.map((one) => {
        const earlier = seen.get(one.request.url) ?? 0;
        seen.set(one.request.url, earlier + 1);
        return { response: answer(one, earlier) };
      });
      return Promise.resolve({ resourceType: 'Bundle', type: 'batch-response', entry: responses });
    },
  };
}
const write = (store: ReturnType<typeof storeThat>, writes: readonly Write[]) => writeBatch(store, writes, store.sleep);

describe('a batch', () => {
  it('puts each Consent at its id and deletes by id, in one Bundle', async () => {
    const store = storeThat(() => ({ status: '200' }));
    expect(await write(store, [...puts, remove('gone-1')])).toEqual({ written: 5, refused: {} });
    expect(store.bundles).toHaveLength(1);
    expect(store.bundles[0]!.slice(0, 4)).toEqual(
      puts.map((one) => {
        const { consent } = one as Extract<Write, { method: 'PUT' }>;
        return { resource: consent, request: { method: 'PUT', url: `Consent/${consent.id}` } };
      }),
    );
    expect(store.bundles[0]![4]).toEqual({ request: { method: 'DELETE', url: 'Consent/gone-1' } });
    expect(store.pauses).toEqual([]);
  });

  it('of nothing asks nothing', async () => {
    const store = storeThat(() => ({ status: '200' }));
    expect(await write(store, [])).toEqual({ written: 0, refused: {} });
    expect(store.bundles).toEqual([]);
  });

  test.each([
    { response: { status: '200' }, counted: { written: 1, refused: {} } },
    { response: { status: '201 Created' }, counted: { written: 1, refused: {} } },
    { response: { status: '204' }, counted: { written: 1, refused: {} } },
    { response: { status: '400' }, counted: { written: 0, refused: { 400: 1 } } },
    { response: { status: '404' }, counted: { written: 0, refused: { 404: 1 } } },
    { response: { status: '412 Precondition Failed' }, counted: { written: 0, refused: { 412: 1 } } },
    { response: { status: '422', outcome: { issue: [] } }, counted: { written: 0, refused: { 422: 1 } } },
    { response: {}, counted: { written: 0, refused: { none: 1 } } },
    { response: { status: 200 }, counted: { written: 0, refused: { none: 1 } } },
  ])('counts an entry answered $response as $counted', async ({ response, counted }) => {
    const store = storeThat(() => response);
    expect(await write(store, [puts[0]!])).toEqual(counted);
    expect(store.bundles).toHaveLength(1);
  });

  test.each(['404', '410', '404 Not Found'])('takes a DELETE that is answered %s as done', async (status) => {
    expect(
      await write(
        storeThat(() => ({ status })),
        [remove('gone-1')],
      ),
    ).toEqual({ written: 1, refused: {} });
  });

  test.each([
    { name: '429', response: { status: '429' } },
    { name: '400 that names throttling', response: { status: '400', outcome: throttled } },
    { name: '500', response: { status: '500' } },
    { name: '503', response: { status: '503 Service Unavailable' } },
  ])('sends only what was answered $name again, after a pause', async ({ response }) => {
    const second = puts[1] as Extract<Write, { method: 'PUT' }>;
    const store = storeThat(({ resource }, earlier) =>
      resource?.id === second.consent.id && earlier < 2 ? response : { status: '201' },
    );
    expect(await write(store, puts)).toEqual({ written: 4, refused: {} });
    expect(store.bundles.map((entries) => entries.length)).toEqual([4, 1, 1]);
    expect(store.bundles[2]![0]!.resource).toEqual(second.consent);
    expect(store.pauses).toHaveLength(2);
  });

  it('reads verdicts by the place of the entry, round after round', async () => {
    const verdicts = ['429', '400', '201', '503'];
    const ids = puts.map((one) => (one as Extract<Write, { method: 'PUT' }>).consent.id);
    const store = storeThat(({ resource }, earlier) => ({
      status: earlier === 0 ? verdicts[ids.indexOf(resource!.id)]! : resource!.id === ids[3] ? '422' : '200',
    }));
    expect(await write(store, puts)).toEqual({ written: 2, refused: { 400: 1, 422: 1 } });
  });

  it('gives up after eight rounds, to be tried again as a whole', async () => {
    const store = storeThat(({ resource }) => ({ status: resource ? '429' : '200' }));
    await expect(write(store, [...puts.slice(0, 2), remove('gone-1')])).rejects.toMatchObject({
      name: 'HealthLakeThrottled',
      message: '2 entries were never taken',
    });
    expect(store.bundles.map((entries) => entries.length)).toEqual([3, 2, 2, 2, 2, 2, 2, 2]);
  });

  test.each([
    { name: 'fewer results than entries', answer: { entry: [{ response: { status: '200' } }] } },
    { name: 'no results', answer: { resourceType: 'Bundle' } },
    { name: 'something else', answer: { resourceType: 'OperationOutcome' } },
    { name: 'nothing', answer: undefined },
  ])('is not believed where it is answered with $name', async ({ answer }) => {
    const store = { postBundle: () => Promise.resolve(answer) };
    await expect(writeBatch(store, puts)).rejects.toMatchObject({ name: 'HealthLakeRefused' });
  });
});
