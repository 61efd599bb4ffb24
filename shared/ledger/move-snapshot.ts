import { PermanentError } from '../errors.ts';
import type { Files } from '../files.ts';
import { refuseInconsistent } from '../ndop/read-manifest.ts';
import type { SnapshotManifest } from '../ndop/snapshot-manifest.ts';
import type { Latest, LatestSnapshot } from './latest.ts';

export interface MoveSnapshotDeps {
  readonly latest: Pick<LatestSnapshot, 'move'>;
  readonly files: Pick<Files, 'writeOnce'>;
}

/**
 * Makes a manifest the one that holds, in place of the one that does. A repeat that finds it holding changes nothing.
 *
 * @param closedAt when the last run closed
 * @throws PermanentError SnapshotInconsistent; SnapshotSuperseded where another has taken the place
 */
export async function moveSnapshot(
  { key, manifest }: { readonly key: string; readonly manifest: SnapshotManifest },
  before: Latest,
  { latest, files }: MoveSnapshotDeps,
): Promise<void> {
  const { runId } = manifest;
  refuseInconsistent(key, manifest);
  const file = await files.writeOnce(key, `${JSON.stringify(manifest, undefined, 1)}\n`);
  const next = { manifestKey: file.key, manifestSha256: file.sha256, runId, closedAt: before.closedAt };
  if (await latest.move(before.manifestKey, next)) return;
  throw new PermanentError('SnapshotSuperseded', `A run has completed while answers expired: the next drain goes on`);
}
