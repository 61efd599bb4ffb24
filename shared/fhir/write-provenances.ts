import { isDeepStrictEqual } from 'node:util';
import { isSuccess, sendBatch, type BatchStore, type Sleep } from './batch.ts';
import type { Provenance } from './provenance.ts';
import { readByIds } from './read-consents.ts';
import { memberOf } from '../json.ts';

/** A Provenance names up to a hundred Consents: so many of them are as much as a batch of Consents. */
const atOnce = 20;

/**
 * Writes Provenances, but for those that the store has already with the same Consents.
 *
 * @returns how many the store refused
 * @throws RetryableError HealthLakeThrottled, HealthLakeUnavailable. PermanentError HealthLakeForbidden, HealthLakeRefused
 */
export async function writeProvenances(
  store: BatchStore,
  provenances: readonly Provenance[],
  sleep?: Sleep,
): Promise<number> {
  let refused = 0;
  for (let from = 0; from < provenances.length; from += atOnce) {
    const some = provenances.slice(from, from + atOnce);
    const ids = some.map(({ id }) => id);
    const held = await readByIds(store, 'Provenance', ids, sleep);
    const due = some.filter(({ target }, index) => !isDeepStrictEqual(memberOf(held[index], 'target'), target));
    await sendBatch(store, due, {
      entryOf: (provenance) => ({
        resource: provenance,
        request: { method: 'PUT', url: `Provenance/${provenance.id}` },
      }),
      settle: (_, status) => {
        if (!isSuccess(status)) refused += 1;
      },
      sleep,
    });
  }
  return refused;
}
