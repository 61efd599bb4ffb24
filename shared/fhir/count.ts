import { PermanentError } from '../errors.ts';
import { memberOf } from '../json.ts';
import type { FhirStore } from './store.ts';

/**
 * How many resources a search finds, as the store itself counts them; the index may lag some seconds behind what was
 * written. Source: AWS HealthLake Developer Guide, search parameter `_total`; `_summary=count` and `_count=0` it has not.
 *
 * @throws PermanentError HealthLakeRefused. RetryableError HealthLakeThrottled, HealthLakeUnavailable
 */
export async function countFound(
  store: Pick<FhirStore, 'baseUrl' | 'call'>,
  type: string,
  parameters: Readonly<Record<string, string>>,
): Promise<number> {
  const page = await store.call({
    url: new URL(`${type}/_search`, store.baseUrl),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...parameters, _count: '1', _elements: 'id', _total: 'accurate' }).toString(),
  });
  const total = memberOf(page, 'total');
  if (typeof total === 'number' && Number.isInteger(total) && total >= 0) return total;
  throw new PermanentError('HealthLakeRefused', 'A search was answered without the number of resources found');
}
