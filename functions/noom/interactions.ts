import { isUuid } from '../../shared/fhir/uuid.ts';
import type { NhsNumberBlock } from '../../shared/ndop/nhs-number.ts';
import { checkConsent } from '../../shared/noom/check-consent.ts';
import { written } from '../../shared/noom/outcome.ts';
import { instancesOf, type Shown } from '../../shared/noom/person.ts';
import { etagOf, type PreferenceStore } from '../../shared/noom/preference-store.ts';
import { Refusal } from '../../shared/noom/refusal.ts';
import type { Answer } from './answer.ts';
import { historyBundle, searchset, type Asked } from './bundles.ts';
import { capabilityStatement } from './capability-statement.ts';
import { bodyFormat, requireForm } from './media-types.ts';
import { readBody, textOf } from './read-body.ts';
import type { NoomRequest } from './request.ts';
import type { Interaction } from './route.ts';
import { readHistorySearch, readSearch } from './search-parameters.ts';

export interface NoomDeps {
  readonly openStore: () => Promise<PreferenceStore>;
  readonly namespace: string;
  readonly nhsNumberBlocks: readonly NhsNumberBlock[];
  /** As clients know the API; undefined where that is the host of the request. */
  readonly baseUrl: string | undefined;
  readonly now: () => Date;
  /** How long an answer may take. */
  readonly patienceMilliseconds: number;
}

/** What the API does, by the names that FHIR has for it. Each throws a Refusal where it can't. */
export const interactions: Readonly<Record<Interaction, (request: NoomRequest, deps: NoomDeps) => Promise<Answer>>> = {
  capabilities: ({ baseUrl }) => Promise.resolve({ status: 200, resource: capabilityStatement(baseUrl) }),

  'search-type': async (request, deps) => {
    const { method, parameters } = request;
    if (method === 'POST') {
      requireForm(request.header('content-type'));
      // As long as a body may be, and in UTF-8.
      textOf(request.body);
    }
    const search = readSearch(parameters, deps.nhsNumberBlocks);
    const store = await deps.openStore();
    const found =
      search.id === undefined
        ? instancesOf(await store.person(search.nhsNumber), search.wanted, deps.namespace)
        : [(await store.find(search.id))?.shown].filter((shown) => shown !== undefined);
    const matches = found.filter(
      ({ subject, resource, nhsNumber }) =>
        search.wanted.includes(subject) &&
        search.statuses.includes(resource.status) &&
        (search.nhsNumber ?? nhsNumber) === nhsNumber,
    );
    return { status: 200, resource: searchset(matches, askedFor(request, deps, `Consent?${parameters.toString()}`)) };
  },

  create: async (request, deps) => {
    const body = readBody(request.body, bodyFormat(request.header('content-type')));
    const checked = checkConsent(body, { nhsNumberBlocks: deps.nhsNumberBlocks });
    const store = await deps.openStore();
    return writtenAnswer(await store.create(checked, request.id), 'RESOURCE_CREATED', request);
  },

  update: async (request, deps) => {
    const [, id = ''] = request.segments;
    const body = readBody(request.body, bodyFormat(request.header('content-type')));
    const checked = checkConsent(body, { id, nhsNumberBlocks: deps.nhsNumberBlocks });
    const store = await deps.openStore();
    const updated = await store.update(id, checked, request.header('if-match'), request.id);
    return writtenAnswer(updated, 'RESOURCE_UPDATED', request);
  },

  read: async (request, deps) => {
    const { shown } = await find(request, deps);
    return { status: 200, headers: versionHeaders(shown), resource: shown.resource };
  },

  vread: async (request, deps) => {
    const { store, shown } = await find(request, deps);
    const [, , , versionId = ''] = request.segments;
    const version = await store.version(shown, versionForm.test(versionId) ? versionId : '');
    if (!version) throw new Refusal('NO_RECORD_FOUND', 'The Consent has no such version');
    return { status: 200, headers: versionHeaders(version), resource: version.resource };
  },

  'history-instance': async (request, deps) => {
    const { store, shown } = await find(request, deps);
    const self = `Consent/${shown.resource.id}/_history`;
    return { status: 200, resource: historyBundle(await store.history(shown), askedFor(request, deps, self)) };
  },

  'history-type': async (request, deps) => {
    const { nhsNumber, versionId, wanted } = readHistorySearch(request.parameters, deps.nhsNumberBlocks);
    const store = await deps.openStore();
    const shown = instancesOf(await store.person(nhsNumber), wanted, deps.namespace);
    const versions = (await Promise.all(shown.map((each) => store.history(each)))).flat();
    const matches = versions
      .filter(({ resource }) => versionId === undefined || resource.meta.versionId === versionId)
      .sort((one, other) => Date.parse(other.resource.meta.lastUpdated) - Date.parse(one.resource.meta.lastUpdated));
    const self = `Consent/_history?${request.parameters.toString()}`;
    return { status: 200, resource: historyBundle(matches, askedFor(request, deps, self)) };
  },
};

/** Source: FHIR STU3, data type `id`; dots alone would lead elsewhere in a path. */
const versionForm = /^(?!\.+$)[A-Za-z0-9\-.]{1,64}$/;

async function find(request: NoomRequest, deps: NoomDeps): Promise<{ store: PreferenceStore; shown: Shown }> {
  const [, id = ''] = request.segments;
  const store = await deps.openStore();
  const shown = isUuid(id) ? (await store.find(id))?.shown : undefined;
  if (!shown) throw new Refusal('NO_RECORD_FOUND', 'There is no Consent with this id');
  return { store, shown };
}

function askedFor({ baseUrl }: NoomRequest, { now }: NoomDeps, self: string): Asked {
  return { baseUrl, self, at: now() };
}

function writtenAnswer(shown: Shown, code: 'RESOURCE_CREATED' | 'RESOURCE_UPDATED', request: NoomRequest): Answer {
  const { resource } = shown;
  const [, wanted = 'minimal'] =
    /(?:^|[\s,;])return\s*=\s*"?(minimal|representation|OperationOutcome)\b/i.exec(request.header('prefer') ?? '') ??
    [];
  const preferred: Readonly<Record<string, object>> = { representation: resource, operationoutcome: written(code) };
  return {
    status: code === 'RESOURCE_CREATED' ? 201 : 200,
    headers: {
      ...versionHeaders(shown),
      location: `${request.baseUrl}/Consent/${resource.id}/_history/${resource.meta.versionId}`,
    },
    resource: preferred[wanted.toLowerCase()],
  };
}

function versionHeaders(shown: Shown): Record<string, string> {
  return { etag: etagOf(shown), 'last-modified': new Date(shown.resource.meta.lastUpdated).toUTCString() };
}
