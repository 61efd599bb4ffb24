import { join } from 'node:path';
import type { CohortRow } from '../../shared/ndop/cohort-csv.ts';
import type { Options } from '../options.ts';
import { cohortFileRows, patientsOf, syntheticRows } from './load-cohort.ts';
import { readOptedOut } from './opted-out.ts';
import { isSyntheticOptOut } from './synthetic.ts';

type Rows = AsyncIterable<CohortRow> | Iterable<CohortRow>;

const sample = join(import.meta.dirname, '..', 'sample');

/** Whose data is loaded: a file, synthetic people, or the sample. */
export function cohortRows({ cohort, patients, seed }: Options): Rows {
  if (patients !== undefined) return syntheticRows(patients, seed);
  return cohortFileRows(cohort ?? join(sample, 'cohort.csv'));
}

/**
 * Finds whatever is wrong with a cohort before anything is started or written.
 *
 * @throws UsageError
 */
export async function checkCohort(rows: Rows): Promise<void> {
  const patients = patientsOf(rows, '');
  while ((await patients.next()).done !== true);
}

/**
 * Who is opted out nationally: as a file says, else a share of all.
 *
 * @throws UsageError where the file cannot be used
 */
export async function optOuts({
  cohort,
  optedOut,
  patients,
  optOutRate,
  seed,
}: Options): Promise<(nhsNumber: string) => boolean> {
  const isSample = cohort === undefined && patients === undefined;
  const file = optedOut ?? (isSample ? join(sample, 'opted-out.txt') : undefined);
  if (file === undefined) return (nhsNumber) => isSyntheticOptOut(nhsNumber, optOutRate, seed);
  const numbers = await readOptedOut(file);
  return (nhsNumber) => numbers.has(nhsNumber);
}

export async function* cohortCsv(rows: Rows): AsyncGenerator<string> {
  yield 'nhsNumber,patientId\n';
  for await (const { nhsNumber, patientId } of rows) yield `"${nhsNumber.replaceAll('"', '""')}",${patientId ?? ''}\n`;
}
