import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { isImportUnderWay } from '../../shared/fhir/import.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { readManifest } from '../../shared/ndop/read-manifest.ts';
import type { SnapshotAge } from '../../shared/ndop/snapshot-age.ts';
import { notify } from '../../shared/notify.ts';
import { task } from '../../shared/task.ts';
import { checkFreshness, checkFreshnessInput } from './check-freshness.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  BUCKET: z.string(),
  CONSENT_BASE_URL: z.url(),
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
const metrics = new Metrics({ namespace: 'ndop', serviceName: 'ndop' });

function publishAge({ oldestAnswerDays, lastRunDays, expired }: SnapshotAge): void {
  if (oldestAnswerDays !== undefined) metrics.addMetric('OldestAnswerAgeDays', MetricUnit.NoUnit, oldestAnswerDays);
  metrics.addMetric('DaysSinceLastSuccess', MetricUnit.NoUnit, lastRunDays);
  metrics.addMetric('StretchesExpired', MetricUnit.Count, expired);
  metrics.publishStoredMetrics();
}

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
    publishAge,
    notify: (subject, message) => notify(sns, config.TOPIC_ARN, subject, message),
  }),
);
