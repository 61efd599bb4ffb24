import { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { positiveInteger, readConfig } from '../../shared/config.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { Files } from '../../shared/files.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { nhsNumberBlocks } from '../../shared/ndop/nhs-number.ts';
import { readManifest } from '../../shared/ndop/read-manifest.ts';
import { task } from '../../shared/task.ts';
import { buildCohort, buildCohortInput } from './build-cohort.ts';
import { openCohort } from './open-cohort.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  BUCKET: z.string(),
  FHIR_BASE_URL: z.url(),
  LEDGER_TABLE: z.string(),
  NHS_NUMBER_RANGES: z.string(),
  PART_ROWS: positiveInteger,
  PATIENT_READ: z.enum(['search', 'export']),
});
const { runs, parts, exports } = openLedger(config.LEDGER_TABLE);
const files = new Files(new S3Client({}), config.BUCKET);
const store = new FhirStore({ baseUrl: config.FHIR_BASE_URL, region: config.AWS_REGION });
const allowed = config.NHS_NUMBER_RANGES.split(',');
const sources = {
  baseUrl: store.baseUrl,
  patientRead: config.PATIENT_READ,
  searchPatients: () => store.search('Patient', { _count: '100', _elements: 'identifier,link' }),
  exports,
  files,
};

export const handler = task(buildCohortInput, (input) =>
  buildCohort(input, {
    allowedBlocks: nhsNumberBlocks.filter((block) => allowed.includes(block)),
    partRows: config.PART_ROWS,
    runs,
    parts,
    files,
    readManifest: (file) => readManifest(files, file),
    openCohort: (run) => openCohort(run, sources),
  }),
);
