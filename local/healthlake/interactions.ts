import { randomUUID } from 'node:crypto';
import { capabilityStatement } from './capability-statement.ts';
import { idForm, isResource, storedTypes, textOf, type FhirResource, type IdentifiedResource } from './fhir.ts';
import { badRequest, notImplemented, operationOutcome, Refused } from './refused.ts';
import { search } from './search.ts';
import type { Store, Version } from './store.ts';
import { validate } from './validation.ts';

/** One FHIR request, whether it came by itself or as an entry of a batch. */
export interface Call {
  readonly method: string;
  /** Path below the base URL, e.g. `['Consent', '<id>']`. */
  readonly segments: readonly string[];
  readonly parameters: URLSearchParams;
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly resource?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly body?: FhirResource;
  /** The version written or read. */
  readonly version?: Version;
}

export interface DataStore {
  readonly store: Store;
  readonly baseUrl: string;
  readonly indexedUntil: () => string;
  readonly wrote: () => void;
}

/**
 * Answers one FHIR request as the AWS HealthLake Developer Guide describes ("Managing FHIR resources").
 *
 * @throws Refused
 */
export function interact(call: Call, dataStore: DataStore): Answer {
  const { method, segments, parameters } = call;
  const [type = '', id, third, versionId] = segments;
  if (method === 'GET' && type === 'metadata' && segments.length === 1)
    return { status: 200, body: capabilityStatement };
  if (!isStoredType(type)) throw notImplemented(nameOf(call));

  const { store, baseUrl } = dataStore;
  const searchNow = () => ({
    status: 200,
    body: search(type, parameters, { store, baseUrl, indexedUntil: dataStore.indexedUntil() }),
  });
  if (method === 'GET' && id === undefined) return searchNow();
  if (method === 'POST' && id === '_search' && segments.length === 2) return searchNow();
  // Everything that follows takes no parameters: conditional updates and deletes among them.
  if (parameters.size > 0) throw notImplemented(`${nameOf(call)} with parameters`);
  if (method === 'POST' && id === undefined) return create(type, call, dataStore);
  if (method === 'POST' && id === '$validate' && segments.length === 2) return check(type, call.resource);
  if (id === undefined || id.startsWith('$') || id.startsWith('_')) throw notImplemented(nameOf(call));
  if (!idForm.test(id)) throw badRequest('A logical id has 1 to 64 letters, digits, hyphens and dots', 'value');
  if (segments.length === 2) {
    if (method === 'GET') return read(type, id, dataStore);
    if (method === 'PUT') return update(type, id, call, dataStore);
    if (method === 'DELETE') return remove(type, id, call, dataStore);
  }
  if (method === 'GET' && third === '_history') {
    if (segments.length === 3) return history(type, id, dataStore);
    if (segments.length === 4) return readVersion(type, id, versionId ?? '', dataStore);
  }
  throw notImplemented(nameOf(call));
}

function read(type: string, id: string, { store }: DataStore): Answer {
  return present(store.current(type, id));
}

function readVersion(type: string, id: string, versionId: string, { store }: DataStore): Answer {
  for (const version of store.history(type, id)) {
    if (String(version.version) === versionId) return present(version);
  }
  throw new Refused(404, { code: 'not-found', diagnostics: 'The resource has no such version' });
}

function history(type: string, id: string, { store, baseUrl }: DataStore): Answer {
  const versions = [...store.history(type, id)];
  if (versions.length === 0) present(undefined);
  const entry = versions.map(({ version, deleted, updated, resource }) => ({
    fullUrl: `${baseUrl}${type}/${id}`,
    ...(resource ? { resource } : {}),
    request: { method: deleted ? 'DELETE' : 'PUT', url: `${type}/${id}` },
    response: { status: deleted ? '204' : version === 1 ? '201' : '200', etag: etagOf(version), lastModified: updated },
  }));
  return { status: 200, body: { resourceType: 'Bundle', type: 'history', total: versions.length, entry } };
}

function create(type: string, { resource, idempotencyKey }: Call, { store, wrote }: DataStore): Answer {
  if (idempotencyKey !== undefined) {
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(idempotencyKey)) {
      throw badRequest('An idempotency key must be a UUID', 'value');
    }
    const location = store.createdUnder(idempotencyKey);
    if (location !== undefined) {
      throw new Refused(409, { code: 'duplicate', diagnostics: 'The idempotency key has been used' }, location);
    }
  }
  const identified = { ...valid(type, resource), id: randomUUID() };
  const version = store.transaction(() => {
    const created = store.put(identified);
    if (idempotencyKey !== undefined) store.rememberKey(idempotencyKey, locationOf(created));
    return created;
  });
  wrote();
  return { status: 201, version, ...bodyOf(version) };
}

function update(type: string, id: string, call: Call, { store, wrote }: DataStore): Answer {
  if (type === 'AuditEvent') {
    throw new Refused(405, {
      code: 'not-supported',
      diagnostics: 'An AuditEvent can be created and read, not updated',
    });
  }
  const resource = valid(type, call.resource);
  if (textOf(resource.id) !== id) throw badRequest('The id in the resource is not the id in the URL');
  const before = store.current(type, id);
  requireMatch(call, before);
  const identified: IdentifiedResource = { ...resource, id };
  const version = store.put(identified);
  wrote();
  return { status: before && !before.deleted ? 200 : 201, version, ...bodyOf(version) };
}

function remove(type: string, id: string, call: Call, { store, wrote }: DataStore): Answer {
  if (type === 'AuditEvent') {
    throw new Refused(405, {
      code: 'not-supported',
      diagnostics: 'An AuditEvent can be created and read, not deleted',
    });
  }
  const before = store.current(type, id);
  requireMatch(call, before);
  if (!before) return present(undefined);
  if (before.deleted) return { status: 204 };
  const version = store.delete(type, id);
  wrote();
  return { status: 204, version };
}

function check(type: string, resource: unknown): Answer {
  if (!isResource(resource) || resource.resourceType !== type)
    throw badRequest(`The body must be a ${type}`, 'structure');
  const issues = validate(resource);
  if (issues.length > 0) return { status: 200, body: operationOutcome(issues) };
  const fine = { code: 'informational', diagnostics: 'The resource is valid' } as const;
  return { status: 200, body: operationOutcome([fine], 'information') };
}

function valid(type: string, resource: unknown): FhirResource {
  if (!isResource(resource) || resource.resourceType !== type)
    throw badRequest(`The body must be a ${type}`, 'structure');
  const issues = validate(resource);
  if (issues.length > 0) throw new Refused(400, issues);
  return resource;
}

/** A deleted resource still counts as existing for `If-None-Match: *`, as measured against HealthLake. */
function requireMatch({ ifMatch, ifNoneMatch }: Call, before: Version | undefined): void {
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') throw notImplemented('If-None-Match other than *');
  const isMatch = ifMatch === undefined || (before && !before.deleted && ifMatch === etagOf(before.version));
  if (isMatch && !(ifNoneMatch === '*' && before)) return;
  throw new Refused(412, { code: 'conflict', diagnostics: 'The precondition on the version does not hold' });
}

export function isThere({ store }: Pick<DataStore, 'store'>, type: string, id: string): boolean {
  return store.current(type, id)?.deleted === false;
}

function present(version: Version | undefined): Answer {
  if (!version) throw new Refused(404, { code: 'not-found', diagnostics: 'The resource does not exist' });
  if (version.deleted) throw new Refused(410, { code: 'deleted', diagnostics: 'The resource has been deleted' });
  return { status: 200, version, ...bodyOf(version) };
}

function bodyOf({ resource }: Version): { readonly body?: FhirResource } {
  return resource ? { body: resource } : {};
}

export function etagOf(version: number): string {
  return `W/"${version}"`;
}

export function locationOf({ type, id, version }: Version): string {
  return `${type}/${id}/_history/${version}`;
}

function isStoredType(type: string): boolean {
  return storedTypes.some((stored) => stored === type);
}

/** The operation in words; ids are left out. */
export function nameOf({ method, segments }: Pick<Call, 'method' | 'segments'>): string {
  const path = segments.map((segment, at) =>
    /^[$_][A-Za-z-]+$/.test(segment) || (at === 0 && /^[A-Z][A-Za-z]+$/.test(segment)) ? segment : '<id>',
  );
  return `${/^[A-Z]+$/.test(method) ? method : '<method>'} /${path.join('/')}`;
}
