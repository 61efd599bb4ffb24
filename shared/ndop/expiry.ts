import type { SnapshotManifest } from './snapshot-manifest.ts';

/**
 * When the oldest request was sent whose answer still vouches for somebody: everything in the store that is not older is
 * usable. Undefined where no answer vouches for anybody.
 */
export function oldestVouchedFor({ entries }: SnapshotManifest): string | undefined {
  const [oldest] = entries
    .filter(({ isExpired, rows }) => isExpired !== true && rows > 0)
    .map(({ sentAt }) => sentAt)
    .sort();
  return oldest;
}
