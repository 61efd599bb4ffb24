import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { findPatientExport, startPatientExport } from '../../shared/fhir/export.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { runFiles } from '../../shared/run-files.ts';
import { task } from '../../shared/task.ts';
import { exportPatients, exportPatientsInput } from './export-patients.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  BUCKET: z.string(),
  EXPORT_KEY: z.string(),
  EXPORT_ROLE: z.string(),
  FHIR_BASE_URL: z.url(),
  LEASE_SECONDS: positiveInteger,
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
});
const ledger = openLedger(config.LEDGER_TABLE);
const store = new FhirStore({ baseUrl: config.FHIR_BASE_URL, region: config.AWS_REGION });

export const handler = task(exportPatientsInput, (input) =>
  exportPatients(input, {
    exports: ledger.exports,
    mailbox: ledger.mailbox(config.MAILBOX),
    leaseSeconds: config.LEASE_SECONDS,
    startExport: (jobName) =>
      startPatientExport(store, jobName, {
        roleArn: config.EXPORT_ROLE,
        s3Uri: `s3://${config.BUCKET}/${runFiles.exported(input.runId)}`,
        kmsKeyId: config.EXPORT_KEY,
      }),
    findExport: (jobName) => findPatientExport(store, jobName),
  }),
);
