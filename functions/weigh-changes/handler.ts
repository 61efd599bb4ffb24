import { z } from 'zod';
import { percent, positiveInteger, readConfig } from '../../shared/config.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { task } from '../../shared/task.ts';
import { weighChanges, weighChangesInput } from './weigh-changes.ts';

const config = readConfig(process.env, {
  BULK_IMPORT_THRESHOLD: positiveInteger,
  LEASE_SECONDS: positiveInteger,
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
  MAX_AGE_DAYS: positiveInteger,
  MAX_CHANGE_POINTS: percent,
  MAX_DEACTIVATIONS: positiveInteger,
  MAX_OPT_OUT_PERCENT: percent,
  RATE_GATE_FROM: positiveInteger,
  REVIEW_SECONDS: positiveInteger,
});
const ledger = openLedger(config.LEDGER_TABLE);

export const handler = task(weighChangesInput, (input) =>
  weighChanges(input, {
    limits: {
      rateGateFrom: config.RATE_GATE_FROM,
      maxOptOutPercent: config.MAX_OPT_OUT_PERCENT,
      maxChangePoints: config.MAX_CHANGE_POINTS,
      maxDeactivations: config.MAX_DEACTIVATIONS,
    },
    bulkImportThreshold: config.BULK_IMPORT_THRESHOLD,
    reviewSeconds: config.REVIEW_SECONDS,
    maxAgeDays: config.MAX_AGE_DAYS,
    now: () => new Date(),
    leaseSeconds: config.LEASE_SECONDS,
    runs: ledger.runs,
    parts: ledger.parts,
    latest: ledger.latest,
    consentImports: ledger.consentImports,
    mailbox: ledger.mailbox(config.MAILBOX),
  }),
);
