import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { describeImport, importFolder } from '../../shared/fhir/import.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { runFiles } from '../../shared/run-files.ts';
import { task } from '../../shared/task.ts';
import { checkImport, checkImportInput } from './check-import.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  BUCKET: z.string(),
  CONSENT_BASE_URL: z.url(),
  IMPORT_DEADLINE_SECONDS: positiveInteger,
  LEASE_SECONDS: positiveInteger,
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);
const store = new FhirStore({ baseUrl: config.CONSENT_BASE_URL, region: config.AWS_REGION });

export const handler = task(checkImportInput, (input) =>
  checkImport(input, {
    leaseSeconds: config.LEASE_SECONDS,
    deadlineSeconds: config.IMPORT_DEADLINE_SECONDS,
    mailbox: ledger.mailbox(config.MAILBOX),
    consentImports: ledger.consentImports,
    files,
    describeImport: (jobId) => describeImport(store, jobId),
    outputFiles: (jobId, attempt) =>
      files.list(importFolder(runFiles.importOutput(input.runId, attempt), store, jobId)),
  }),
);
