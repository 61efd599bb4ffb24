import { Readable } from 'node:stream';
import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { PermanentError } from '../../shared/errors.ts';
import { readPatients } from '../../shared/fhir/patients.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import type { CohortChoice } from '../../shared/ledger/runs.ts';
import { readCohortCsv, type CohortRow } from '../../shared/ndop/cohort-csv.ts';
import { nhsNumberBlocks } from '../../shared/ndop/nhs-number.ts';
import { readManifest } from '../../shared/ndop/read-manifest.ts';
import { task } from '../../shared/task.ts';
import { buildCohort, buildCohortInput } from './build-cohort.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  BUCKET: z.string(),
  FHIR_BASE_URL: z.url(),
  LEDGER_TABLE: z.string(),
  NHS_NUMBER_RANGES: z.string(),
  PART_ROWS: positiveInteger,
});
const ledger = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);
const store = new FhirStore({ baseUrl: config.FHIR_BASE_URL, region: config.AWS_REGION });
const allowed = config.NHS_NUMBER_RANGES.split(',');

async function* readRows(choice: CohortChoice): AsyncGenerator<CohortRow> {
  if (choice.source === 'fhir-store') {
    yield* readPatients(store);
    return;
  }
  const body = await files.open(choice.key).catch((error: unknown) => {
    if (!(error instanceof PermanentError)) throw error;
    throw new PermanentError('CohortMissing', 'The cohort file named in the execution input is not in the bucket');
  });
  yield* readCohortCsv(Readable.from(body, { objectMode: false }));
}

export const handler = task(buildCohortInput, (input) =>
  buildCohort(input, {
    allowedBlocks: nhsNumberBlocks.filter((block) => allowed.includes(block)),
    partRows: config.PART_ROWS,
    runs: ledger.runs,
    parts: ledger.parts,
    files,
    readManifest: (file) => readManifest(files, file),
    readRows,
  }),
);
