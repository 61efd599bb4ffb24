import { partName } from './ndop/run-id.ts';
import type { ChangePass } from './ndop/changes.ts';

/** Keys of a run's files. They are made of run id and numbers alone, so that none names a person. */
export const runFiles = {
  /** Below it HealthLake writes the Patients that it exports, as whole resources: kept for days alone. */
  exported: (runId: string) => `exports/${runId}/`,
  /** Which of the exported files are read together. */
  patientFiles: (runId: string, attempt: number) => `runs/${runId}/patients/files.${attempt}.json`,
  patientGroup: (runId: string, group: number, attempt: number) =>
    `runs/${runId}/patients/group-${String(group).padStart(4, '0')}.${attempt}.csv`,
  cohort: (runId: string, part: number, attempt: number) => `runs/${runId}/cohort/${partName(part)}.${attempt}.csv`,
  quarantine: (runId: string, attempt: number) => `runs/${runId}/quarantine/rows.${attempt}.csv`,
  /** People whom the service itself refused, found by splitting the part's request. */
  refusedPeople: (runId: string, part: number, attempt: number) =>
    `runs/${runId}/quarantine/refused-by-service.${partName(part)}.${attempt}.csv`,
  request: (runId: string, part: number, sequence: number) => `runs/${runId}/request/${partName(part)}.${sequence}.dat`,
  control: (runId: string, part: number, sequence: number) => `runs/${runId}/request/${partName(part)}.${sequence}.ctl`,
  changes: (runId: string, part: number, attempt: number, pass: ChangePass, file: number) =>
    `runs/${runId}/changes/${partName(part)}.${attempt}.${pass}-${String(file).padStart(4, '0')}.csv`,
  /** What the FHIR store did not take of a change file, as one try of writing it found. */
  setAside: (changeFileKey: string, tryId: string) =>
    changeFileKey.replace('/changes/', '/writes/').replace(/\.csv$/, `.${tryId}.set-aside.ndjson`),
  /** What a bulk import has not taken of a change file, as a change file. */
  left: (changeFileKey: string, attempt: number) => changeFileKey.replace(/\.csv$/, `.left-${attempt}.csv`),
  /** Below it lie the Consents that HealthLake imports: kept for days alone. */
  importInput: (runId: string, attempt: number) => `imports/${runId}/${attempt}/input/`,
  /** Below it HealthLake writes what became of them. */
  importOutput: (runId: string, attempt: number) => `imports/${runId}/${attempt}/output/`,
  report: (runId: string, name: string, form: 'json' | 'html') => `runs/${runId}/report/${name}.${form}`,
  snapshotPart: (runId: string, part: number, attempt: number) =>
    `snapshots/${runId}/${partName(part)}.${attempt}.csv.gz`,
  /** The same where the FHIR store did not take all of it: what it holds. */
  correctedPart: (runId: string, part: number, attempt: number, opening: number) =>
    `snapshots/${runId}/${partName(part)}.${attempt}.corrected-${opening}.csv.gz`,
  /** What one step has read back of a part; several together are the whole of it. */
  rebuiltPart: (runId: string, part: number, opening: number, step: number) =>
    `snapshots/${runId}/${partName(part)}.${opening}-${step}.csv.gz`,
  /** Numbers that the service refused, in this run or not long ago. */
  refusedNumbers: (runId: string, opening: number) => `snapshots/${runId}/refused-${opening}.csv`,
  manifest: (runId: string, opening: number) => `snapshots/${runId}/manifest-${opening}.json`,
  messageHeaders: (messageId: string) => `inbox/${encodeURIComponent(messageId)}/headers.json`,
  messageBody: (messageId: string) => `inbox/${encodeURIComponent(messageId)}/body`,
  /** Of a body that is not what its headers claim: the bytes as they travelled. */
  damagedBody: (messageId: string) => `inbox/${encodeURIComponent(messageId)}/body-as-received`,
};
