import type { CohortRow } from '../ndop/cohort-csv.ts';
import { listOf, memberOf, type FhirStore } from './store.ts';

const nhsNumberSystem = 'https://fhir.nhs.uk/Id/nhs-number';

/** The Patients of a store as cohort rows, by search pages of 100. */
export async function* readPatients(store: FhirStore): AsyncGenerator<CohortRow> {
  let row = 0;
  for await (const patient of store.search('Patient', { _count: '100', _elements: 'identifier' })) {
    row += 1;
    const patientId = memberOf(patient, 'id');
    yield {
      row,
      nhsNumber: nhsNumberOf(patient),
      ...(typeof patientId === 'string' ? { patientId } : {}),
    };
  }
}

/** The patient's present NHS number as it stands in the store, or empty text; a number marked `old` is not theirs now. */
function nhsNumberOf(patient: unknown): string {
  const identifiers = listOf(memberOf(patient, 'identifier')).filter(
    (identifier) => memberOf(identifier, 'system') === nhsNumberSystem && memberOf(identifier, 'use') !== 'old',
  );
  const value = memberOf(identifiers[0], 'value');
  return typeof value === 'string' ? value : '';
}
