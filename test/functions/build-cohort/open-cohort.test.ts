import { expect, it, test } from '@jest/globals';
import { openCohort, type OpenCohortDeps } from '../../../functions/build-cohort/open-cohort.ts';
import type { Run } from '../../../shared/ledger/runs.ts';
import { bytesOf, iterate, listed } from '../../support/bodies.ts';
import { InMemoryFiles } from '../../support/in-memory-files.ts';
import { usualRun } from '../../support/runs.ts';

const nhsNumber = (value: string) => [{ system: 'https://fhir.nhs.uk/Id/nhs-number', value }];

async function open(run: Partial<Run>, deps: Partial<OpenCohortDeps> = {}): Promise<string[]> {
  const files = new InMemoryFiles();
  await files.writeOnce('cohorts/today.csv', 'nhsNumber\n9993395633\n');
  const first = await files.writeOnce('one', 'nhsNumber\n9999939082\n');
  const second = await files.writeOnce('two', 'nhsNumber\n9991581766\n');
  const opened = openCohort(
    { ...usualRun, ...run },
    {
      baseUrl: 'https://fhir.example/r4/',
      patientRead: 'search',
      searchPatients: () =>
        iterate([
          { resourceType: 'Patient', id: 'p', identifier: nhsNumber('9990506310') },
          {
            resourceType: 'Patient',
            id: 'q',
            link: [{ type: 'replaced-by', other: { reference: 'https://fhir.example/r4/Patient/p' } }],
          },
        ]),
      exports: {
        read: () => Promise.resolve({ state: 'listed', attempt: 1, jobId: 'job', groups: 2 }),
        listGroups: () =>
          Promise.resolve([
            { group: 1, attempt: 1, patients: 1, file: first },
            { group: 2, attempt: 1, patients: 1, file: second },
          ]),
      },
      files,
      ...deps,
    },
  );
  return Promise.all((await listed(opened)).map(async (file) => (await bytesOf(file)).toString()));
}

it('is the file that somebody supplied, however Patients would be read', async () => {
  const cohortChoice = { source: 's3', key: 'cohorts/today.csv' } as const;
  expect(await open({ cohortChoice })).toEqual(['nhsNumber\n9993395633\n']);
  expect(await open({ cohortChoice }, { patientRead: 'export' })).toEqual(['nhsNumber\n9993395633\n']);
});

it('is CohortMissing where that file is not there', async () => {
  await expect(open({ cohortChoice: { source: 's3', key: 'cohorts/other.csv' } })).rejects.toMatchObject({
    name: 'CohortMissing',
  });
});

test.each([
  {
    patientRead: 'search',
    found: ['nhsNumber,patientId,otherNhsNumbers,replacedBy,replaces\n9990506310,p,,,\n,q,,p,\n'],
  },
  { patientRead: 'export', found: ['nhsNumber\n9999939082\n', 'nhsNumber\n9991581766\n'] },
] as const)('is what the FHIR store has, by $patientRead', async ({ patientRead, found }) => {
  expect(await open({ cohortChoice: { source: 'fhir-store' } }, { patientRead })).toEqual(found);
});
