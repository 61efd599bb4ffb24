import { isGone, isSuccess, sendBatch, type BatchStore, type Sleep } from './batch.ts';
import { readConsents } from './read-consents.ts';
import { isTagged } from './record-of-consent.ts';
import { memberOf } from '../json.ts';

export interface DeleteOptions {
  /** Base URI of our own identifiers: what bears its tag is ours. */
  readonly namespace: string;
  /** Whether a Consent of somebody who is opted out stays, whatever we believe of them: a run that stopped may have written it. */
  readonly isActiveKept: boolean;
  readonly sleep?: Sleep;
}

export interface Deletion {
  readonly deleted: number;
  /** Should be gone and are not: the store refused. */
  readonly kept: number;
}

/**
 * Deletes up to a hundred Consents by their ids, where there are any. Each is read first, and one without our tag is left
 * alone. To delete twice does no harm.
 *
 * @throws as `readConsents` and `sendBatch` do
 */
export async function deleteConsents(
  store: BatchStore,
  ids: readonly string[],
  { namespace, isActiveKept, sleep }: DeleteOptions,
): Promise<Deletion> {
  const held = await readConsents(store, ids, sleep);
  const due = ids
    .map((id, index) => ({ id, consent: held[index] }))
    // What lacks our tag is nobody's that we wrote about, and consumers pass over it.
    .filter(({ consent }) => isTagged(consent, namespace))
    .filter(({ consent }) => !(isActiveKept && memberOf(consent, 'status') === 'active'));
  let deleted = 0;
  await sendBatch(store, due, {
    entryOf: ({ id }) => ({ request: { method: 'DELETE', url: `Consent/${id}` } }),
    settle: (_, status) => {
      if (isSuccess(status) || isGone(status)) deleted += 1;
    },
    sleep,
  });
  return { deleted, kept: due.length - deleted };
}
