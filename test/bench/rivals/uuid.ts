/** What most teams write: csv-parse, a UUID of version 5 per person, an object and JSON.stringify. */
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse } from 'csv-parse';
import { contend } from '../contend.ts';
import { present } from '../read.ts';
import { writeLines } from './write-lines.ts';

interface Uuid {
  readonly v5: (name: string, namespace: string) => string;
}

const namespace = 'e5f0a6c4-3a4b-4c52-9d43-6a1f3f1c8d10';
const terminology = 'http://terminology.hl7.org/CodeSystem';

await contend(async ({ data, answer, args: [installed = ''] }) => {
  const { v5 } = createRequire(join(installed, 'package.json'))('uuid') as Uuid;
  const rows: AsyncIterable<string[]> = createReadStream(present(data.files.changes).path).pipe(parse());
  async function* consents(): AsyncGenerator<string> {
    for await (const [, nhsNumber = '', status, since, optedOutSince, patientId = ''] of rows) {
      const id = v5(nhsNumber, namespace);
      const consent = {
        resourceType: 'Consent',
        id,
        meta: {
          source: 'https://fhir.example.nhs.uk/ndop/consent-sync#1',
          security: [{ system: `${terminology}/v3-Confidentiality`, code: 'R' }],
          tag: [{ system: 'https://fhir.example.nhs.uk/ndop/CodeSystem/dataset', code: 'ndop-consent' }],
        },
        identifier: [{ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${id}` }],
        status,
        scope: { coding: [{ system: `${terminology}/consentscope`, code: 'patient-privacy' }] },
        category: [
          { coding: [{ system: 'http://snomed.info/sct', code: '370856009' }], text: 'National data opt-out' },
          { coding: [{ system: `${terminology}/v3-ActCode`, code: 'INFA' }] },
        ],
        patient: { reference: `Patient/${patientId}`, type: 'Patient' },
        dateTime: since,
        organization: [{ type: 'Organization', display: 'NHS England' }],
        policy: [
          { authority: 'https://digital.nhs.uk/', uri: 'https://digital.nhs.uk/services/national-data-opt-out' },
        ],
        policyRule: { coding: [{ system: `${terminology}/v3-ActCode`, code: 'OPTOUT' }] },
        provision: {
          type: 'deny',
          ...(optedOutSince ? { period: { start: optedOutSince } } : {}),
          action: [{ coding: [{ system: `${terminology}/consentaction`, code: 'disclose' }] }],
          purpose: [
            { system: `${terminology}/v3-ActReason`, code: 'HRESCH' },
            { system: `${terminology}/v3-ActReason`, code: 'HOPERAT' },
          ],
        },
      };
      yield `${JSON.stringify(consent)}\n`;
    }
  }
  await writeLines(consents(), join(answer, 'consents.ndjson'));
});
