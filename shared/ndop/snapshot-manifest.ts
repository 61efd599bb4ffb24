import { z } from 'zod';
import { wholeNumberLine, type NumberRange } from './number-range.ts';

/** One stretch of the number line in a snapshot. Several entries may name one file, each its own stretch of it. */
const snapshotEntry = z.object({
  from: z.number(),
  to: z.number(),
  key: z.string(),
  sha256: z.string(),
  /** People in the whole file, and how many of them are opted out. */
  rows: z.number(),
  optedOut: z.number(),
  /** The answer's own time, and when its request was sent: freshness counts from there. */
  asAt: z.string(),
  sentAt: z.string(),
  modelVersion: z.number(),
  /** People whose Consent says "not opted out" and could not be changed: nobody vouches for it. Absent where there are none. */
  unvouched: z.number().optional(),
  /** Which store the Consents live in, and in which form; see `storeMarkOf`. */
  store: z.string().optional(),
  /**
   * When the answer was found too old to vouch for anybody: of these people only those who are opted out have a Consent
   * still. Absent as long as it vouches.
   */
  expiredAt: z.string().optional(),
});
export type SnapshotEntry = z.infer<typeof snapshotEntry>;

export const snapshotManifest = z.object({
  runId: z.string(),
  entries: z.array(snapshotEntry),
  /**
   * Consents of ours of which no entry says whose they are: nobody looks after them, so nothing may be said of the store's
   * freshness. Absent where there are none.
   */
  unvouched: z.number().optional(),
  /** File of the numbers that the service refused; absent where it refused none. */
  refused: z.object({ key: z.string(), sha256: z.string() }).optional(),
});
/** What we believe about everybody after a run: sorted, disjoint stretches, each with its file. */
export type SnapshotManifest = z.infer<typeof snapshotManifest>;

/** Where a manifest lies, and what proves it: runs that were opened before the proof was kept have none. */
export interface ManifestFile {
  readonly key: string;
  readonly sha256?: string | undefined;
}

/** No version that a Consent was ever written in: whatever the store holds of these people is to be written anew. */
export const unknownModelVersion = 0;

/**
 * A Consent says since when its status holds, and not when that was last checked. So what is read back from the store
 * counts as older than any limit, until a run has asked about it.
 */
export const ageUnknown = '1970-01-01T00:00:00.000Z';

export const emptySnapshot: SnapshotManifest = { runId: '', entries: [] };

/** The entries of a snapshot that bear on a range, each clipped to it. */
export function entriesWithin(manifest: SnapshotManifest, range: NumberRange): SnapshotEntry[] {
  return manifest.entries
    .map((entry) => ({ ...entry, from: Math.max(entry.from, range.from), to: Math.min(entry.to, range.to) }))
    .filter((entry) => entry.from < entry.to);
}

/**
 * Everything that keeps a manifest from being one, entry by entry: people would be read twice, in the wrong order, or not
 * at all. Sentences name entries by their place and their file, and no boundary.
 */
export function faultsOf({ entries, refused }: SnapshotManifest): string[] {
  const files = new Map<string, { readonly entry: SnapshotEntry; readonly at: number }>();
  return entries.flatMap((entry, index) => {
    const before = entries[index - 1];
    const known = files.get(entry.key);
    if (!known) files.set(entry.key, { entry, at: index + 1 });
    const named = (fault: string) => `entry ${index + 1} (${entry.key}) ${fault}`;
    return [
      ...ownFaults(entry).map(named),
      ...(before ? neighbourFaults(before, entry).map((fault) => named(`${fault} entry ${index}`)) : []),
      ...(known && !isOneFile(known.entry, entry)
        ? [named(`says other things of its file than entry ${known.at}`)]
        : []),
      ...(entry.key === refused?.key ? [named('is the file of refused numbers')] : []),
    ];
  });
}

function ownFaults({ from, to, rows, optedOut, asAt, sentAt, expiredAt = asAt }: SnapshotEntry): string[] {
  const isOnLine = [from, to].every(
    (place) => Number.isInteger(place) && place >= wholeNumberLine.from && place <= wholeNumberLine.to,
  );
  const areCounts = [rows, optedOut].every((count) => Number.isInteger(count) && count >= 0);
  return [
    ...(isOnLine ? [] : ['lies off the number line']),
    ...(from < to ? [] : ['ends before it begins']),
    ...(areCounts && optedOut <= rows ? [] : ['holds counts that cannot be']),
    ...([asAt, sentAt, expiredAt].every((time) => !Number.isNaN(Date.parse(time)))
      ? []
      : ['holds a time that is none']),
  ];
}

function neighbourFaults(before: SnapshotEntry, entry: SnapshotEntry): string[] {
  if (entry.from < before.from) return ['comes after, and begins before,'];
  return entry.from < before.to ? ['overlaps'] : [];
}

function isOneFile(one: SnapshotEntry, other: SnapshotEntry): boolean {
  return one.sha256 === other.sha256 && one.rows === other.rows && one.optedOut === other.optedOut;
}
