import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { startImport as startJob } from '../../shared/fhir/import.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { runFiles } from '../../shared/run-files.ts';
import { task } from '../../shared/task.ts';
import { startImport, startImportInput } from './start-import.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  BUCKET: z.string(),
  CONSENT_BASE_URL: z.url(),
  IMPORT_KEY: z.string(),
  IMPORT_ROLE: z.string(),
  LEASE_SECONDS: positiveInteger,
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
});
const ledger = openLedger(config.LEDGER_TABLE);
const store = new FhirStore({ baseUrl: config.CONSENT_BASE_URL, region: config.AWS_REGION });

export const handler = task(startImportInput, (input) =>
  startImport(input, {
    now: () => new Date(),
    leaseSeconds: config.LEASE_SECONDS,
    mailbox: ledger.mailbox(config.MAILBOX),
    runs: ledger.runs,
    latest: ledger.latest,
    writes: ledger.writes,
    consentImports: ledger.consentImports,
    startImport: (name, attempt) =>
      startJob(store, name, {
        roleArn: config.IMPORT_ROLE,
        inputUri: `s3://${config.BUCKET}/${runFiles.importInput(input.runId, attempt)}`,
        outputUri: `s3://${config.BUCKET}/${runFiles.importOutput(input.runId, attempt)}`,
        kmsKeyId: config.IMPORT_KEY,
      }),
  }),
);
