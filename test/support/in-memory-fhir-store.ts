import type { BatchStore } from '../../shared/fhir/batch.ts';
import type { Consent } from '../../shared/fhir/consent.ts';
import type { Provenance } from '../../shared/fhir/provenance.ts';
import { RetryableError } from '../../shared/errors.ts';

interface Entry {
  readonly request: { readonly method: 'GET' | 'PUT' | 'DELETE'; readonly url: string };
  readonly resource?: object;
}

export interface EntryOutcome {
  readonly status: string;
  readonly outcome?: object;
}

/** What a test makes of the calls: each may say what befalls a call, or an entry, instead of its being carried out. */
export interface FhirStoreFaults {
  /** Before a call: `lost` never reaches the store, `unanswered` does and nobody hears of it. */
  onCall?: (entries: readonly Entry[]) => 'lost' | 'unanswered' | undefined;
  /** For an entry: its answer, where it is not carried out. */
  onEntry?: (entry: Entry, index: number) => EntryOutcome | undefined;
}

/** Consents and Provenances by id, and how often each was written. */
export class InMemoryFhirStore implements BatchStore {
  readonly consents = new Map<string, Consent>();
  readonly provenances = new Map<string, Provenance>();
  readonly versions = new Map<string, number>();
  readonly calls: (readonly Entry[])[] = [];
  faults: FhirStoreFaults = {};
  throttles = 0;

  throttled(): void {
    this.throttles += 1;
  }

  /** Methods and ids of every write so far that was carried out. */
  readonly written: { readonly method: 'PUT' | 'DELETE'; readonly id: string }[] = [];

  async postBundle(bundle: object): Promise<unknown> {
    const { entry: entries } = bundle as { entry: readonly Entry[] };
    await Promise.resolve();
    this.calls.push(entries);
    const fault = this.faults.onCall?.(entries);
    if (fault === 'lost') throw new RetryableError('HealthLakeUnavailable', 'HealthLake did not answer');
    const answers = entries.map((entry, index) => this.#answer(entry, index));
    if (fault === 'unanswered') throw new RetryableError('HealthLakeUnavailable', 'HealthLake did not answer');
    return { resourceType: 'Bundle', type: 'batch-response', entry: answers };
  }

  #answer(entry: Entry, index: number): object {
    const said = this.faults.onEntry?.(entry, index);
    if (said) return { response: said };
    const { method, url } = entry.request;
    const [type, id = ''] = url.split('/');
    const resources: Map<string, object> = type === 'Consent' ? this.consents : this.provenances;
    const before = resources.get(id);
    if (method === 'GET') {
      return before ? { resource: before, response: { status: '200' } } : { response: { status: '404' } };
    }
    this.written.push({ method, id });
    if (method === 'PUT') {
      resources.set(id, entry.resource!);
      this.versions.set(id, (this.versions.get(id) ?? 0) + 1);
      return { response: { status: before ? '200' : '201' } };
    }
    resources.delete(id);
    return { response: { status: '204' } };
  }
}
