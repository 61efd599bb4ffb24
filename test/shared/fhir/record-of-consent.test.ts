import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { consentOf, type Consent, type ConsentOptions } from '../../../shared/fhir/consent.ts';
import { parseIdKey } from '../../../shared/fhir/consent-id.ts';
import { isTagged, recordOfConsent } from '../../../shared/fhir/record-of-consent.ts';
import { patientHashOf } from '../../../shared/ndop/snapshot.ts';
import type { OptOut } from '../../../shared/ndop/snapshot.ts';
import { anyNumber, samplePeople } from '../../support/nhs-numbers.ts';

const options: ConsentOptions = {
  idKey: parseIdKey('07'.repeat(32)),
  namespace: 'https://fhir.example.nhs.uk/ndop',
  runId: '20260901T020000Z-7f3a',
  patientReference: 'literal',
};
const [nhsNumber, another] = samplePeople;
const person = { nhsNumber, patientId: 'patient-1' };
const optOut: OptOut = {
  nhsNumber,
  status: 'inactive',
  since: '2026-09-01T02:41:07Z',
  optedOutSince: '2026-03-02T02:38:55Z',
};
const consent = consentOf(optOut, person.patientId, options);

/** As HealthLake gives it back. */
const stored = (written: Consent) => ({
  ...written,
  meta: { ...written.meta, versionId: '3', lastUpdated: '2026-09-01T02:44:00.123Z' },
});

const anyMoment = fc
  .date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());
const anyOptOut = fc
  .record(
    { status: fc.constantFrom('active', 'inactive'), since: anyMoment, optedOutSince: anyMoment, nhsNumber: anyNumber },
    { requiredKeys: ['status', 'since', 'nhsNumber'] },
  )
  // A status that is in force began with the opt-out.
  .map((given): OptOut => (given.status === 'active' ? { ...given, optedOutSince: given.since } : given));

it('is consentOf backwards, whatever is known of a person', () => {
  fc.assert(
    fc.property(
      anyOptOut,
      fc.constantFrom('', 'patient-1'),
      fc.constantFrom('literal', 'logical'),
      (given, patientId, patientReference) => {
        const form = { ...options, patientReference };
        expect(recordOfConsent(stored(consentOf(given, patientId, form)), { ...given, patientId }, form)).toEqual({
          ...given,
          patientHash: patientHashOf(patientId),
        });
      },
    ),
  );
});

it('takes the Patient from a literal reference, not from the cohort: the next run compares the two', () => {
  const record = recordOfConsent(stored(consent), { nhsNumber, patientId: 'patient-2' }, options);
  expect(record?.patientHash).toBe(patientHashOf('patient-1'));
});

describe('a Consent whose content is another', () => {
  test.each<{ what: string; change: object }>([
    { what: 'a status set by hand', change: { status: 'active' } },
    { what: 'an end without a start', change: { provision: { ...consent.provision, period: { end: optOut.since } } } },
    {
      what: 'an end at another time',
      change: { provision: { ...consent.provision, period: { start: optOut.optedOutSince, end: '2026-09-02' } } },
    },
    { what: 'another policy', change: { policy: [] } },
    { what: 'a provision that permits', change: { provision: { ...consent.provision, type: 'permit' } } },
    { what: 'a further element', change: { note: 'x' } },
    { what: 'no label', change: { meta: { ...consent.meta, security: [] } } },
    { what: 'an absolute reference', change: { patient: { reference: 'https://elsewhere.example/Patient/1' } } },
  ])('($what) is to be rewritten by the next run', ({ change }) => {
    const record = recordOfConsent({ ...stored(consent), ...change }, person, options);
    expect(record).toMatchObject({ nhsNumber, since: optOut.since, patientHash: '' });
  });

  test.each<{ what: string; period: object | undefined }>([
    { what: 'no period', period: undefined },
    { what: 'a period without a start', period: {} },
    { what: 'a start at another time', period: { start: '2026-03-02T02:38:55Z' } },
    { what: 'a start that is no time of ours', period: { start: '2026-09-01' } },
    { what: 'an end', period: { start: optOut.since, end: optOut.since } },
  ])('(an opt-out in force with $what) is to be rewritten, and began when its status did', ({ period }) => {
    const active = consentOf({ ...optOut, status: 'active', optedOutSince: optOut.since }, person.patientId, options);
    const altered: unknown = JSON.parse(JSON.stringify({ ...active, provision: { ...active.provision, period } }));
    expect(recordOfConsent(altered, person, options)).toEqual({
      ...{ nhsNumber, status: 'active', since: optOut.since, optedOutSince: optOut.since, patientHash: '' },
    });
  });

  test.each<{ what: string; change: object }>([
    { what: 'another run', change: { meta: { ...consent.meta, source: 'x' } } },
    {
      what: 'a tag of somebody else',
      change: { meta: { ...consent.meta, tag: [...consent.meta.tag, { code: 'x' }] } },
    },
  ])('($what) is not, where that is none of its content', ({ change }) => {
    const record = recordOfConsent({ ...stored(consent), ...change }, person, options);
    expect(record?.patientHash).toBe(patientHashOf('patient-1'));
  });
});

describe('what is no Consent of ours about this person', () => {
  const logical = { ...options, patientReference: 'logical' } as const;
  test.each<{ what: string; consent: unknown }>([
    { what: 'nothing', consent: undefined },
    { what: 'another resource', consent: { ...consent, resourceType: 'Patient' } },
    { what: 'no tag', consent: { ...consent, meta: { ...consent.meta, tag: [] } } },
    { what: 'no identifier of ours', consent: { ...consent, identifier: [] } },
    { what: 'an identifier of another', consent: { ...consent, identifier: [{ value: 'urn:uuid:x' }] } },
    { what: 'another id', consent: consentOf({ ...optOut, nhsNumber: another }, 'patient-1', options) },
    { what: 'a status that we never write', consent: { ...consent, status: 'rejected' } },
    { what: 'a time that we never write', consent: { ...consent, dateTime: '2026-09-01' } },
    {
      what: 'the number of another',
      consent: { ...consent, patient: consentOf({ ...optOut, nhsNumber: another }, '', logical).patient },
    },
  ])('($what) gives no record', ({ consent: given }) => {
    expect(recordOfConsent(given, person, options)).toBeUndefined();
  });
});

it('knows our tag', () => {
  expect(isTagged(consent, options.namespace)).toBe(true);
  expect(isTagged(consent, 'https://another.example')).toBe(false);
  expect(isTagged(undefined, options.namespace)).toBe(false);
});
