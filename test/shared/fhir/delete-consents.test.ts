import { expect, it, test } from '@jest/globals';
import { consentOf } from '../../../shared/fhir/consent.ts';
import { consentIdOf, parseIdKey } from '../../../shared/fhir/consent-id.ts';
import { deleteConsents } from '../../../shared/fhir/delete-consents.ts';
import { InMemoryFhirStore } from '../../support/in-memory-fhir-store.ts';
import { samplePeople } from '../../support/nhs-numbers.ts';

const namespace = 'https://fhir.example.nhs.uk/ndop';
const idKey = parseIdKey('07'.repeat(32));
const since = '2026-09-01T02:41:07.000Z';
const ids = samplePeople.map((nhsNumber) => consentIdOf(nhsNumber, idKey));
const options = { namespace, isActiveKept: false, sleep: () => Promise.resolve() };

/** Everybody's Consent but the last one's; the first is active. */
function filled(): InMemoryFhirStore {
  const store = new InMemoryFhirStore();
  for (const nhsNumber of samplePeople.slice(0, -1)) {
    const status = nhsNumber === samplePeople[0] ? 'active' : 'inactive';
    const form = { idKey, namespace, runId: 'run', patientReference: 'literal' } as const;
    const consent = consentOf({ nhsNumber, status, since }, 'patient', form);
    store.consents.set(consent.id, consent);
  }
  return store;
}

it('deletes by id, and counts no Consent that was not there', async () => {
  const store = filled();
  expect(await deleteConsents(store, ids, options)).toEqual({ deleted: 7, kept: 0 });
  expect(store.consents.size).toBe(0);
  expect(await deleteConsents(store, ids, options)).toEqual({ deleted: 0, kept: 0 });
});

it('leaves the active ones where it is to', async () => {
  const store = filled();
  expect(await deleteConsents(store, ids, { ...options, isActiveKept: true })).toEqual({ deleted: 6, kept: 0 });
  expect([...store.consents.keys()]).toEqual([ids[0]]);
});

it('never touches what is without our tag', async () => {
  const store = filled();
  const answered = await deleteConsents(store, ids, { ...options, namespace: 'https://elsewhere.example' });
  expect(answered).toEqual({ deleted: 0, kept: 0 });
  expect(store.written).toEqual([]);
});

test.each([
  { status: '204', deleted: 7, kept: 0 },
  { status: '404', deleted: 7, kept: 0 },
  { status: '410', deleted: 7, kept: 0 },
  { status: '422', deleted: 6, kept: 1 },
  { status: '400', deleted: 6, kept: 1 },
])('a deletion that is answered with $status leaves $kept standing', async ({ status, ...counts }) => {
  const store = filled();
  store.faults.onEntry = ({ request }, index) => (request.method === 'DELETE' && index === 0 ? { status } : undefined);
  expect(await deleteConsents(store, ids, options)).toEqual(counts);
});

it('is repeated where an answer is lost or a deletion was turned away', async () => {
  const store = filled();
  const answers = [{ status: '503' }, { status: '429' }];
  store.faults.onEntry = ({ request }) => (request.method === 'DELETE' ? answers.shift() : undefined);
  expect(await deleteConsents(store, ids, options)).toEqual({ deleted: 7, kept: 0 });
  expect(store.consents.size).toBe(0);
});
