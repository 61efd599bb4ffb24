import { SNSClient } from '@aws-sdk/client-sns';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { notify } from '../../shared/notify.ts';
import { task } from '../../shared/task.ts';
import { holdForReview, holdForReviewInput } from './hold-for-review.ts';

const config = readConfig(process.env, {
  LEASE_SECONDS: positiveInteger,
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
  REVIEW_SECONDS: positiveInteger,
  TOPIC_ARN: z.string(),
});
const ledger = openLedger(config.LEDGER_TABLE);
const sns = new SNSClient({});

export const handler = task(holdForReviewInput, (input) =>
  holdForReview(input, {
    now: () => new Date(),
    reviewSeconds: config.REVIEW_SECONDS,
    leaseSeconds: config.LEASE_SECONDS,
    runs: ledger.runs,
    mailbox: ledger.mailbox(config.MAILBOX),
    notify: (subject, message) => notify(sns, config.TOPIC_ARN, subject, message),
  }),
);
