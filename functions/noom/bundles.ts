import { randomUUID } from 'node:crypto';
import type { Shown } from '../../shared/noom/person.ts';

/** Where a Bundle comes from: the base of the API, and what was asked. */
export interface Asked {
  readonly baseUrl: string;
  /** Path and query below the base. */
  readonly self: string;
  readonly at: Date;
}

export function searchset(found: readonly Shown[], asked: Asked): object {
  return bundle('searchset', found, asked, () => ({ search: { mode: 'match' } }));
}

/** @param versions newest first */
export function historyBundle(versions: readonly Shown[], asked: Asked): object {
  return bundle('history', versions, asked, ({ resource: { id, meta } }) => ({
    request: meta.versionId === '1' ? { method: 'POST', url: 'Consent' } : { method: 'PUT', url: `Consent/${id}` },
  }));
}

/** Lists that would be empty are left out: FHIR has none. The Bundle's own id is no Consent's. */
function bundle(type: string, shown: readonly Shown[], asked: Asked, more: (shown: Shown) => object): object {
  const { baseUrl, self, at } = asked;
  const entry = shown.map((each) => ({
    fullUrl: `${baseUrl}/Consent/${each.resource.id}`,
    resource: each.resource,
    ...more(each),
  }));
  return {
    resourceType: 'Bundle',
    id: randomUUID(),
    meta: { lastUpdated: at.toISOString() },
    type,
    total: entry.length,
    link: [{ relation: 'self', url: `${baseUrl}/${self}` }],
    ...(entry.length === 0 ? {} : { entry }),
  };
}
