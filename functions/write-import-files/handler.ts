import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { openIdKey } from '../../shared/fhir/open-id-key.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { task } from '../../shared/task.ts';
import { writeImportFiles, writeImportFilesInput } from './write-import-files.ts';

const config = readConfig(process.env, {
  BUCKET: z.string(),
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

export const handler = task(writeImportFilesInput, async (input) => {
  const idKey = await openIdKey(config.ID_KEY_SECRET, ledger.idKeyMark);
  return writeImportFiles(input, {
    consent: {
      idKey,
      namespace: config.FHIR_NAMESPACE,
      patientReference: config.PATIENT_REFERENCE,
    },
    odsCode: config.PROVENANCE === 'on' ? config.ODS_CODE : undefined,
    now: () => new Date(),
    leaseSeconds: config.LEASE_SECONDS,
    mailbox: ledger.mailbox(config.MAILBOX),
    parts: ledger.parts,
    consentWrites: ledger.consentWrites,
    consentImports: ledger.consentImports,
    files,
  });
});
