import { createHmac } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { readCohortCsv, type CohortRow } from '../../shared/cohort/read-csv.ts';
import { idForm, type Patient } from '../healthlake/fhir.ts';
import { UsageError } from '../../shared/command-line.ts';
import { syntheticNhsNumbers } from './synthetic.ts';

/**
 * The rows of a cohort file.
 *
 * @throws UsageError where the file cannot be read or has no column nhsNumber
 */
export async function* cohortFileRows(path: string): AsyncGenerator<CohortRow> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new UsageError(`--cohort: there is no file ${path}`);
  try {
    yield* readCohortCsv(createReadStream(path));
  } catch (error) {
    throw new UsageError(`--cohort ${path}: ${error instanceof Error ? error.message : 'it cannot be read'}`);
  }
}

export function* syntheticRows(count: number, seed: number): Generator<CohortRow> {
  let row = 0;
  for (const nhsNumber of syntheticNhsNumbers(count, seed)) {
    row += 1;
    yield { row, nhsNumber };
  }
}

/**
 * The rows of a cohort as Patients. A row without a patient id, or with one that no FHIR store can hold, gets one that is
 * the same in the next month's run and says nothing of the number without the key.
 */
export async function* patientsOf(
  rows: AsyncIterable<CohortRow> | Iterable<CohortRow>,
  idKey: string,
): AsyncGenerator<Patient> {
  const repeats = new Map<string, number>();
  for await (const { nhsNumber, patientId } of rows) {
    const id = patientId !== undefined && idForm.test(patientId) ? patientId : derivedId(nhsNumber, repeats, idKey);
    const value = nhsNumber.replace(/\p{Cc}/gu, ' ').trim();
    yield {
      resourceType: 'Patient',
      id,
      ...(value === '' ? {} : { identifier: [{ system: 'https://fhir.nhs.uk/Id/nhs-number', value }] }),
    };
  }
}

/** Rows that repeat a number are several Patients, as they would be in a store. */
function derivedId(nhsNumber: string, repeats: Map<string, number>, idKey: string): string {
  const id = createHmac('sha256', idKey).update(`patient ${nhsNumber}`).digest('hex').slice(0, 32);
  const earlier = repeats.get(id) ?? 0;
  repeats.set(id, earlier + 1);
  return earlier === 0 ? id : `${id}-${earlier}`;
}
