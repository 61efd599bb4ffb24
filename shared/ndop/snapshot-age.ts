import { oldestVouchedFor } from './expiry.ts';
import type { SnapshotManifest } from './snapshot-manifest.ts';

/** How old what we believe about everybody is. */
export interface SnapshotAge {
  /** Of the oldest answer that still vouches for somebody, since its request was sent; absent as `oldestVouchedFor` is. */
  readonly oldestAnswerDays?: number;
  /** Since the last run closed. */
  readonly lastRunDays: number;
  readonly stretches: number;
  /** Stretches whose answer is too old to vouch for anybody. */
  readonly expired: number;
}

export interface AgeOptions {
  /** When the last run closed. */
  readonly closedAt: string;
  readonly at: string;
  readonly maxAgeDays: number;
}

export function snapshotAge(manifest: SnapshotManifest, { closedAt, at, maxAgeDays }: AgeOptions): SnapshotAge {
  const ageOf = (time: string) => daysBetween(time, at);
  const oldest = oldestVouchedFor(manifest);
  const peopled = manifest.entries.filter(({ rows }) => rows > 0);
  return {
    ...(oldest === undefined ? {} : { oldestAnswerDays: ageOf(oldest) }),
    lastRunDays: ageOf(closedAt),
    stretches: peopled.length,
    expired: peopled.filter(({ expiredAt, sentAt }) => expiredAt !== undefined || ageOf(sentAt) > maxAgeDays).length,
  };
}

/** The same for a person to read. */
export function snapshotAgeText({ oldestAnswerDays, lastRunDays, stretches, expired }: SnapshotAge): string {
  return [
    oldestAnswerDays === undefined
      ? 'No answer vouches for anybody, or a Consent that should be gone still stands: consumers withhold from everybody once the newest marker is too old.'
      : `The oldest answer that vouches for somebody was asked for ${oldestAnswerDays.toFixed(1)} days ago.`,
    `The last run closed ${lastRunDays.toFixed(1)} days ago.`,
    `${expired} of ${stretches} stretches of the snapshot have expired.`,
  ].join('\n');
}

const millisecondsPerDay = 86_400_000;

function daysBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / millisecondsPerDay;
}
