import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { createSecretKey } from 'node:crypto';
import { consentIdOf } from '../../../shared/fhir/consent-id.ts';
import { consentOf } from '../../../shared/fhir/consent.ts';
import { checkConsent } from '../../../shared/noom/check-consent.ts';
import {
  heldIdsFor,
  heldIn,
  idsOf,
  instancesOf,
  registrationIdOf,
  viewIdOf,
  type Held,
} from '../../../shared/noom/person.ts';
import { toR4 } from '../../../shared/noom/r4-consent.ts';
import { preferences, subjects, type Subject } from '../../../shared/noom/vocabulary.ts';
import { anyNumber } from '../../support/nhs-numbers.ts';
import { ndopConsent, people, preference } from '../../support/preferences.ts';
import { faultsOf } from '../../support/stu3-types.ts';

const namespace = 'https://fhir.example.nhs.uk/ndop';
const idKey = createSecretKey('00112233445566778899aabbccddeeff'.repeat(2), 'hex');
const nhsNumber = people.anne;
type Status = 'active' | 'inactive';

const stored = (resource: { readonly meta: object }): Held => {
  const meta = { ...resource.meta, versionId: '2', lastUpdated: '2026-11-20T06:00:00.000Z' };
  return heldIn(JSON.parse(JSON.stringify({ ...resource, meta })), namespace)!;
};
const learned = (status: Status) =>
  stored(
    consentOf({ nhsNumber, status, since: '2026-11-13T02:41:07Z' }, 'abc', {
      idKey,
      namespace,
      runId: '20261113T024107Z-7f3a',
      patientReference: 'literal',
    }),
  );
const registered = (subject: Subject, status: Status) => {
  const body = subject === 'NDOP' ? ndopConsent(nhsNumber, status) : preference(nhsNumber, subject, status);
  const { consent } = checkConsent(body, { nhsNumberBlocks: ['test'] });
  const id = registrationIdOf(nhsNumber, subject, idKey);
  return stored(toR4(consent, { id, namespace, requestId: 'r', patient: undefined }));
};

/** Everything that may be held about a person, by what it is; `-` where it is not. */
const anyStatus = fc.constantFrom<Status | undefined>('active', 'inactive', undefined);
const anyHeld = fc.record({ learned: anyStatus, HRESCH: anyStatus, HOPERAT: anyStatus, NDOP: anyStatus });
type Statuses = Partial<Record<Subject | 'learned', Status | undefined>>;
const heldOf = (statuses: Statuses): Held[] => [
  ...(statuses.learned ? [learned(statuses.learned)] : []),
  ...subjects.flatMap((subject) => {
    const status = statuses[subject];
    return status ? [registered(subject, status)] : [];
  }),
];
const shownBy = (statuses: Statuses, wanted: readonly Subject[]) =>
  instancesOf({ nhsNumber, held: heldOf(statuses) }, wanted, namespace);

describe('what is shown of what is held', () => {
  const cases: [held: Statuses, preferences: string[], ndop: string[]][] = [
    [{}, [], []],
    // That the pipeline has asked and found nothing is no preference: whoever has none may register one.
    [{ learned: 'inactive' }, [], []],
    [{ learned: 'active' }, ['HRESCH active learned', 'HOPERAT active learned'], ['NDOP active learned']],
    [{ HRESCH: 'active' }, ['HRESCH active'], ['NDOP active HRESCH']],
    [{ HOPERAT: 'inactive' }, ['HOPERAT inactive'], []],
    [{ HRESCH: 'inactive', HOPERAT: 'active' }, ['HRESCH inactive', 'HOPERAT active'], ['NDOP active HOPERAT']],
    [{ NDOP: 'active' }, ['HRESCH active NDOP', 'HOPERAT active NDOP'], ['NDOP active']],
    [{ NDOP: 'inactive' }, [], ['NDOP inactive']],
    // Opted out if either says so; what is registered stays where its client finds it.
    [
      { learned: 'active', HRESCH: 'inactive' },
      ['HRESCH active (ndop-consent)', 'HOPERAT active learned'],
      ['NDOP active learned'],
    ],
    [{ learned: 'active', HRESCH: 'active' }, ['HRESCH active', 'HOPERAT active learned'], ['NDOP active learned']],
    [
      { learned: 'active', NDOP: 'inactive' },
      ['HRESCH active learned', 'HOPERAT active learned'],
      ['NDOP active (ndop-consent)'],
    ],
    [{ learned: 'inactive', HRESCH: 'active' }, ['HRESCH active'], ['NDOP active HRESCH']],
    [
      { NDOP: 'active', HRESCH: 'inactive', HOPERAT: 'inactive' },
      ['HRESCH active (ndop-registration)', 'HOPERAT active (ndop-registration)'],
      ['NDOP active'],
    ],
    [{ NDOP: 'inactive', HRESCH: 'active' }, ['HRESCH active'], ['NDOP active (ndop-registration)']],
  ];
  test.each(cases)('%j', (statuses, expectedPreferences, expectedNdop) => {
    const say = (wanted: readonly Subject[]) =>
      shownBy(statuses, wanted).map(({ subject, resource, held }) =>
        held.subject === subject
          ? [subject, resource.status, ...(resource.meta.tag ?? []).map(({ code }) => `(${code})`)].join(' ')
          : [subject, resource.status, held.subject ?? 'learned'].join(' '),
      );
    expect(say(preferences)).toEqual(expectedPreferences);
    expect(say(['NDOP'])).toEqual(expectedNdop);
  });

  it('never says that somebody has not opted out while anything held says that they have', () => {
    fc.assert(
      fc.property(anyHeld, (statuses) => {
        const byPreference = shownBy(statuses, preferences);
        for (const subject of preferences) {
          const isOut = [statuses.learned, statuses.NDOP, statuses[subject]].includes('active');
          const shown = byPreference.filter((each) => each.subject === subject);
          expect(shown.length).toBeLessThanOrEqual(1);
          expect(shown.some(({ resource }) => resource.status === 'active')).toBe(isOut);
        }
        const isOut = Object.values(statuses).includes('active');
        const single = shownBy(statuses, ['NDOP']);
        expect(single.length).toBeLessThanOrEqual(1);
        expect(single.some(({ resource }) => resource.status === 'active')).toBe(isOut);
      }),
    );
  });

  it('is STU3, each with an id of its own that leads to what it shows', () => {
    fc.assert(
      fc.property(anyHeld, (statuses) => {
        const shown = [...shownBy(statuses, preferences), ...shownBy(statuses, ['NDOP'])];
        for (const { resource, held } of shown) {
          expect(faultsOf(resource)).toEqual([]);
          expect(resource.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
          const ids = heldIdsFor(resource.id).map(({ id }) => id);
          expect(ids).toContain((held.resource as { id: string }).id);
        }
        const ids = shown.map(({ resource }) => resource.id);
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });
});

it('says of another view what holds of it, and claims no profile', () => {
  const [view] = shownBy({ learned: 'active' }, ['NDOP']);
  expect(view?.resource).toEqual({
    resourceType: 'Consent',
    id: consentIdOf(nhsNumber, idKey),
    meta: {
      versionId: '2',
      lastUpdated: '2026-11-20T06:00:00.000Z',
      tag: [{ system: `${namespace}/CodeSystem/dataset`, code: 'ndop-consent' }],
    },
    status: 'active',
    patient: { reference: 'https://demographics.spineservices.nhs.uk/STU3/Patient/9990000018' },
    dateTime: '2026-11-13T02:41:07Z',
    organization: [{ reference: 'https://directory.spineservices.nhs.uk/STU3/Organization/X26' }],
    policy: [
      {
        authority: 'https://digital.nhs.uk/',
        uri: 'https://digital.nhs.uk/services/national-data-opt-out/operational-policy-guidance-document',
      },
    ],
    purpose: [
      {
        system: 'http://snomed.info/sct',
        code: '370856009',
        display: 'Limiting access to confidential patient information',
      },
    ],
  });
});

describe('ids', () => {
  it('are one for each person and subject, and tell nothing without the key', () => {
    const ids = idsOf(nhsNumber, idKey);
    expect(new Set(ids).size).toBe(4);
    const other = createSecretKey('f'.repeat(64), 'hex');
    expect(idsOf(nhsNumber, other).some((id) => ids.includes(id))).toBe(false);
    expect(idsOf(people.bob, idKey).some((id) => ids.includes(id))).toBe(false);
  });

  it('of views lead back', () => {
    fc.assert(
      fc.property(
        anyNumber,
        fc.constantFrom(...subjects),
        fc.constantFrom(undefined, ...subjects),
        (number, subject, held) => {
          const id = consentIdOf(number, idKey);
          const view = viewIdOf(id, held, subject);
          expect(viewIdOf(view, held, subject)).toBe(id);
          expect(heldIdsFor(view).map((place) => place.id)).toContain(id);
        },
      ),
    );
  });
});

test.each([
  ['nothing', undefined],
  ['another system’s Consent', { resourceType: 'Consent', id: 'x', status: 'active' }],
  ['no resource', 'text'],
])('%s is not ours', (_, resource) => {
  expect(heldIn(resource, namespace)).toBeUndefined();
});
