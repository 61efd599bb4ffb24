import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { readConfig } from '../../shared/config.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { task } from '../../shared/task.ts';
import { stageRequests, stageRequestsInput } from './stage-request.ts';

const config = readConfig(process.env, {
  BUCKET: z.string(),
  LEDGER_TABLE: z.string(),
  LINE_ENDING: z.enum(['CRLF', 'LF']),
  MAILBOX: z.string(),
  NDOP_MAILBOX: z.string(),
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);

export const handler = task(stageRequestsInput, (input) =>
  stageRequests(input, {
    mailboxes: { from: config.MAILBOX, to: config.NDOP_MAILBOX },
    lineEnding: config.LINE_ENDING,
    now: () => new Date(),
    parts: ledger.parts,
    files,
    mailbox: ledger.mailbox(config.MAILBOX),
  }),
);
