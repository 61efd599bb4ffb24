import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { describePatientExport, exportFolder } from '../../shared/fhir/export.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { runFiles } from '../../shared/run-files.ts';
import { task } from '../../shared/task.ts';
import { checkExport, checkExportInput } from './check-export.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  BUCKET: z.string(),
  EXPORT_DEADLINE_SECONDS: positiveInteger,
  FHIR_BASE_URL: z.url(),
  LEASE_SECONDS: positiveInteger,
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);
const store = new FhirStore({ baseUrl: config.FHIR_BASE_URL, region: config.AWS_REGION });

export const handler = task(checkExportInput, (input) =>
  checkExport(input, {
    exports: ledger.exports,
    mailbox: ledger.mailbox(config.MAILBOX),
    leaseSeconds: config.LEASE_SECONDS,
    deadlineSeconds: config.EXPORT_DEADLINE_SECONDS,
    files,
    describeExport: (jobId) => describePatientExport(store, jobId),
    exportedFiles: (jobId) => files.list(exportFolder(runFiles.exported(input.runId), store, jobId)),
  }),
);
