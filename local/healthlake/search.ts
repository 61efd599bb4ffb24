import { parseDateRange, type DateRange } from './date-range.ts';
import { idForm, isObject, listOf, textOf, type FhirResource } from './fhir.ts';
import type { Criteria, Criterion, Wanted } from './find.ts';
import { pageToken, readPageToken } from './page-token.ts';
import { badRequest, notImplemented } from './refused.ts';
import type { Store, Version } from './store.ts';

const defaultCount = 10;
const largestCount = 100;
const mostAuditEvents = 1_000_000;

const parametersOf: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['AuditEvent', new Set(['_id', '_source', '_tag', 'date', 'subtype', 'type'])],
  ['Patient', new Set(['_id', 'identifier'])],
  ['Provenance', new Set(['_id', '_source', '_tag', 'target'])],
  ['Consent', new Set(['_id', '_source', '_tag', 'category', 'identifier', 'patient', 'patient:identifier', 'status'])],
]);

type Order = 'date' | '-date' | 'id';

interface Search {
  readonly criteria: Criteria;
  /** Of an AuditEvent, all must hold. */
  readonly dates: readonly DateRange[];
  readonly order: Order;
  readonly count: number;
  readonly elements: ReadonlySet<string> | undefined;
  readonly isTotalWanted: boolean;
  /** The parameters but the page token, in the order given: what a page token is bound to. */
  readonly parameters: URLSearchParams;
  readonly after: string;
}

export interface SearchContext {
  readonly store: Store;
  readonly baseUrl: string;
  /** Only resources last written at or before this time can be found, ISO 8601. */
  readonly indexedUntil: string;
}

/**
 * Answers a search with a page of matches, in id order unless another one is asked for.
 *
 * @throws Refused 400 for a parameter, modifier or value that HealthLake would not take or this store does not know
 */
export function search(type: string, given: URLSearchParams, context: SearchContext): FhirResource {
  const { baseUrl } = context;
  const asked = parseSearch(type, given);
  const { count, elements, isTotalWanted, parameters } = asked;
  const { found, total } =
    type === 'AuditEvent' ? findAuditEvents(asked, context) : findResources(type, asked, context);
  const page = found.slice(0, count);
  const last = page.at(-1);
  const selfUrl = `${baseUrl}${type}?${parameters.toString()}`;
  const links = [{ relation: 'self', url: selfUrl }];
  if (found.length > count && last) {
    const separator = parameters.size === 0 ? '' : '&';
    links.push({ relation: 'next', url: `${selfUrl}${separator}page=${pageToken(last.id, parameters.toString())}` });
  }
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    ...(isTotalWanted ? { total: total() } : {}),
    link: links,
    entry: page.map(({ id, resource }) => ({
      fullUrl: `${baseUrl}${type}/${id}`,
      resource: resource && elements ? subset(resource, elements) : resource,
      search: { mode: 'match' },
    })),
  };
}

interface Found {
  /** A page and, where there is one, the first of the next. */
  readonly found: readonly Version[];
  readonly total: () => number;
}

function findResources(
  type: string,
  { criteria, count, after }: Search,
  { store, indexedUntil }: SearchContext,
): Found {
  return {
    found: store.find(type, { criteria, after, limit: count + 1, indexedUntil }),
    total: () => store.count(type, criteria, indexedUntil),
  };
}

/** There is about one AuditEvent a run, so they are compared and put in order here. */
function findAuditEvents(
  { criteria, dates, order, count, after }: Search,
  { store, indexedUntil }: SearchContext,
): Found {
  const events = store
    .find('AuditEvent', { criteria, after: '', limit: mostAuditEvents, indexedUntil })
    .map((version) => ({ version, recorded: Date.parse(textOf(version.resource?.recorded) ?? '') }))
    .filter(({ recorded }) => dates.every(({ from, before }) => recorded >= from && recorded < before));
  if (order !== 'id') {
    const sign = order === 'date' ? 1 : -1;
    events.sort((a, b) => sign * (a.recorded - b.recorded));
  }
  const start = after === '' ? 0 : events.findIndex(({ version }) => version.id === after) + 1;
  return {
    found: events.slice(start, start + count + 1).map(({ version }) => version),
    total: () => events.length,
  };
}

function parseSearch(type: string, given: URLSearchParams): Search {
  const known = parametersOf.get(type);
  if (!known) throw notImplemented(`search of ${type}`);
  const criteria: Criterion[] = [];
  const dates: DateRange[] = [];
  let order: Order = 'id';
  const parameters = new URLSearchParams(given);
  parameters.delete('page');
  let count = defaultCount;
  let elements: Set<string> | undefined;
  let isTotalWanted = false;
  for (const [name, value] of parameters) {
    switch (name) {
      case '_count':
        count = parseCount(value);
        break;
      case '_elements':
        elements = new Set(value.split(','));
        break;
      case '_total':
        if (value !== 'accurate' && value !== 'none') throw badRequest('_total takes accurate or none');
        isTotalWanted = value === 'accurate';
        break;
      case '_sort':
        order = parseOrder(type, value);
        break;
      default:
        if (!known.has(name)) {
          throw badRequest('A search parameter or modifier is not supported by this stand-in', 'not-supported');
        }
        if (name === 'date') dates.push(parseDateRange(value));
        else criteria.push(criterionOf(name, value));
    }
  }
  const page = given.get('page');
  const after = page === null ? '' : readPageToken(page, parameters.toString());
  return { criteria, dates, order, count, elements, isTotalWanted, parameters, after };
}

function parseCount(value: string): number {
  const count = Number(value);
  if (!/^\d+$/.test(value) || count === 0 || count > largestCount) {
    throw badRequest(`_count must be between 1 and ${largestCount}`);
  }
  return count;
}

function parseOrder(type: string, value: string): Order {
  if (type === 'AuditEvent' && (value === 'date' || value === '-date')) return value;
  throw badRequest('An order is not supported by this stand-in', 'not-supported');
}

function criterionOf(parameter: string, text: string): Criterion {
  if (text.includes('\\')) throw badRequest('Escapes in search values are not supported', 'not-supported');
  const values = text.split(',');
  if (values.includes('')) throw badRequest('A search value is empty');
  switch (parameter) {
    case '_id':
      return { kind: 'id', anyOf: values.map((value) => ({ system: undefined, value })) };
    case 'patient':
      return { kind: 'lookup', parameter, anyOf: values.map(patientReference) };
    case 'target':
      return { kind: 'lookup', parameter, anyOf: values.map(literalReference) };
    case 'identifier':
    case 'patient:identifier':
      return { kind: 'lookup', parameter, anyOf: values.map(token) };
    case '_source':
      return { kind: 'label', parameter, anyOf: values.map((value) => ({ system: undefined, value })) };
    case '_tag':
    case 'category':
    case 'status':
    case 'subtype':
    case 'type':
      return { kind: 'label', parameter, anyOf: values.map(token) };
    default:
      throw badRequest('A search parameter is not supported by this stand-in', 'not-supported');
  }
}

function patientReference(value: string): Wanted {
  const id = value.replace(/^Patient\//, '');
  if (!idForm.test(id)) throw badRequest('patient takes Patient/<id> or <id>');
  return { system: undefined, value: `Patient/${id}` };
}

function literalReference(value: string): Wanted {
  if (!/^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/.test(value)) throw badRequest('target takes <Type>/<id>');
  return { system: undefined, value };
}

function token(text: string): Wanted {
  const parts = text.split('|');
  const [first = '', second] = parts;
  if (parts.length > 2 || second === '') throw badRequest('A token must be a value or system|value');
  return second === undefined ? { system: undefined, value: first } : { system: first, value: second };
}

/** What was asked for and what makes it a resource, marked as incomplete. Source: FHIR R4, "Search", `_elements`. */
function subset(resource: FhirResource, elements: ReadonlySet<string>): FhirResource {
  const { resourceType, id, meta } = resource;
  const kept = Object.fromEntries(Object.entries(resource).filter(([name]) => elements.has(name)));
  const tags = isObject(meta) ? listOf(meta.tag) : [];
  const subsetted = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };
  return { resourceType, id, ...kept, meta: { ...(isObject(meta) ? meta : {}), tag: [...tags, subsetted] } };
}
