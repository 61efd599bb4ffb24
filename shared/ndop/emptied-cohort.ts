import { PermanentError } from '../errors.ts';
import type { SnapshotManifest } from './snapshot-manifest.ts';

/**
 * Refuses a cohort of nobody where the snapshot knows people: a source that has broken down looks the same, and a run that
 * ended well would hide it.
 *
 * @param base undefined where there is none that can be read
 * @throws PermanentError CohortEmptied
 */
export function refuseEmptied(
  { rows, requested }: { readonly rows: number; readonly requested: number },
  base: SnapshotManifest | undefined,
): void {
  const known = base?.entries.reduce((sum, entry) => sum + entry.rows, 0) ?? 0;
  if (requested > 0 || known === 0) return;
  throw new PermanentError(
    'CohortEmptied',
    `The cohort has ${rows} rows and nobody to ask about, where the snapshot has entries of ${known} people: look at its source, then resume. Nothing was sent`,
  );
}
