import { getSecret } from '@aws-lambda-powertools/parameters/secrets';
import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { writeBatch } from '../../shared/fhir/batch.ts';
import { parseIdKey } from '../../shared/fhir/consent-id.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { task } from '../../shared/task.ts';
import { writeConsents, writeConsentsInput } from './write-consents.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  BUCKET: z.string(),
  CONSENT_BASE_URL: z.url(),
  FHIR_NAMESPACE: z.url(),
  ID_KEY_SECRET: z.string(),
  LEASE_SECONDS: positiveInteger,
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
  PATIENT_REFERENCE: z.enum(['literal', 'logical']),
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);
const store = new FhirStore({ baseUrl: config.CONSENT_BASE_URL, region: config.AWS_REGION });

/** HealthLake once had a limit of ten bundle calls a second; four at a time stay well below it. */
const concurrency = 4;

export const handler = task(writeConsentsInput, async (input) => {
  const idKey = await getSecret(config.ID_KEY_SECRET, { maxAge: 86_400 });
  return writeConsents(input, {
    consent: {
      idKey: parseIdKey(typeof idKey === 'string' ? idKey : ''),
      namespace: config.FHIR_NAMESPACE,
      patientReference: config.PATIENT_REFERENCE,
    },
    concurrency,
    now: () => new Date(),
    leaseSeconds: config.LEASE_SECONDS,
    runs: ledger.runs,
    parts: ledger.parts,
    latest: ledger.latest,
    writes: ledger.writes,
    mailbox: ledger.mailbox(config.MAILBOX),
    files,
    writeBatch: (writes) => writeBatch(store, writes),
  });
});
