/** Reads changes and writes the Consent of each, its id derived from the NHS number with a key. */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { consentOf } from '../../../shared/fhir/consent.ts';
import { parseIdKey } from '../../../shared/fhir/consent-id.ts';
import { readChanges } from '../../../shared/ndop/changes.ts';
import { contend, type Assignment } from '../contend.ts';
import { read } from '../read.ts';

const options = {
  idKey: parseIdKey('07'.repeat(32)),
  namespace: 'https://fhir.example.nhs.uk/ndop',
  runId: '20261101T020000Z-0000',
  patientReference: 'literal',
} as const;
const linesAtOnce = 100;

async function* consents({ data }: Assignment): AsyncGenerator<string> {
  let lines: string[] = [];
  for await (const { optOut, patientId } of readChanges(read(data.files.changes))) {
    lines.push(`${JSON.stringify(consentOf(optOut, patientId, options))}\n`);
    if (lines.length < linesAtOnce) continue;
    yield lines.join('');
    lines = [];
  }
  yield lines.join('');
}

await contend((assignment) =>
  pipeline(consents(assignment), createWriteStream(join(assignment.answer, 'consents.ndjson'))),
);
