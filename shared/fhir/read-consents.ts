import { PermanentError } from '../errors.ts';
import { isGone, isSuccess, sendBatch, type BatchStore, type Sleep } from './batch.ts';
import { memberOf } from '../json.ts';

/** Reads Consents as `readByIds` does. */
export function readConsents(store: BatchStore, ids: readonly string[], sleep?: Sleep): Promise<unknown[]> {
  return readByIds(store, 'Consent', ids, sleep);
}

/**
 * Reads resources by their ids, up to a hundred, as one `batch` Bundle of GET entries. By id, since a search may lag behind
 * what was written.
 *
 * @returns in step with the ids; undefined where the store has no such resource, or has no longer
 * @throws PermanentError HealthLakeRefused where a read is answered otherwise: nobody is taken for absent by mistake.
 *   RetryableError HealthLakeThrottled, HealthLakeUnavailable
 */
export async function readByIds(
  store: BatchStore,
  type: 'Consent' | 'Patient' | 'Provenance',
  ids: readonly string[],
  sleep?: Sleep,
): Promise<unknown[]> {
  const found = new Map<string, unknown>();
  await sendBatch(store, ids, {
    entryOf: (id) => ({ request: { method: 'GET', url: `${type}/${id}` } }),
    settle: (id, status, answer) => {
      if (isGone(status)) return;
      const resource = memberOf(answer, 'resource');
      if (!isSuccess(status)) {
        throw new PermanentError('HealthLakeRefused', `A ${type} could not be read (status ${status || 'none'})`);
      }
      if (memberOf(resource, 'id') !== id) {
        throw new PermanentError(
          'HealthLakeRefused',
          `A ${type} was asked for by id and answered with another resource`,
        );
      }
      found.set(id, resource);
    },
    sleep,
  });
  return ids.map((id) => found.get(id));
}
