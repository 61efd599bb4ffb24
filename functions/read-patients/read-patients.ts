import { z } from 'zod';
import { PermanentError } from '../../shared/errors.ts';
import { readNdjson } from '../../shared/fhir/ndjson.ts';
import { patientsCsv } from '../../shared/fhir/patients.ts';
import type { Files } from '../../shared/files.ts';
import { parseJson } from '../../shared/json.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { PatientExports } from '../../shared/ledger/patient-exports.ts';
import type { Runs } from '../../shared/ledger/runs.ts';
import { runFiles } from '../../shared/run-files.ts';

export const readPatientsInput = z.object({ runId: z.string(), execution: z.string(), group: z.number() });
export type ReadPatientsInput = z.infer<typeof readPatientsInput>;

export interface ReadPatientsDeps {
  /** Of the FHIR store. */
  readonly baseUrl: string;
  readonly runs: Pick<Runs, 'read'>;
  readonly exports: Pick<PatientExports, 'read' | 'findGroup' | 'putGroup'>;
  readonly mailbox: Pick<MailboxLedger, 'keepLease'>;
  readonly leaseSeconds: number;
  readonly files: Pick<Files, 'readVerified' | 'open' | 'writeStreamOnce'>;
}

const groupsOfKeys = z.array(z.array(z.string()));

/**
 * Makes one cohort file of a group of exported files, as a stream. A Patient's numbers are judged for the moment that
 * the run began, so that a repeat gives the same bytes.
 *
 * @throws LeaseLost, PatientUnreadable, PatientExportUnreadable; FileMissing where the exported files have expired
 */
export async function readPatients(
  { runId, execution, group }: ReadPatientsInput,
  { baseUrl, runs, exports, mailbox, leaseSeconds, files }: ReadPatientsDeps,
): Promise<{ readonly patients: number }> {
  await mailbox.keepLease({ execution, runId }, leaseSeconds);
  const { attempt, files: list } = await exports.read(runId);
  const done = await exports.findGroup(runId, attempt, group);
  if (done) return { patients: done.patients };

  const { openedAt } = await runs.read(runId);
  const groups = groupsOfKeys.safeParse(list && parseJson((await files.readVerified(list)).toString()));
  const keys = groups.data?.[group - 1];
  if (!keys) throw new PermanentError('LedgerInconsistent', `Run ${runId} has no group ${group} of exported Patients`);
  let patients = 0;
  async function* allPatients(found: readonly string[]): AsyncGenerator {
    for (const key of found) {
      for await (const patient of readNdjson(await files.open(key), key)) {
        patients += 1;
        yield patient;
      }
    }
  }
  const file = await files.writeStreamOnce(
    runFiles.patientGroup(runId, group, attempt),
    patientsCsv(allPatients(keys), baseUrl, new Date(openedAt)),
  );
  await exports.putGroup(runId, { group, attempt, patients, file });
  return { patients };
}
