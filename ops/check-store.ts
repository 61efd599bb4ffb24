import { createSecretKey, randomBytes } from 'node:crypto';
import { PermanentError, RetryableError } from '../shared/errors.ts';
import { consentOf, datasetTag } from '../shared/fhir/consent.ts';
import { countFound } from '../shared/fhir/count.ts';
import type { FhirStore } from '../shared/fhir/store.ts';
import { validate } from '../shared/fhir/validate.ts';
import { listOf, memberOf } from '../shared/json.ts';

/** The FHIR stores of an environment, as the operator's command reaches them. */
export interface Stores {
  readonly patients: FhirStore;
  /** The same, unless the Consents have a store of their own. */
  readonly consents: FhirStore;
  readonly namespace: string;
}

interface Check {
  readonly what: string;
  /** Gives what was found to be right. */
  readonly look: () => Promise<string>;
}

/** An NHS number that stands in the NHS's own examples, and belongs to nobody. */
const madeUpNumber = 9_000_000_009;

/**
 * Looks whether the FHIR stores can be reached, know what the pipeline writes and take our Consents as valid. Nothing is
 * written.
 *
 * @param print takes a line as soon as it is known
 * @throws PermanentError ConfigurationInvalid where anything is wrong
 */
export async function checkStores(stores: Stores, print: (line: string) => void): Promise<string> {
  const { patients, consents } = stores;
  const isSame = patients.baseUrl === consents.baseUrl;
  const groups = isSame
    ? [{ name: 'FHIR store', checks: [...checksOfConsents(stores), countOf(patients, 'Patient')] }]
    : [
        { name: "Consents' store", checks: checksOfConsents(stores) },
        { name: "Patients' store", checks: checksOfPatients(stores) },
      ];
  let wrong = 0;
  for (const { name, checks } of groups) {
    for (const { what, look } of checks) {
      const found = await outcomeOf(look);
      if (found instanceof Error) wrong += 1;
      print(`${name}  ${what.padEnd(34)}  ${found instanceof Error ? textOf(found) : `ok: ${found}`}`);
      // What is unknown or away answers nothing else either.
      if (found instanceof Error && !['HealthLakeForbidden', 'HealthLakeRefused'].includes(found.name)) break;
    }
  }
  if (wrong === 0) return isSame ? 'The FHIR store is fit for use' : 'Both FHIR stores are fit for use';
  throw new PermanentError('ConfigurationInvalid', `Wrong: ${wrong}, as named above. Nothing was written`);
}

function checksOfConsents({ consents, namespace }: Stores): Check[] {
  return [
    capabilities(consents, ['Consent']),
    ...(['literal', 'logical'] as const).map((patientReference) => ({
      what: `$validate, ${patientReference} reference`,
      look: async () => {
        await validate(consents, madeUpConsent(namespace, patientReference));
        return 'a made-up Consent is valid';
      },
    })),
    ourConsents(consents, namespace),
  ];
}

function checksOfPatients({ patients, namespace }: Stores): Check[] {
  const { what, look } = ourConsents(patients, namespace);
  return [
    capabilities(patients, ['Patient']),
    countOf(patients, 'Patient'),
    { what, look: async () => `${await look()}; consumers must read the Consents' store` },
  ];
}

function capabilities(store: FhirStore, types: readonly string[]): Check {
  return {
    what: 'metadata',
    look: async () => {
      const statement = await store.call({ url: new URL('metadata', store.baseUrl) });
      const version = memberOf(statement, 'fhirVersion');
      if (typeof version !== 'string' || !/^4\.0\.\d$/.test(version)) {
        throw new PermanentError('HealthLakeRefused', 'This is no FHIR R4 store: check the data store in the base URL');
      }
      const known = listOf(memberOf(statement, 'rest'))
        .flatMap((rest) => listOf(memberOf(rest, 'resource')))
        .map((resource) => memberOf(resource, 'type'));
      const missing = types.filter((type) => !known.includes(type));
      if (missing.length === 0) return `FHIR ${version}`;
      throw new PermanentError(
        'HealthLakeRefused',
        `The store does not know ${missing.join(', ')}: check the data store in the base URL`,
      );
    },
  };
}

function ourConsents(store: FhirStore, namespace: string): Check {
  const { system, code } = datasetTag(namespace);
  return {
    what: 'Consents of ours',
    look: async () => String(await countFound(store, 'Consent', { _tag: `${system}|${code}` })),
  };
}

function countOf(store: FhirStore, type: string): Check {
  return { what: `${type}s`, look: async () => String(await countFound(store, type, {})) };
}

function madeUpConsent(namespace: string, patientReference: 'literal' | 'logical') {
  const now = new Date().toISOString();
  return consentOf({ nhsNumber: madeUpNumber, status: 'active', since: now, optedOutSince: now }, 'made-up', {
    idKey: createSecretKey(randomBytes(32)),
    namespace,
    runId: 'check-store',
    patientReference,
  });
}

async function outcomeOf(look: () => Promise<string>): Promise<string | PermanentError | RetryableError> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof PermanentError || error instanceof RetryableError) return error;
    throw error;
  }
}

function textOf(error: PermanentError | RetryableError): string {
  return `${error.name}: ${error.message}${error instanceof RetryableError ? '. Try again in a minute' : ''}`;
}
