import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { deleteConsents } from '../../shared/fhir/delete-consents.ts';
import { openIdKey } from '../../shared/fhir/open-id-key.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { readManifest } from '../../shared/ndop/read-manifest.ts';
import { task } from '../../shared/task.ts';
import { expireConsents, expireConsentsInput } from './expire-consents.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  BUCKET: z.string(),
  BUNDLE_CALLS: positiveInteger,
  CONSENT_BASE_URL: z.url(),
  FHIR_NAMESPACE: z.url(),
  ID_KEY_SECRET: z.string(),
  LEASE_SECONDS: positiveInteger,
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
  MAX_AGE_DAYS: positiveInteger,
  RETENTION_DAYS: positiveInteger,
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);
const store = new FhirStore({
  baseUrl: config.CONSENT_BASE_URL,
  region: config.AWS_REGION,
  callsAtOnce: config.BUNDLE_CALLS,
});
const { FHIR_NAMESPACE: namespace } = config;

/** With eight Bundles of a second each on their way, a read and a deletion of so many take four of the step's fifteen minutes. */
const mostDeletes = 100_000;

export const handler = task(expireConsentsInput, async (input) => {
  const idKey = await openIdKey(config.ID_KEY_SECRET, ledger.idKeyMark);
  return expireConsents(input, {
    consent: { idKey },
    maxAgeDays: config.MAX_AGE_DAYS,
    retentionDays: config.RETENTION_DAYS,
    mostDeletes,
    concurrency: config.BUNDLE_CALLS,
    leaseSeconds: config.LEASE_SECONDS,
    mailbox: ledger.mailbox(config.MAILBOX),
    writes: ledger.writes,
    latest: ledger.latest,
    parts: ledger.parts,
    files,
    readManifest: (file) => readManifest(files, file),
    deleteConsents: (ids, isActiveKept) => deleteConsents(store, ids, { namespace, isActiveKept }),
  });
});
