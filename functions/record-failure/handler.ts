import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { z } from 'zod';
import { readConfig } from '../../shared/config.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { notify } from '../../shared/notify.ts';
import { writeReport } from '../../shared/report/write-report.ts';
import { task } from '../../shared/task.ts';
import { recordFailure, recordFailureInput } from './record-failure.ts';

const config = readConfig(process.env, {
  BUCKET: z.string(),
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
  TOPIC_ARN: z.string(),
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);
const sns = new SNSClient({});

export const handler = task(recordFailureInput, (input) =>
  recordFailure(input, {
    now: () => new Date(),
    runs: ledger.runs,
    parts: ledger.parts,
    mailbox: ledger.mailbox(config.MAILBOX),
    writeReport: (report) => writeReport(files, report),
    consentWrites: ledger.consentWrites,
    latest: ledger.latest,
    notify: (subject, message) => notify(sns, config.TOPIC_ARN, subject, message),
  }),
);
