import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { readManifest } from '../../shared/ndop/read-manifest.ts';
import { task } from '../../shared/task.ts';
import { reconcilePart, reconcilePartInput } from './reconcile-part.ts';

const config = readConfig(process.env, {
  BUCKET: z.string(),
  CHANGE_FILE_ROWS: positiveInteger,
  LEDGER_TABLE: z.string(),
  RETENTION_DAYS: positiveInteger,
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);

export const handler = task(reconcilePartInput, (input) =>
  reconcilePart(input, {
    changeFileRows: config.CHANGE_FILE_ROWS,
    retentionDays: config.RETENTION_DAYS,
    runs: ledger.runs,
    parts: ledger.parts,
    files,
    readManifest: (file) => readManifest(files, file),
  }),
);
