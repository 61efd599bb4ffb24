import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { storeMarkOf } from '../../shared/fhir/store-mark.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { readManifest } from '../../shared/ndop/read-manifest.ts';
import { task } from '../../shared/task.ts';
import { reconcilePart, reconcilePartInput } from './reconcile-part.ts';

const config = readConfig(process.env, {
  BUCKET: z.string(),
  CHANGE_FILE_ROWS: positiveInteger,
  CONSENT_BASE_URL: z.url(),
  FHIR_NAMESPACE: z.url(),
  LEDGER_TABLE: z.string(),
  PATIENT_REFERENCE: z.enum(['literal', 'logical']),
  RETENTION_DAYS: positiveInteger,
});
const ledger = openLedger(config.LEDGER_TABLE);
const storeMark = storeMarkOf(config.CONSENT_BASE_URL, {
  namespace: config.FHIR_NAMESPACE,
  patientReference: config.PATIENT_REFERENCE,
});
const files = new Files(new S3Client({}), config.BUCKET);

export const handler = task(reconcilePartInput, (input) =>
  reconcilePart(input, {
    changeFileRows: config.CHANGE_FILE_ROWS,
    retentionDays: config.RETENTION_DAYS,
    storeMark,
    runs: ledger.runs,
    parts: ledger.parts,
    files,
    readManifest: (file) => readManifest(files, file),
  }),
);
