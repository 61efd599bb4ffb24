import { expect, it, test } from '@jest/globals';
import { storeMarkOf } from '../../../shared/fhir/store-mark.ts';

const baseUrl = 'https://healthlake.eu-west-2.amazonaws.com/datastore/00000000000000000000000000000000/r4/';
const form = { namespace: 'https://fhir.example.nhs.uk/ndop', patientReference: 'literal' } as const;

test.each([
  { what: 'data store', mark: storeMarkOf(baseUrl.replace('0000/r4', '0001/r4'), form) },
  { what: 'namespace', mark: storeMarkOf(baseUrl, { ...form, namespace: 'https://fhir.example.nhs.uk/other' }) },
  { what: 'form of reference', mark: storeMarkOf(baseUrl, { ...form, patientReference: 'logical' }) },
])('another $what makes another mark', ({ mark }) => {
  expect(mark).toMatch(/^[0-9a-f]{16}$/);
  expect(mark).not.toBe(storeMarkOf(baseUrl, form));
});

it('is the same wherever the data store is reached at', () => {
  expect(
    storeMarkOf(baseUrl.replace('https://healthlake.eu-west-2.amazonaws.com', 'http://127.0.0.1:8080'), form),
  ).toBe(storeMarkOf(baseUrl, form));
});
