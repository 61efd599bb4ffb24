import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { ndopWorkflow } from '../../shared/contract.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { metricsOf } from '../../shared/metrics.ts';
import { certificateDaysLeft, meshSettings, openMailbox } from '../../shared/mesh/open-mailbox.ts';
import { task } from '../../shared/task.ts';
import { drainMailbox, drainMailboxInput } from './drain-mailbox.ts';

const config = readConfig(process.env, {
  BUCKET: z.string(),
  ENVIRONMENT: z.string(),
  LEASE_SECONDS: positiveInteger,
  LEDGER_TABLE: z.string(),
  NDOP_MAILBOX: z.string(),
  ...meshSettings,
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);
const measure = metricsOf(config.ENVIRONMENT);

export const handler = task(drainMailboxInput, async (input) =>
  drainMailbox(input, {
    source: { mailbox: config.NDOP_MAILBOX, workflowId: ndopWorkflow },
    leaseSeconds: config.LEASE_SECONDS,
    now: () => new Date(),
    parts: ledger.parts,
    ledger: ledger.mailbox(config.MAILBOX),
    files,
    mesh: await openMailbox(config),
    certificateDaysLeft: await certificateDaysLeft(config),
    measure,
  }),
);
