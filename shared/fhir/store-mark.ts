import { hash } from 'node:crypto';
import type { ConsentOptions } from './consent.ts';

/**
 * Tells apart where Consents live and how they name people: what a snapshot says of one store is not believed of another,
 * nor of Consents in another form. HealthLake's data stores differ by the id in the path of their base URL.
 */
export function storeMarkOf(
  baseUrl: string,
  { namespace, patientReference }: Pick<ConsentOptions, 'namespace' | 'patientReference'>,
): string {
  return hash('sha256', [new URL(baseUrl).pathname, namespace, patientReference].join('\n')).slice(0, 16);
}
