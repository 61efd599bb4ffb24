import { z } from 'zod';
import { PermanentError } from '../errors.ts';
import { storedFile, type StoredFile } from './parts.ts';
import type { LedgerTable } from './table.ts';

/**
 * Where the export of a run's Patients stands. `starting` without a job id after a stop means that nobody knows whether
 * HealthLake has begun one.
 */
const patientExport = z.object({
  state: z.enum(['starting', 'started', 'listed', 'failed']),
  /** 1 for the first; a resumed run whose export failed takes the next. */
  attempt: z.number(),
  jobId: z.string().optional(),
  /** How many Patients HealthLake says it wrote, where it says so. */
  patients: z.number().optional(),
  /** Of a listed one: which of its files are read together. */
  files: storedFile.optional(),
  groups: z.number().optional(),
});
export type PatientExport = z.infer<typeof patientExport>;

const patientGroup = z.object({ group: z.number(), attempt: z.number(), patients: z.number(), file: storedFile });
/** Exported Patients that one step has made a cohort file of. */
export type PatientGroup = z.infer<typeof patientGroup>;

const keyOf = (runId: string) => ({ pk: `RUN#${runId}`, sk: 'EXPORT' });
const prefixOf = (attempt: number) => `PATIENTS#${attempt}#`;
const groupKeyOf = (runId: string, attempt: number, group: number) => ({
  pk: `RUN#${runId}`,
  sk: `${prefixOf(attempt)}${String(group).padStart(4, '0')}`,
});

/** What the ledger knows of the exports of runs' Patients. */
export class PatientExports {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  find(runId: string): Promise<PatientExport | undefined> {
    return this.#table.read(keyOf(runId), patientExport);
  }

  /** @throws PermanentError LedgerInconsistent where the run has no export that was started */
  async read(runId: string): Promise<PatientExport & { readonly jobId: string }> {
    const found = await this.find(runId);
    if (found?.jobId === undefined) {
      throw new PermanentError('LedgerInconsistent', `Run ${runId} has no export of Patients in the ledger`);
    }
    return { ...found, jobId: found.jobId };
  }

  /** False where there is an attempt of this number, or a later one. */
  begin(runId: string, attempt: number): Promise<boolean> {
    return this.#table.put(
      keyOf(runId),
      { state: 'starting', attempt },
      { expression: 'attribute_not_exists(pk) OR attempt < :attempt', values: { ':attempt': attempt } },
    );
  }

  async update(runId: string, fields: Partial<PatientExport>): Promise<void> {
    await this.#table.set(keyOf(runId), fields);
  }

  async putGroup(runId: string, group: PatientGroup): Promise<void> {
    await this.#table.put(groupKeyOf(runId, group.attempt, group.group), group);
  }

  findGroup(runId: string, attempt: number, group: number): Promise<PatientGroup | undefined> {
    return this.#table.read(groupKeyOf(runId, attempt, group), patientGroup);
  }

  listGroups(runId: string, attempt: number): Promise<PatientGroup[]> {
    return this.#table.list(`RUN#${runId}`, prefixOf(attempt), patientGroup);
  }
}

/**
 * The cohort files that an export's Patients became, once all of them are there.
 *
 * @throws PermanentError LedgerInconsistent where groups are missing; PatientExportIncomplete where there are fewer or
 *   more Patients than HealthLake says it wrote
 */
export async function exportedPatients(
  runId: string,
  exports: Pick<PatientExports, 'read' | 'listGroups'>,
): Promise<readonly StoredFile[]> {
  const { attempt, groups, patients } = await exports.read(runId);
  const rows = await exports.listGroups(runId, attempt);
  if (groups === undefined || rows.length !== groups) {
    throw new PermanentError(
      'LedgerInconsistent',
      `Of the exported Patients of run ${runId} not all groups have been read: resume it`,
    );
  }
  const read = rows.reduce((sum, row) => sum + row.patients, 0);
  if (patients !== undefined && read !== patients) {
    throw new PermanentError(
      'PatientExportIncomplete',
      `HealthLake says it exported ${patients} Patients, and its files hold ${read}. Nothing was sent: start a new run`,
    );
  }
  return rows.map(({ file }) => file);
}
