import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { isImportUnderWay } from '../../shared/fhir/import.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { task } from '../../shared/task.ts';
import { openRun, openRunInput } from './open-run.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  CONSENT_BASE_URL: z.url(),
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
  LEASE_SECONDS: positiveInteger,
  COHORT_SOURCE: z.string(),
  PATIENT_READ: z.enum(['search', 'export']),
});
const ledger = openLedger(config.LEDGER_TABLE);
const store = new FhirStore({ baseUrl: config.CONSENT_BASE_URL, region: config.AWS_REGION });
const defaultCohort =
  config.COHORT_SOURCE === 'fhir-store'
    ? ({ source: 'fhir-store' } as const)
    : ({ source: 's3', key: config.COHORT_SOURCE } as const);

export const handler = task(openRunInput, (input) =>
  openRun(input, {
    defaultCohort,
    patientRead: config.PATIENT_READ,
    leaseSeconds: config.LEASE_SECONDS,
    runs: ledger.runs,
    mailbox: ledger.mailbox(config.MAILBOX),
    latest: ledger.latest,
    writes: ledger.writes,
    consentImports: ledger.consentImports,
    isImportUnderWay: (job) => isImportUnderWay(store, job, new Date()),
  }),
);
