import type { Admission } from './admission.ts';
import type { Rights } from './authorization.ts';
import { isObject, isResource, listOf, textOf, type FhirResource } from './fhir.ts';
import { etagOf, interact, isThere, locationOf, type DataStore } from './interactions.ts';
import { badRequest, notImplemented, operationOutcome, Refused } from './refused.ts';

const mostEntries = 500;
const mostTransactionEntries = 100;
const methods = new Set(['GET', 'PUT', 'POST', 'DELETE']);

/**
 * Answers a `batch` Bundle: every entry by itself, by position. Preconditions of entries are refused rather than
 * ignored, because whether HealthLake honours them is not known.
 *
 * @throws Refused when the Bundle as a whole is not taken
 */
export function runBatch(bundle: unknown, dataStore: DataStore, admission: Admission, rights: Rights): FhirResource {
  if (!isResource(bundle) || bundle.resourceType !== 'Bundle')
    throw badRequest('The body must be a Bundle', 'structure');
  const entries = listOf(bundle.entry);
  if (bundle.type === 'transaction') {
    if (entries.length > mostTransactionEntries) throw tooMany(mostTransactionEntries);
    throw notImplemented('a Bundle of type transaction');
  }
  if (bundle.type !== 'batch') throw badRequest('The Bundle must be of type batch or transaction', 'value');
  if (entries.length > mostEntries) throw tooMany(mostEntries);
  const answers = dataStore.store.transaction(() =>
    entries.map((entry, at) => {
      try {
        return runEntry(entry, at, dataStore, admission, rights);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return { response: { status: String(error.status), outcome: operationOutcome(error.issues) } };
      }
    }),
  );
  return { resourceType: 'Bundle', type: 'batch-response', entry: answers };
}

function runEntry(entry: unknown, at: number, dataStore: DataStore, admission: Admission, rights: Rights): object {
  const request = requestOf(entry);
  const method = textOf(request.method) ?? '';
  const url = textOf(request.url);
  if (!isObject(entry) || url === undefined || !methods.has(method)) {
    throw badRequest('An entry needs a request with a method of GET, PUT, POST or DELETE and a URL', 'required');
  }
  for (const condition of ['ifMatch', 'ifNoneMatch', 'ifNoneExist', 'ifModifiedSince']) {
    if (condition in request) throw notImplemented(`${condition} in a batch entry`);
  }
  const [path = '', query = ''] = url.split('?');
  const segments = path.split('/');
  if (method === 'POST' && segments.length > 1) throw notImplemented('an operation in a batch entry');
  const parameters = new URLSearchParams(query);
  const call = { method, segments, parameters, resource: entry.resource };
  rights.requireEntry(call, (type, id) => isThere(dataStore, type, id));
  admission.admit(call, at);
  const { status, body, version } = interact(call, dataStore);
  return {
    ...(method === 'GET' && body ? { resource: body } : {}),
    response: {
      status: String(status),
      ...(version
        ? { location: locationOf(version), etag: etagOf(version.version), lastModified: version.updated }
        : {}),
    },
  };
}

function requestOf(entry: unknown): Readonly<Record<string, unknown>> {
  return isObject(entry) && isObject(entry.request) ? entry.request : {};
}

function tooMany(most: number): Refused {
  return new Refused(422, { code: 'too-costly', diagnostics: `A Bundle of this type has at most ${most} entries` });
}
