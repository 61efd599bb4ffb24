import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { startHealthLake, type HealthLake } from '../../local/healthlake/healthlake.ts';
import { checkStores, type Stores } from '../../ops/check-store.ts';
import { serve } from '../../local/stand-in.ts';
import { FhirStore } from '../../shared/fhir/store.ts';

const namespace = 'https://fhir.example.nhs.uk/ndop';
const operator = { accessKeyId: 'LOCALOPERATOR', secretAccessKey: 'secret' };
const stranger = { accessKeyId: 'LOCALOPERATOR', secretAccessKey: 'another' };

let patients: HealthLake;
let consents: HealthLake;

const start = (datastoreId: string) =>
  startHealthLake({ datastoreId, credentials: new Map([[operator.accessKeyId, operator.secretAccessKey]]) });
const open = (baseUrl: string, credentials = operator) =>
  new FhirStore({ baseUrl, region: 'eu-west-2', credentials, sleep: () => Promise.resolve() });

beforeEach(async () => {
  patients = await start('0123456789abcdef0123456789abcdef');
  consents = await start('fedcba9876543210fedcba9876543210');
});
afterEach(async () => {
  await patients.close();
  await consents.close();
});

async function check(stores: Partial<Stores> = {}) {
  const lines: string[] = [];
  const store = open(patients.baseUrl);
  const verdict = await checkStores({ patients: store, consents: store, namespace, ...stores }, (line) =>
    lines.push(line.replace(/ {2,}/g, ' | ')),
  ).catch((error: unknown) => error as Error);
  return { lines, verdict };
}

describe('stores that are fit for use', () => {
  it('are said to be so where Patients and Consents share one, and nothing is written', async () => {
    await patients.replacePatients([{ resourceType: 'Patient', id: 'a' }]);
    const written = patients.counters.writes;
    expect(await check()).toEqual({
      lines: [
        'FHIR store | metadata | ok: FHIR 4.0.1',
        'FHIR store | $validate, literal reference | ok: a made-up Consent is valid',
        'FHIR store | $validate, logical reference | ok: a made-up Consent is valid',
        'FHIR store | Consents of ours | ok: 0',
        'FHIR store | Patients | ok: 1',
      ],
      verdict: 'The FHIR store is fit for use',
    });
    expect(patients.counters.writes).toBe(written);
  });

  it('are said to be so where the Consents have one of their own', async () => {
    const { lines, verdict } = await check({ consents: open(consents.baseUrl) });
    expect(verdict).toBe('Both FHIR stores are fit for use');
    expect(lines.filter((line) => line.startsWith("Consents' store"))).toHaveLength(4);
    expect(lines.filter((line) => line.startsWith("Patients' store"))).toEqual([
      "Patients' store | metadata | ok: FHIR 4.0.1",
      "Patients' store | Patients | ok: 0",
      "Patients' store | Consents of ours | ok: 0; consumers must read the Consents' store",
    ]);
  });
});

describe('a store that is not', () => {
  it('is named with what to check where there is none under its id, and asked nothing more', async () => {
    const elsewhere = open(consents.baseUrl.replace('fedcba', 'abcdef'));
    const { lines, verdict } = await check({ consents: elsewhere });
    expect(lines.filter((line) => line.startsWith("Consents' store"))).toEqual([
      expect.stringMatching(/\| HealthLakeStoreUnknown: .*check the data store's id and the region in its base URL$/),
    ]);
    expect(lines.filter((line) => line.startsWith("Patients' store") && line.includes('ok:'))).toHaveLength(3);
    expect(verdict).toMatchObject({ name: 'ConfigurationInvalid', message: expect.stringContaining('Wrong: 1') });
  });

  it('is asked everything where a right may be missing, since each call has its own', async () => {
    const { lines, verdict } = await check({ consents: open(consents.baseUrl, stranger) });
    expect(lines.filter((line) => /^Consents' store.*HealthLakeForbidden: .*role may do this/.test(line))).toHaveLength(
      4,
    );
    expect(verdict).toMatchObject({ message: expect.stringContaining('Wrong: 4') });
  });

  it('is said to take no Consent of this namespace', async () => {
    const { lines } = await check({ namespace: 'not a URI' });
    expect(
      lines.filter((line) => /\$validate.*HealthLakeRefused: The store says that a Consent is not valid/.test(line)),
    ).toHaveLength(2);
  });

  test.each([
    { body: { resourceType: 'CapabilityStatement', fhirVersion: '4.3.0' }, says: 'This is no FHIR R4 store' },
    { body: { resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' }, says: 'The store does not know Consent' },
    { body: {}, says: 'This is no FHIR R4 store' },
  ])('is told by a capability statement such as $body', async ({ body, says }) => {
    const other = await serve((_, response) => Promise.resolve(void response.end(JSON.stringify(body))));
    const { lines } = await check({ consents: open(`${other.url}/datastore/abc/r4/`) });
    await other.close();
    expect(lines[0]).toContain(`HealthLakeRefused: ${says}`);
  });

  it('that is away is to be tried again', async () => {
    const away = open('http://healthlake.invalid/datastore/abc/r4/');
    const { lines } = await check({ consents: away });
    expect(lines[0]).toMatch(
      /HealthLakeUnavailable: The host of the data store is not known.*\. Try again in a minute$/,
    );
  });
});
