import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { task } from '../../shared/task.ts';
import { splitRequest, splitRequestInput } from './split-request.ts';

const config = readConfig(process.env, {
  LEDGER_TABLE: z.string(),
  LEASE_SECONDS: positiveInteger,
  MAILBOX: z.string(),
  MAX_INVALID_NUMBERS: positiveInteger,
  MAX_PIECES: positiveInteger,
  REPLY_DEADLINE_SECONDS: positiveInteger,
});
const ledger = openLedger(config.LEDGER_TABLE);

export const handler = task(splitRequestInput, (input) =>
  splitRequest(input, {
    limits: {
      maxInvalidNumbers: config.MAX_INVALID_NUMBERS,
      maxPieces: config.MAX_PIECES,
      splittingSeconds: config.REPLY_DEADLINE_SECONDS,
    },
    now: () => new Date(),
    leaseSeconds: config.LEASE_SECONDS,
    parts: ledger.parts,
    mailbox: ledger.mailbox(config.MAILBOX),
  }),
);
