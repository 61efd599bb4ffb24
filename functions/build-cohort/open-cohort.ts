import { PermanentError } from '../../shared/errors.ts';
import { patientsCsv } from '../../shared/fhir/patients.ts';
import type { Files } from '../../shared/files.ts';
import { exportedPatients, type PatientExports } from '../../shared/ledger/patient-exports.ts';
import type { Run } from '../../shared/ledger/runs.ts';

export interface OpenCohortDeps {
  /** Of the FHIR store. */
  readonly baseUrl: string;
  readonly patientRead: 'search' | 'export';
  readonly searchPatients: () => AsyncIterable<unknown>;
  readonly exports: Pick<PatientExports, 'read' | 'listGroups'>;
  readonly files: Pick<Files, 'open' | 'openVerified'>;
}

/**
 * The cohort of a run as CSV files: the one that somebody supplied, those that an export of the FHIR store became, or one
 * that is made while the store is searched.
 *
 * @throws PermanentError CohortMissing; what the export or the search throws
 */
export async function* openCohort(
  { runId, cohortChoice, openedAt }: Run,
  { baseUrl, patientRead, searchPatients, exports, files }: OpenCohortDeps,
): AsyncGenerator<AsyncIterable<Uint8Array>> {
  if (cohortChoice.source === 's3') {
    yield await files.open(cohortChoice.key).catch((error: unknown) => {
      if (!(error instanceof PermanentError)) throw error;
      throw new PermanentError('CohortMissing', 'The cohort file named in the execution input is not in the bucket');
    });
  } else if (patientRead === 'search') {
    yield patientsCsv(searchPatients(), baseUrl, new Date(openedAt));
  } else {
    for (const file of await exportedPatients(runId, exports)) yield await files.openVerified(file);
  }
}
