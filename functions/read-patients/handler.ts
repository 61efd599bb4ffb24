import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { task } from '../../shared/task.ts';
import { readPatients, readPatientsInput } from './read-patients.ts';

const config = readConfig(process.env, {
  BUCKET: z.string(),
  FHIR_BASE_URL: z.url(),
  LEASE_SECONDS: positiveInteger,
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);

export const handler = task(readPatientsInput, (input) =>
  readPatients(input, {
    baseUrl: config.FHIR_BASE_URL,
    runs: ledger.runs,
    exports: ledger.exports,
    mailbox: ledger.mailbox(config.MAILBOX),
    leaseSeconds: config.LEASE_SECONDS,
    files,
  }),
);
