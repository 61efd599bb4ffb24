import type { KeyObject } from 'node:crypto';
import { nhsNumberSystem } from '../fhir/patients.ts';
import { readByIds, readConsents } from '../fhir/read-consents.ts';
import type { Expected, FhirStore } from '../fhir/store.ts';
import { PermanentError } from '../errors.ts';
import { listOf, memberOf } from '../json.ts';
import { formatNhsNumber, type NhsNumberBlock } from '../ndop/nhs-number.ts';
import type { CheckedConsent } from './check-consent.ts';
import {
  heldIdsFor,
  heldIn,
  idsOf,
  isAbout,
  isInForce,
  registrationIdOf,
  shownAlone,
  shownIn,
  type Held,
  type Person,
  type Shown,
} from './person.ts';
import { saysTheSame, toR4, type R4Consent } from './r4-consent.ts';
import { nhsNumberIn } from './references.ts';
import { Refusal } from './refusal.ts';

export interface PreferenceStoreOptions {
  readonly consents: FhirStore;
  /** Where Patients are looked up whom a Consent names; none where Consents name the NHS number alone. */
  readonly patients: FhirStore | undefined;
  readonly idKey: KeyObject;
  readonly namespace: string;
  readonly nhsNumberBlocks: readonly NhsNumberBlock[];
}

export interface Found {
  readonly shown: Shown;
  readonly person: Person;
}

/** Preferences as the FHIR store holds them: found by ids made from the NHS number, so that no search and no lag is between. */
export class PreferenceStore {
  readonly #options: PreferenceStoreOptions;

  constructor(options: PreferenceStoreOptions) {
    this.#options = options;
  }

  async person(nhsNumber: number): Promise<Person> {
    const { consents, idKey, namespace } = this.#options;
    const [learned, ...registered] = await readConsents(consents, idsOf(nhsNumber, idKey));
    // What stands under the pipeline's id may be somebody else's; under the others nobody else writes.
    if (registered.some((resource) => resource !== undefined && !heldIn(resource, namespace))) throw untold();
    return { nhsNumber, held: [learned, ...registered].flatMap((resource) => heldIn(resource, namespace) ?? []) };
  }

  /**
   * What is shown under an id, be it registered or another view of what is held; undefined where nothing is.
   *
   * @param given a UUID, in whatever case
   */
  async find(given: string): Promise<Found | undefined> {
    const { consents, namespace } = this.#options;
    const id = given.toLowerCase();
    const places = heldIdsFor(id);
    const resources = await readConsents(
      consents,
      places.map((place) => place.id),
    );
    for (const [index, { subject }] of places.entries()) {
      const held = heldIn(resources[index], namespace);
      if (!held || (subject !== undefined && !isAbout(held, subject))) continue;
      const nhsNumber = await this.#numberOf(held);
      // To pass over it would be to say that there is none.
      if (nhsNumber === undefined) throw untold();
      const person = await this.person(nhsNumber);
      // As it is among all that is held, which has been read anew.
      const same = person.held.find((each) => idOf(each) === idOf(held));
      const shown = same && shownIn(person, same, subject ?? same.subject ?? 'NDOP', namespace);
      if (shown?.resource.id === id) return { shown, person };
    }
    return undefined;
  }

  /**
   * Registers a Consent, where there is none yet.
   *
   * @throws Refusal DUPLICATE_REJECTED; INVALID_RESOURCE where it would loosen what the pipeline has learned
   */
  async create(checked: CheckedConsent, requestId: string): Promise<Shown> {
    const { nhsNumber, subject } = checked;
    const person = await this.person(nhsNumber);
    if (person.held.some((held) => held.subject === subject)) throw duplicate();
    refuseToLoosen(checked, person);
    return this.#write(checked, person, requestId, undefined);
  }

  /**
   * Replaces a registered Consent. One that says what is held already writes nothing.
   *
   * @param ifMatch the ETag of the version that the client has seen
   * @throws Refusal NO_RECORD_FOUND, PRECONDITION_FAILED, INVALID_REQUEST_STATE, INVALID_RESOURCE
   */
  async update(id: string, checked: CheckedConsent, ifMatch: string | undefined, requestId: string): Promise<Shown> {
    const found = await this.find(id);
    if (!found) throw new Refusal('NO_RECORD_FOUND', 'There is no Consent with this id, and an update creates none');
    const { shown, person } = found;
    refuseToChange(shown);
    if (ifMatch === undefined) {
      throw new Refusal('PRECONDITION_FAILED', 'If-Match is missing: send the ETag of the version that you have read');
    }
    if (ifMatch !== etagOf(shown)) throw stale();
    if (shown.nhsNumber !== checked.nhsNumber) {
      throw new Refusal('INVALID_RESOURCE', 'Consent.patient: the patient of a Consent cannot change');
    }
    if (shown.subject !== checked.subject) {
      throw new Refusal('INVALID_RESOURCE', 'Consent.purpose: what a Consent is about cannot change; create another');
    }
    refuseToLoosen(checked, person);
    return this.#write(checked, person, requestId, ifMatch);
  }

  /** @returns undefined where the Consent has no such version */
  async version(shown: Shown, versionId: string): Promise<Shown | undefined> {
    const { consents } = this.#options;
    if (shown.resource.meta.versionId === versionId) return shown;
    const resource = await consents.readVersion('Consent', idOf(shown.held), versionId);
    return resource === undefined ? undefined : this.#version(shown, resource);
  }

  /** Every version, newest first; what is held now is among them, however far the store's own history lags. */
  async history(shown: Shown): Promise<Shown[]> {
    const { consents } = this.#options;
    const told = await consents.history('Consent', idOf(shown.held));
    const older = told
      .map((resource) => this.#version(shown, resource))
      .filter(({ resource }) => resource.meta.versionId !== shown.resource.meta.versionId);
    return [shown, ...older].sort((one, other) => versionOf(other) - versionOf(one));
  }

  /** An older version is what was registered or learned then, by itself. */
  #version({ subject, nhsNumber, held }: Shown, resource: unknown): Shown {
    return shownAlone({ ...held, resource }, subject, nhsNumber, this.#options.namespace);
  }

  async #write(
    checked: CheckedConsent,
    person: Person,
    requestId: string,
    ifMatch: string | undefined,
  ): Promise<Shown> {
    const { consent, nhsNumber, subject } = checked;
    const { consents, idKey, namespace } = this.#options;
    const id = registrationIdOf(nhsNumber, subject, idKey);
    const patient = await this.#patientOf(person);
    const next = toR4(consent, { id, namespace, requestId, patient });
    const shown = (resource: unknown): Shown => {
      const held = { subject, resource };
      const others = person.held.filter((each) => each.subject !== subject);
      return shownIn({ nhsNumber, held: [...others, held] }, held, subject, namespace);
    };
    const before = person.held.find((each) => each.subject === subject);
    if (before && saysTheSame(before.resource, next)) return shown(before.resource);
    const written = await this.#put(next, ifMatch === undefined ? 'none' : { etag: ifMatch });
    if (written !== undefined) return shown(written);
    const [found] = await readConsents(consents, [id]);
    // It may have been written by this very request, whose first answer was lost.
    if (memberOf(memberOf(found, 'meta'), 'source') === next.meta.source) return shown(found);
    if (before) throw stale();
    if (found !== undefined) throw duplicate();
    // Nothing is there, and something was: an operator has deleted it.
    return shown(await this.#put(next, 'anything'));
  }

  /** @throws Refusal INVALID_RESOURCE where the store takes no such resource */
  async #put(resource: R4Consent, expected: Expected): Promise<unknown> {
    try {
      return await this.#options.consents.put(resource, expected);
    } catch (error) {
      if (!(error instanceof PermanentError && error.name === 'HealthLakeRefused')) throw error;
      throw new Refusal('INVALID_RESOURCE', 'The FHIR store does not take this Consent as it stands', { cause: error });
    }
  }

  /** The Patient that the pipeline's Consent names, or else the one Patient with this number. */
  async #patientOf({ nhsNumber, held }: Person): Promise<string | undefined> {
    const { patients } = this.#options;
    if (!patients) return undefined;
    for (const { resource } of held) {
      const reference = memberOf(memberOf(resource, 'patient'), 'reference');
      if (typeof reference === 'string') return reference;
    }
    const found: unknown[] = [];
    const identifier = `${nhsNumberSystem}|${formatNhsNumber(nhsNumber)}`;
    for await (const patient of patients.search('Patient', { identifier })) found.push(memberOf(patient, 'id'));
    return found.length === 1 ? `Patient/${String(found[0])}` : undefined;
  }

  /** Whom a Consent is about: by the number in it, or that of the Patient it names which has led to its id. */
  async #numberOf({ resource }: Held): Promise<number | undefined> {
    const { patients, idKey, nhsNumberBlocks } = this.#options;
    const patient = memberOf(resource, 'patient');
    const numbers = [memberOf(patient, 'identifier')];
    const [, id] = /^Patient\/(.+)$/.exec(String(memberOf(patient, 'reference'))) ?? [];
    if (numbers[0] === undefined && patients && id !== undefined) {
      // In a Bundle: where ids of Patients are NHS numbers, none may stand in a URL.
      const [found] = await readByIds(patients, 'Patient', [id]);
      numbers.push(...listOf(memberOf(found, 'identifier')));
    }
    return numbers
      .flatMap((identifier) => {
        const value = memberOf(identifier, 'value');
        if (memberOf(identifier, 'system') !== nhsNumberSystem || typeof value !== 'string') return [];
        return nhsNumberIn(value.replace(/\s/g, ''), nhsNumberBlocks) ?? [];
      })
      .find((number) => idsOf(number, idKey).includes(String(memberOf(resource, 'id'))));
  }
}

/** What a client holds against the version that it has seen. */
export function etagOf({ resource }: Shown): string {
  return `W/"${resource.meta.versionId}"`;
}

function idOf({ resource }: Held): string {
  return String(memberOf(resource, 'id'));
}

function versionOf({ resource }: Shown): number {
  return Number(resource.meta.versionId);
}

/** Something is held, and whose or what it is can't be told: never nothing. */
function untold(): Refusal {
  return new Refusal('INTERNAL_SERVER_ERROR', 'A Consent is held that cannot be read: nothing is known');
}

function duplicate(): Refusal {
  return new Refusal(
    'DUPLICATE_REJECTED',
    'A Consent for this patient and purpose is already held: search, and update it',
  );
}

function stale(): Refusal {
  return new Refusal('INVALID_REQUEST_STATE', 'The Consent has changed since the version in If-Match: read it again');
}

/** What NHS England's service has answered is changed there, not here. */
function refuseToLoosen({ consent }: CheckedConsent, { held }: Person): void {
  const learned = held.find(({ subject }) => subject === undefined);
  if (consent.status === 'active' || !learned || !isInForce(learned)) return;
  throw new Refusal(
    'INVALID_RESOURCE',
    'The patient has opted out nationally, which nothing registered here can undo: it is changed at nhs.uk/your-nhs-data-matters or by phone, and takes effect here with the next answer of the national service',
  );
}

function refuseToChange({ held, subject }: Shown): void {
  if (held.subject === undefined) {
    throw new Refusal(
      'INVALID_RESOURCE',
      'This Consent was learned from the national service and cannot be changed here: the patient changes it at nhs.uk/your-nhs-data-matters or by phone',
    );
  }
  if (held.subject === subject) return;
  throw new Refusal(
    'INVALID_RESOURCE',
    'This Consent is another view of one that was registered under the other design: search for that one, and update it',
  );
}
