import { PermanentError } from '../../shared/errors.ts';
import type { PatientExport, PatientExports, PatientGroup } from '../../shared/ledger/patient-exports.ts';

/** The ledger's exports of Patients without a table, under the same conditions. */
export class InMemoryPatientExports implements Pick<PatientExports, keyof PatientExports> {
  readonly rows = new Map<string, PatientExport>();
  readonly groups = new Map<string, PatientGroup>();

  find(runId: string): Promise<PatientExport | undefined> {
    return Promise.resolve(this.rows.get(runId));
  }

  async read(runId: string): Promise<PatientExport & { readonly jobId: string }> {
    const found = await this.find(runId);
    if (found?.jobId === undefined) throw new PermanentError('LedgerInconsistent', `Run ${runId} has no export`);
    return { ...found, jobId: found.jobId };
  }

  begin(runId: string, attempt: number): Promise<boolean> {
    const isNext = (this.rows.get(runId)?.attempt ?? 0) < attempt;
    if (isNext) this.rows.set(runId, { state: 'starting', attempt });
    return Promise.resolve(isNext);
  }

  update(runId: string, fields: Partial<PatientExport>): Promise<void> {
    const row = this.rows.get(runId);
    if (row) this.rows.set(runId, { ...row, ...fields });
    return Promise.resolve();
  }

  putGroup(runId: string, group: PatientGroup): Promise<void> {
    this.groups.set(`${runId} ${group.attempt} ${group.group}`, group);
    return Promise.resolve();
  }

  findGroup(runId: string, attempt: number, group: number): Promise<PatientGroup | undefined> {
    return Promise.resolve(this.groups.get(`${runId} ${attempt} ${group}`));
  }

  listGroups(runId: string, attempt: number): Promise<PatientGroup[]> {
    const own = [...this.groups].filter(([key]) => key.startsWith(`${runId} ${attempt} `));
    return Promise.resolve(own.map(([, group]) => group));
  }
}
