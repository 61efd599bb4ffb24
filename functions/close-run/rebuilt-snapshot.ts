import { PermanentError } from '../../shared/errors.ts';
import type { Files } from '../../shared/files.ts';
import type { Part } from '../../shared/ledger/parts.ts';
import { baseManifestOf, type Run } from '../../shared/ledger/runs.ts';
import { unlessLost } from '../../shared/ndop/read-manifest.ts';
import { leftOutNumbers } from '../../shared/ndop/refused-numbers.ts';
import {
  ageUnknown,
  type ManifestFile,
  type SnapshotEntry,
  type SnapshotManifest,
} from '../../shared/ndop/snapshot-manifest.ts';

export interface RebuiltSnapshotDeps {
  readonly files: Pick<Files, 'openVerified'>;
  readonly readManifest: (file: ManifestFile | undefined) => Promise<SnapshotManifest>;
}

/**
 * The snapshot of a rebuild. The numbers that the service refused are carried over where the earlier snapshot can still
 * be read; else the next run finds them anew.
 *
 * @throws PermanentError LedgerInconsistent where a part was not rebuilt
 */
export async function rebuiltSnapshot(
  run: Run,
  parts: readonly Part[],
  { files, readManifest }: RebuiltSnapshotDeps,
): Promise<SnapshotManifest> {
  const base = await unlessLost(readManifest(baseManifestOf(run)));
  const refused = base && (await unlessLost(leftOutNumbers(base, run.openedAt, files))) ? base.refused : undefined;
  return {
    runId: run.runId,
    entries: parts.flatMap((part) => entriesOf(run, part)),
    ...(refused ? { refused } : {}),
  };
}

function entriesOf({ runId }: Run, { part, state, rebuilt }: Part): SnapshotEntry[] {
  if (state !== 'rebuilt' || !rebuilt)
    throw new PermanentError('LedgerInconsistent', `Part ${part} of run ${runId} was not rebuilt`);
  const { modelVersion, store, snapshots } = rebuilt;
  return snapshots.map(({ from, to, key, sha256, rows, optedOut }) => ({
    ...{ from, to, key, sha256, rows, optedOut },
    ...{ asAt: ageUnknown, sentAt: ageUnknown, modelVersion },
    ...(store === undefined ? {} : { store }),
  }));
}
