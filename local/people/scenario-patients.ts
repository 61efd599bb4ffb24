import type { CohortRow } from '../../shared/cohort/read-csv.ts';
import type { Patient } from '../healthlake/fhir.ts';
import type { Scenario } from '../scenarios.ts';
import { patientsOf } from './load-cohort.ts';
import { withMergedRecords } from './merged-records.ts';

/** The Patients that a scenario begins with: those of the cohort, and what it says of them. */
export async function* scenarioPatients(
  { hasMergedRecords = false, numberless = 0 }: Scenario,
  rows: AsyncIterable<CohortRow> | Iterable<CohortRow>,
  idKey: string,
  isOptedOut: (nhsNumber: string) => boolean,
): AsyncGenerator<Patient> {
  const patients = patientsOf(rows, idKey);
  yield* hasMergedRecords ? withMergedRecords(patients, isOptedOut) : patients;
  for (let number = 1; number <= numberless; number += 1) {
    // Of the greatest length that an id has.
    yield { resourceType: 'Patient', id: `numberless-${String(number).padStart(53, '0')}` };
  }
}
