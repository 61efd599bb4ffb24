import { PermanentError } from '../errors.ts';
import type { Files } from '../files.ts';
import { refuseInconsistent } from '../ndop/read-manifest.ts';
import type { SnapshotManifest } from '../ndop/snapshot-manifest.ts';
import type { Latest, LatestSnapshot } from './latest.ts';

export interface MoveSnapshotDeps {
  readonly latest: Pick<LatestSnapshot, 'move'>;
  readonly files: Pick<Files, 'writeOnce'>;
}

interface NextManifest {
  readonly key: string;
  readonly manifest: SnapshotManifest;
}

/** What the manifest takes the place of, and when the last run closed. */
interface Move {
  readonly baseManifestKey: string | undefined;
  readonly closedAt: string;
}

/**
 * Makes a manifest the one that holds, in place of the one that does. A repeat that finds it holding changes nothing.
 *
 * @param superseded the sentence for whom another has taken the place
 * @throws PermanentError SnapshotInconsistent, SnapshotSuperseded
 */
export async function moveSnapshot(
  { key, manifest }: NextManifest,
  { baseManifestKey, closedAt }: Move,
  superseded: string,
  { latest, files }: MoveSnapshotDeps,
): Promise<void> {
  const { runId } = manifest;
  refuseInconsistent(key, manifest);
  const file = await files.writeOnce(key, `${JSON.stringify(manifest, undefined, 1)}\n`);
  const next = { manifestKey: file.key, manifestSha256: file.sha256, runId, closedAt };
  if (await latest.move(baseManifestKey, next)) return;
  throw new PermanentError('SnapshotSuperseded', superseded);
}

/** The same between two runs, while answers expire. */
export function moveExpiredSnapshot(
  next: NextManifest,
  { manifestKey: baseManifestKey, closedAt }: Latest,
  deps: MoveSnapshotDeps,
): Promise<void> {
  const superseded = 'A run has completed while answers expired: the next drain goes on';
  return moveSnapshot(next, { baseManifestKey, closedAt }, superseded, deps);
}
