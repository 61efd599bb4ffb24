import { join } from 'node:path';
import type { CohortRow } from '../../shared/cohort/read-csv.ts';
import { nhsNumberBlocks, readNhsNumber } from '../../shared/ndop/nhs-number.ts';
import type { Options } from '../options.ts';
import { cohortFileRows, patientsOf, syntheticRows } from './load-cohort.ts';
import { readNhsNumbers } from './number-file.ts';
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
  const numbers = await readNhsNumbers('--opted-out', file);
  return (nhsNumber) => numbers.has(nhsNumber);
}

/**
 * Whom the national service takes for invalid although their numbers pass every check: as a file says, else so many,
 * spread evenly over the cohort.
 *
 * @throws UsageError where the file cannot be used
 */
export async function unknownPeople(options: Options, count: number): Promise<ReadonlySet<string>> {
  if (options.unknown !== undefined) return readNhsNumbers('--unknown', options.unknown);
  if (count === 0) return new Set();
  const numbers = new Set<string>();
  for await (const { nhsNumber } of cohortRows(options)) {
    const reading = readNhsNumber(nhsNumber, nhsNumberBlocks);
    if ('nhsNumber' in reading) numbers.add(reading.nhsNumber);
  }
  const sorted = [...numbers].sort();
  return new Set(
    Array.from({ length: count }, (_, index) => sorted[Math.floor(((index + 0.5) * sorted.length) / count)] ?? ''),
  );
}

export async function* cohortCsv(rows: Rows): AsyncGenerator<string> {
  yield 'nhsNumber,patientId\n';
  for await (const { nhsNumber, patientId } of rows) yield `"${nhsNumber.replaceAll('"', '""')}",${patientId ?? ''}\n`;
}
