import { runIdOf } from './run-id.ts';
import type { SnapshotEntry, SnapshotManifest } from './snapshot-manifest.ts';

export interface ExpiryLimits {
  /** Days after which an answer says nothing any more, counted from its request. */
  readonly maxAgeDays: number;
  /** Days for which an opt-out is kept after that. */
  readonly retentionDays: number;
}

/** Whose Consents may not stand any longer. */
export type Due = 'nobody' | 'inactive' | 'everybody';

const millisecondsPerDay = 86_400_000;

/** Until when an answer says something, by the time of its request. */
export function usableUntil(sentAt: string, maxAgeDays: number): string {
  return new Date(Date.parse(sentAt) + maxAgeDays * millisecondsPerDay).toISOString();
}

export function isOlder(time: string, days: number, at: string): boolean {
  return Date.parse(at) - Date.parse(time) > days * millisecondsPerDay;
}

/**
 * Whose Consents of a stretch may not stand any longer. That somebody has NOT opted out is a statement that has to be
 * vouched for, and is gone once the answer is older than `maxAgeDays`. Whoever is opted out stays withheld for
 * `retentionDays` from when that was found: of what a rebuild has read back only the greatest age is known.
 */
export function dueOf(
  { sentAt, expiredAt }: Pick<SnapshotEntry, 'sentAt' | 'expiredAt'>,
  at: string,
  { maxAgeDays, retentionDays }: ExpiryLimits,
): Due {
  if (expiredAt !== undefined) return isOlder(expiredAt, retentionDays, at) ? 'everybody' : 'nobody';
  return isOlder(sentAt, maxAgeDays, at) ? 'inactive' : 'nobody';
}

/** The entries of a snapshot whose Consents may not all stand any longer, with their places in it. */
export function dueEntries(
  { entries }: SnapshotManifest,
  at: string,
  limits: ExpiryLimits,
): { readonly place: number; readonly entry: SnapshotEntry; readonly due: Exclude<Due, 'nobody'> }[] {
  return entries.flatMap((entry, place) => {
    const due = dueOf(entry, at, limits);
    return due === 'nobody' ? [] : [{ place, entry, due }];
  });
}

/**
 * When the oldest request was sent whose answer still vouches for somebody: everything in the store that is not older is
 * usable. Undefined where no answer vouches for anybody, or the store holds something that should be gone: then nothing new
 * may be said of its freshness.
 */
export function oldestVouchedFor({ entries, unvouched: strays = 0 }: SnapshotManifest): string | undefined {
  const standing = entries.filter(({ expiredAt, rows }) => expiredAt === undefined && rows > 0);
  if (strays > 0 || standing.some(({ unvouched = 0 }) => unvouched > 0)) return undefined;
  const [oldest] = standing.map(({ sentAt }) => sentAt).sort();
  return oldest;
}

/** What a snapshot is known by that a daily drain makes: of the same form as the run that made the one before it. */
export function expiryIdOf(at: string, execution: string): string {
  return runIdOf(new Date(at), `expiry in ${execution}`);
}
