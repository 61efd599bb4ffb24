import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { postRunMarker, runMarkerOf } from '../../shared/fhir/run-marker.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { readManifest } from '../../shared/ndop/read-manifest.ts';
import { notify } from '../../shared/notify.ts';
import { task } from '../../shared/task.ts';
import { recordExpiry, recordExpiryInput } from './record-expiry.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  BUCKET: z.string(),
  CONSENT_BASE_URL: z.url(),
  FHIR_NAMESPACE: z.url(),
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
const { FHIR_NAMESPACE: namespace } = config;
const sns = new SNSClient({});

export const handler = task(recordExpiryInput, (input) =>
  recordExpiry(input, {
    now: () => new Date(),
    maxAgeDays: config.MAX_AGE_DAYS,
    retentionDays: config.RETENTION_DAYS,
    leaseSeconds: config.LEASE_SECONDS,
    mailbox: ledger.mailbox(config.MAILBOX),
    latest: ledger.latest,
    files,
    readManifest: (file) => readManifest(files, file),
    postMarker: (completed, opening) =>
      postRunMarker(store, runMarkerOf(completed, { namespace }), { namespace, runId: completed.runId, opening }),
    notify: (subject, message) => notify(sns, config.TOPIC_ARN, subject, message),
  }),
);
