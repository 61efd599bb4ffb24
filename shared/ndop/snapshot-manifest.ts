import { z } from 'zod';
import type { NumberRange } from './number-range.ts';

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
});
export type SnapshotEntry = z.infer<typeof snapshotEntry>;

export const snapshotManifest = z.object({
  runId: z.string(),
  entries: z.array(snapshotEntry),
  /** File of the numbers that the service refused; absent where it refused none. */
  refused: z.object({ key: z.string(), sha256: z.string() }).optional(),
});
/** What we believe about everybody after a run: sorted, disjoint stretches, each with its file. */
export type SnapshotManifest = z.infer<typeof snapshotManifest>;

export const emptySnapshot: SnapshotManifest = { runId: '', entries: [] };

/** The entries of a snapshot that bear on a range, each clipped to it. */
export function entriesWithin(manifest: SnapshotManifest, range: NumberRange): SnapshotEntry[] {
  return manifest.entries
    .map((entry) => ({ ...entry, from: Math.max(entry.from, range.from), to: Math.min(entry.to, range.to) }))
    .filter((entry) => entry.from < entry.to);
}
