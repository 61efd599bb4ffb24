import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHealthLake, type HealthLake } from '../../../local/healthlake/healthlake.ts';
import { consent, nhsNumber, patient } from './resources.ts';
import { credentials, put, signedFetch } from './signed-fetch.ts';

let folder: string;
let healthLake: HealthLake;

const start = async () => {
  healthLake = await startHealthLake({ file: join(folder, 'store.sqlite'), datastoreId: 'd', credentials });
};
const versionOf = async (id: string) => {
  const { status, body } = await signedFetch(`${healthLake.baseUrl}Patient/${id}`);
  return status === 200 ? body.meta.versionId : status;
};
const patientIds = () => [...healthLake.resources('Patient')].map(({ id }) => id);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'healthlake-'));
  await start();
});
afterEach(async () => {
  await healthLake.close();
  await rm(folder, { recursive: true });
});

it('keeps everything across a restart', async () => {
  await put(`${healthLake.baseUrl}Consent/c1`, consent('c1'));
  await put(`${healthLake.baseUrl}Consent/c1`, consent('c1', { status: 'inactive' }));
  await healthLake.close();
  await start();
  expect((await signedFetch(`${healthLake.baseUrl}Consent/c1`)).headers.get('etag')).toBe('W/"2"');
  const found = await signedFetch(`${healthLake.baseUrl}Consent?status=inactive&patient=c1`);
  expect(found.body.entry).toHaveLength(1);
});

it('makes its Patients exactly those given, and keeps the version of the unchanged', async () => {
  await healthLake.replacePatients([
    patient('p1', '9000000009'),
    patient('p2', '4505577104'),
    patient('p3', '9000000017'),
  ]);
  await healthLake.replacePatients(
    (async function* () {
      yield await Promise.resolve(patient('p1', '9000000009'));
      yield patient('p2', '4505577104', { birthDate: '1980-03-01' });
      yield patient('p4', '9000000025');
    })(),
  );
  expect(patientIds()).toEqual(['p1', 'p2', 'p4']);
  expect(await Promise.all(['p1', 'p2', 'p3', 'p4'].map(versionOf))).toEqual(['1', '2', 410, '1']);
  const found = await signedFetch(`${healthLake.baseUrl}Patient?identifier=${nhsNumber}|9000000025`);
  expect(found.body.entry[0]?.resource?.id).toBe('p4');
});

it('refuses a Patient that is not valid R4 without quoting it, and deletes nothing', async () => {
  await healthLake.replacePatients([patient('p1', '9000000009')]);
  const refused = healthLake.replacePatients([patient('p2', '4505577104', { birthDate: '4505577104' })]);
  await expect(refused).rejects.toMatchObject({
    name: 'InvalidPatient',
    message: 'Patient 1 of the list is not valid R4: Patient.birthDate: The value is not a date',
  });
  expect(patientIds()).toEqual(['p1']);
});

it('streams the current resources of a type in id order, past any page', async () => {
  const many = Array.from({ length: 2_500 }, (_, at) => patient(`p${String(at).padStart(4, '0')}`, String(at)));
  await healthLake.replacePatients(many.toReversed());
  expect(patientIds()).toEqual(many.map(({ id }) => id));
});
