import { Refusal } from '../../shared/noom/refusal.ts';
import type { NoomRequest } from './request.ts';

export type Interaction =
  'capabilities' | 'search-type' | 'create' | 'read' | 'update' | 'vread' | 'history-instance' | 'history-type';

interface Route {
  /** Segments, of which `*` is any. */
  readonly path: readonly string[];
  readonly methods: Readonly<Record<string, Interaction>>;
}

/** The first that fits is taken. */
const routes: readonly Route[] = [
  { path: ['metadata'], methods: { GET: 'capabilities' } },
  { path: ['Consent'], methods: { GET: 'search-type', POST: 'create' } },
  { path: ['Consent', '_search'], methods: { POST: 'search-type' } },
  { path: ['Consent', '_history'], methods: { GET: 'history-type' } },
  { path: ['Consent', '*'], methods: { GET: 'read', PUT: 'update' } },
  { path: ['Consent', '*', '_history'], methods: { GET: 'history-instance' } },
  { path: ['Consent', '*', '_history', '*'], methods: { GET: 'vread' } },
];

/**
 * What is asked for.
 *
 * @throws Refusal NO_RECORD_FOUND where there is no such path; BAD_REQUEST 405 where it is not for this method
 */
export function routeOf({ method, segments }: Pick<NoomRequest, 'method' | 'segments'>): Interaction {
  const found = routes.find(({ path }) => path.length === segments.length && path.every(isSame(segments)));
  if (!found) throw new Refusal('NO_RECORD_FOUND', 'Nothing is served here: the API has Consent and metadata');
  const [, interaction] = Object.entries(found.methods).find(([name]) => name === method) ?? [];
  if (interaction) return interaction;
  // Neither deleted nor patched: whoever opts back in does so by an update.
  const allow = Object.keys(found.methods).join(', ');
  const options = { status: 405, issueType: 'not-supported', headers: { allow } };
  throw new Refusal('BAD_REQUEST', `This path takes ${allow}`, options);
}

/** The first design's texts spell the type in small letters. */
function isSame(segments: readonly string[]): (segment: string, at: number) => boolean {
  return (segment, at) => {
    const given = segments[at] ?? '';
    return segment === '*' || segment === given || (segment === 'Consent' && given === 'consent');
  };
}
