import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { openIdKey } from '../../shared/fhir/open-id-key.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { writeBatch } from '../../shared/fhir/write-batch.ts';
import { writeProvenances } from '../../shared/fhir/write-provenances.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { task } from '../../shared/task.ts';
import { writeConsents, writeConsentsInput } from './write-consents.ts';

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
  ODS_CODE: z.string(),
  PATIENT_REFERENCE: z.enum(['literal', 'logical']),
  PROVENANCE: z.enum(['on', 'off']),
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);
const store = new FhirStore({
  baseUrl: config.CONSENT_BASE_URL,
  region: config.AWS_REGION,
  callsAtOnce: config.BUNDLE_CALLS,
});
const { FHIR_NAMESPACE: namespace } = config;

export const handler = task(writeConsentsInput, async (input) => {
  const idKey = await openIdKey(config.ID_KEY_SECRET, ledger.idKeyMark);
  return writeConsents(input, {
    consent: {
      idKey,
      namespace,
      patientReference: config.PATIENT_REFERENCE,
    },
    odsCode: config.PROVENANCE === 'on' ? config.ODS_CODE : undefined,
    concurrency: config.BUNDLE_CALLS,
    now: () => new Date(),
    leaseSeconds: config.LEASE_SECONDS,
    runs: ledger.runs,
    parts: ledger.parts,
    latest: ledger.latest,
    writes: ledger.writes,
    consentWrites: ledger.consentWrites,
    consentImports: ledger.consentImports,
    mailbox: ledger.mailbox(config.MAILBOX),
    files,
    writeBatch: (writes, runId) => writeBatch(store, writes, { namespace, runId }),
    writeProvenances: (provenances) => writeProvenances(store, provenances),
  });
});
