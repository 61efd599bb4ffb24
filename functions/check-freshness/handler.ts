import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { isImportUnderWay } from '../../shared/fhir/import.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { metricsOf } from '../../shared/metrics.ts';
import { readManifest } from '../../shared/ndop/read-manifest.ts';
import { notify } from '../../shared/notify.ts';
import { task } from '../../shared/task.ts';
import { checkFreshness, checkFreshnessInput } from './check-freshness.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  BUCKET: z.string(),
  CONSENT_BASE_URL: z.url(),
  ENVIRONMENT: z.string(),
  LEASE_SECONDS: positiveInteger,
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
  MAX_AGE_DAYS: positiveInteger,
  RETENTION_DAYS: positiveInteger,
  TOPIC_ARN: z.string(),
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);
const store = new FhirStore({ baseUrl: config.CONSENT_BASE_URL, region: config.AWS_REGION });
const sns = new SNSClient({});

export const handler = task(checkFreshnessInput, (input) =>
  checkFreshness(input, {
    maxAgeDays: config.MAX_AGE_DAYS,
    retentionDays: config.RETENTION_DAYS,
    leaseSeconds: config.LEASE_SECONDS,
    mailbox: ledger.mailbox(config.MAILBOX),
    latest: ledger.latest,
    writes: ledger.writes,
    consentImports: ledger.consentImports,
    isImportUnderWay: (job) => isImportUnderWay(store, job, new Date()),
    parts: ledger.parts,
    files,
    readManifest: (file) => readManifest(files, file),
    measure: metricsOf(config.ENVIRONMENT),
    notify: (subject, message) => notify(sns, config.TOPIC_ARN, subject, message),
  }),
);
