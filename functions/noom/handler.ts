import { z } from 'zod';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { readConfig } from '../../shared/config.ts';
import { openIdKey } from '../../shared/fhir/open-id-key.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { openLedger } from '../../shared/ledger/ledger.ts';
import { nhsNumberBlocks } from '../../shared/ndop/nhs-number.ts';
import { PreferenceStore } from '../../shared/noom/preference-store.ts';
import { noom } from './noom.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  CONSENT_BASE_URL: z.url(),
  FHIR_BASE_URL: z.url(),
  FHIR_NAMESPACE: z.url(),
  ID_KEY_SECRET: z.string(),
  LEDGER_TABLE: z.string(),
  NHS_NUMBER_RANGES: z
    .string()
    .transform((ranges) => ranges.split(','))
    .pipe(z.array(z.enum(nhsNumberBlocks))),
  NOOM_BASE_URL: z.url().optional(),
  PATIENT_REFERENCE: z.enum(['literal', 'logical']),
});
const ledger = openLedger(config.LEDGER_TABLE);
/** A call to the store that takes longer than so is made again, while the client waits. */
const patience = { region: config.AWS_REGION, attempts: 4, timeoutMilliseconds: 5_000 };
const consents = new FhirStore({ baseUrl: config.CONSENT_BASE_URL, ...patience });
const patients = new FhirStore({ baseUrl: config.FHIR_BASE_URL, ...patience });
const { FHIR_NAMESPACE: namespace, NHS_NUMBER_RANGES: allowed } = config;

let opened: Promise<PreferenceStore> | undefined;

/** Once for all calls; again after one for which it failed. */
async function openStore(): Promise<PreferenceStore> {
  opened ??= openIdKey(config.ID_KEY_SECRET, ledger.idKeyMark).then(
    (idKey) =>
      new PreferenceStore({
        consents,
        patients: config.PATIENT_REFERENCE === 'literal' ? patients : undefined,
        idKey,
        namespace,
        nhsNumberBlocks: allowed,
      }),
  );
  try {
    return await opened;
  } catch (error) {
    opened = undefined;
    throw error;
  }
}

export const handler = (event: APIGatewayProxyEventV2) =>
  noom(event, {
    openStore,
    namespace,
    nhsNumberBlocks: allowed,
    baseUrl: config.NOOM_BASE_URL,
    now: () => new Date(),
    patienceMilliseconds: 20_000,
  });
