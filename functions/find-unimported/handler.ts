import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { task } from '../../shared/task.ts';
import { findUnimported, findUnimportedInput } from './find-unimported.ts';

const config = readConfig(process.env, {
  BUCKET: z.string(),
  LEASE_SECONDS: positiveInteger,
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);

export const handler = task(findUnimportedInput, (input) =>
  findUnimported(input, {
    leaseSeconds: config.LEASE_SECONDS,
    mailbox: ledger.mailbox(config.MAILBOX),
    parts: ledger.parts,
    consentImports: ledger.consentImports,
    files,
  }),
);
