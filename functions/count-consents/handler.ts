import { z } from 'zod';
import { readConfig } from '../../shared/config.ts';
import { datasetTag, registrationTag, type Coding } from '../../shared/fhir/consent.ts';
import { countFound } from '../../shared/fhir/count.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { task } from '../../shared/task.ts';
import { countConsents, countConsentsInput } from './count-consents.ts';

const config = readConfig(process.env, {
  AWS_REGION: z.string(),
  CONSENT_BASE_URL: z.url(),
  FHIR_NAMESPACE: z.url(),
});
const store = new FhirStore({ baseUrl: config.CONSENT_BASE_URL, region: config.AWS_REGION });
const countTagged = ({ system, code }: Coding) => countFound(store, 'Consent', { _tag: `${system}|${code}` });

export const handler = task(countConsentsInput, (input) =>
  countConsents(input, {
    countTagged: () => countTagged(datasetTag(config.FHIR_NAMESPACE)),
    countRegistered: () => countTagged(registrationTag(config.FHIR_NAMESPACE)),
    countAll: () => countFound(store, 'Consent', {}),
  }),
);
