import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { openIdKey } from '../../shared/fhir/open-id-key.ts';
import { readConsents } from '../../shared/fhir/read-consents.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { storeMarkOf } from '../../shared/fhir/store-mark.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { readManifest } from '../../shared/ndop/read-manifest.ts';
import { task } from '../../shared/task.ts';
import { rebuildPart, rebuildPartInput } from './rebuild-part.ts';

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

/** As many as when Consents are written: HealthLake once had a limit of ten bundle calls a second. */
const concurrency = 4;
/** At 400 Consents a second, four batches of a second each, so many take four of the step's fifteen minutes. */
const mostReads = 100_000;

export const handler = task(rebuildPartInput, async (input) => {
  const idKey = await openIdKey(config.ID_KEY_SECRET, ledger.idKeyMark);
  return rebuildPart(input, {
    consent: {
      idKey,
      namespace: config.FHIR_NAMESPACE,
      patientReference: config.PATIENT_REFERENCE,
    },
    storeMark: storeMarkOf(config.CONSENT_BASE_URL, {
      namespace: config.FHIR_NAMESPACE,
      patientReference: config.PATIENT_REFERENCE,
    }),
    mostReads,
    concurrency,
    leaseSeconds: config.LEASE_SECONDS,
    runs: ledger.runs,
    parts: ledger.parts,
    mailbox: ledger.mailbox(config.MAILBOX),
    files,
    readManifest: (file) => readManifest(files, file),
    readConsents: (ids) => readConsents(store, ids),
  });
});
