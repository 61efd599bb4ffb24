import { PermanentError } from '../errors.ts';
import { listOf, memberOf } from '../json.ts';
import { outcomeText } from './operation-outcome.ts';
import type { FhirStore } from './store.ts';

/**
 * Lets the store check a resource that it is not to keep.
 * Source: AWS HealthLake Developer Guide, "Validating FHIR resources with `$validate`".
 *
 * @throws PermanentError HealthLakeRefused where it is not valid, saying why as far as that may be shown; and as
 *   `FhirStore.call` does
 */
export async function validate(
  store: Pick<FhirStore, 'baseUrl' | 'call'>,
  resource: { readonly resourceType: string },
): Promise<void> {
  const outcome = await store.call({
    url: new URL(`${resource.resourceType}/$validate`, store.baseUrl),
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify(resource),
  });
  if (memberOf(outcome, 'resourceType') !== 'OperationOutcome') {
    throw new PermanentError('HealthLakeRefused', 'A validation was answered with no OperationOutcome');
  }
  const errors = listOf(memberOf(outcome, 'issue')).filter((issue) => {
    const severity = memberOf(issue, 'severity');
    return severity !== 'information' && severity !== 'warning';
  });
  if (errors.length === 0) return;
  const reason = outcomeText({ issue: errors });
  throw new PermanentError(
    'HealthLakeRefused',
    `The store says that a ${resource.resourceType} is not valid${reason === '' ? '' : `: ${reason}`}`,
  );
}
