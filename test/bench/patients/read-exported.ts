import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { endWith, readArguments, wholeNumber } from '../../../shared/command-line.ts';
import { readNdjson } from '../../../shared/fhir/ndjson.ts';
import { patientsCsv } from '../../../shared/fhir/patients.ts';
import { syntheticNhsNumbers } from '../../../local/people/synthetic.ts';

/**
 * How fast one invocation of read-patients makes a cohort file of exported Patients, from a local file:
 * `node test/bench/patients/read-exported.ts --patients 300000`.
 */
async function main(): Promise<void> {
  const { values } = readArguments({
    args: process.argv.slice(2),
    allowPositionals: false,
    options: { patients: { type: 'string' } },
  });
  const count = wholeNumber('--patients', values.patients ?? '300000', 1);
  const directory = await mkdtemp(join(tmpdir(), 'read-exported-'));
  try {
    const file = join(directory, 'Patient-0001.ndjson');
    await pipeline(Readable.from(lines(count)), createWriteStream(file));
    const began = performance.now();
    let bytes = 0;
    for await (const chunk of patientsCsv(readNdjson(createReadStream(file), file), 'https://fhir.example/r4/'))
      bytes += chunk.length;
    const seconds = (performance.now() - began) / 1000;
    const mebibytes = (value: number) => Math.round(value / 1024 / 1024);
    const { size } = await stat(file);
    process.stdout.write(
      `${JSON.stringify({
        patients: count,
        bytesPerPatient: Math.round(size / count),
        seconds: Number(seconds.toFixed(2)),
        patientsPerSecond: Math.round(count / seconds),
        csvMebibytes: mebibytes(bytes),
        peakMebibytes: mebibytes(process.resourceUsage().maxRSS * 1024),
      })}\n`,
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Patients as full as a national demographics record makes them: about 1.5 KB. */
function* lines(count: number): Generator<string> {
  let row = 0;
  for (const value of syntheticNhsNumbers(count, 1)) {
    row += 1;
    const id = `patient-${row}`;
    const verified = {
      system: 'https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland',
      code: '01',
    };
    const patient = {
      resourceType: 'Patient',
      id,
      meta: { versionId: '1', lastUpdated: '2026-11-20T06:00:00.000Z' },
      identifier: [
        {
          extension: [
            {
              url: 'https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus',
              valueCodeableConcept: { coding: [{ ...verified, display: 'Number present and verified' }] },
            },
          ],
          use: 'official',
          system: 'https://fhir.nhs.uk/Id/nhs-number',
          value,
        },
        { use: 'usual', system: 'https://example.nhs.uk/Id/hospital-number', value: `H${row}` },
      ],
      active: true,
      name: [
        {
          use: 'official',
          family: 'Example',
          given: ['Synthetic', 'Person'],
          prefix: ['Dr'],
          period: { start: '1990-01-01' },
        },
      ],
      telecom: [
        { system: 'phone', value: '01632 960000', use: 'home', period: { start: '2020-01-01' } },
        { system: 'email', value: `person${row}@example.org`, use: 'home' },
      ],
      gender: 'female',
      birthDate: '1990-01-01',
      address: [
        {
          use: 'home',
          type: 'both',
          line: ['1 Example Street', 'Exampleton'],
          city: 'Leeds',
          postalCode: 'LS1 6AE',
          period: { start: '2020-01-01' },
        },
      ],
      generalPractitioner: [
        {
          type: 'Organization',
          identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: 'Y12345' },
        },
      ],
      managingOrganization: { reference: 'Organization/example' },
    };
    yield `${JSON.stringify(patient)}\n`;
  }
}

main().catch((error: unknown) => {
  endWith(error, 'node test/bench/patients/read-exported.ts --patients 300000');
});
