import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { newestRunMarker, postRunMarker, runMarkerOf } from '../../shared/fhir/run-marker.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { readManifest } from '../../shared/ndop/read-manifest.ts';
import { metricsOf } from '../../shared/metrics.ts';
import { notify } from '../../shared/notify.ts';
import type { Report } from '../../shared/report/report.ts';
import { reportText } from '../../shared/report/report-text.ts';
import { writeReport } from '../../shared/report/write-report.ts';
import { task } from '../../shared/task.ts';
import { closeRun, closeRunInput } from './close-run.ts';
import { runMetrics } from './run-metrics.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  BUCKET: z.string(),
  CONSENT_BASE_URL: z.url(),
  ENVIRONMENT: z.string(),
  FHIR_NAMESPACE: z.url(),
  LEASE_SECONDS: positiveInteger,
  LEDGER_TABLE: z.string(),
  MAILBOX: z.string(),
  MAX_AGE_DAYS: positiveInteger,
  TOPIC_ARN: z.string(),
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);
const store = new FhirStore({ baseUrl: config.CONSENT_BASE_URL, region: config.AWS_REGION });
const { FHIR_NAMESPACE: namespace } = config;
const sns = new SNSClient({});
const measure = metricsOf(config.ENVIRONMENT);

async function publish(report: Report, isMarked: boolean): Promise<void> {
  measure(runMetrics(report, isMarked));
  const text = isMarked
    ? reportText(report)
    : `${reportText(report)}\n  The FHIR store refused the marker of this run: consumers go by the one before, and withhold once that is too old`;
  await notify(sns, config.TOPIC_ARN, `NDOP run ${report.runId}: ${report.outcome}`, text);
}

export const handler = task(closeRunInput, (input) =>
  closeRun(input, {
    now: () => new Date(),
    leaseSeconds: config.LEASE_SECONDS,
    runs: ledger.runs,
    parts: ledger.parts,
    consentWrites: ledger.consentWrites,
    consentImports: ledger.consentImports,
    maxAgeDays: config.MAX_AGE_DAYS,
    latest: ledger.latest,
    writes: ledger.writes,
    mailbox: ledger.mailbox(config.MAILBOX),
    files,
    readManifest: (file) => readManifest(files, file),
    writeReport: (report) => writeReport(files, report),
    postMarker: (completed, opening) =>
      postRunMarker(store, runMarkerOf(completed, { namespace }), { namespace, runId: completed.runId, opening }),
    newestMarker: () => newestRunMarker(store, namespace),
    publish,
  }),
);
