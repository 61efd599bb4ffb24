import { serve, type StandIn } from '../stand-in.ts';
import { Endpoint, type Counters, type EndpointOptions } from './endpoint.ts';
import type { Faults } from './faults.ts';
import type { FhirResource, Patient } from './fhir.ts';
import type { ImportWording } from './import-log.ts';
import { replacePatients } from './patients.ts';
import type { Quota } from './quota.ts';
import { endOfTime, Store } from './store.ts';

const resourcesPerRead = 1_000;

export interface HealthLakeOptions extends EndpointOptions {
  /** Where the store is kept between starts; in memory when left out. */
  readonly file?: string;
  readonly port?: number;
}

export interface HealthLake extends StandIn {
  /** FHIR base URL of the data store, with a trailing slash. */
  readonly baseUrl: string;
  /** Faults for the next calls. */
  readonly faults: Faults;
  /** Since the start. */
  readonly counters: Readonly<Counters>;
  /** What it lets through a second; without limits at first. */
  quota: Quota;
  /** How import jobs word what they leave. */
  importWording: ImportWording;
  /** How long a written resource stays out of search results, in milliseconds; 0 at first. */
  searchLagMilliseconds: number;
  /**
   * Makes the store's Patients exactly these: writes the new and the changed, deletes the others.
   *
   * @throws InvalidPatient, having deleted nothing
   */
  replacePatients(patients: Iterable<Patient> | AsyncIterable<Patient>): Promise<void>;
  /** The current version of every resource of a type, in id order. */
  resources(type: string): Iterable<FhirResource>;
}

/**
 * Starts a stand-in for one AWS HealthLake data store: the FHIR R4 data plane at `<url>/datastore/<id>/r4/`, signed
 * requests only, its exports of Patients, and its imports, which the control plane at `<url>/` starts. What it does not
 * imitate it answers with 501.
 *
 * @throws PortInUse
 */
export async function startHealthLake(options: HealthLakeOptions): Promise<HealthLake> {
  const store = new Store(options.file);
  const endpoint = new Endpoint(store, options);
  let standIn: StandIn;
  try {
    standIn = await serve((request, response) => endpoint.handle(request, response), options.port);
  } catch (error) {
    store.close();
    throw error;
  }
  endpoint.baseUrl = `${standIn.url}${endpoint.basePath}`;
  return {
    url: standIn.url,
    baseUrl: endpoint.baseUrl,
    faults: endpoint.faults,
    counters: endpoint.counters,
    get quota() {
      return endpoint.admission.allowances.quota;
    },
    set quota(quota) {
      endpoint.admission.allowances.quota = quota;
    },
    get importWording() {
      return endpoint.importJobs.wording;
    },
    set importWording(wording) {
      endpoint.importJobs.wording = wording;
    },
    get searchLagMilliseconds() {
      return endpoint.searchLagMilliseconds;
    },
    set searchLagMilliseconds(milliseconds) {
      endpoint.searchLagMilliseconds = milliseconds;
    },
    replacePatients: (patients) => replacePatients(patients, store),
    resources: (type) => allResources(store, type),
    close: async () => {
      await standIn.close();
      store.close();
    },
  };
}

function* allResources(store: Store, type: string): Generator<FhirResource> {
  let after = '';
  for (;;) {
    const page = store.find(type, { criteria: [], after, limit: resourcesPerRead, indexedUntil: endOfTime });
    for (const { resource } of page) if (resource) yield resource;
    const last = page.at(-1);
    if (!last) return;
    after = last.id;
  }
}
