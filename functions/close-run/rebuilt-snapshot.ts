import { PermanentError } from '../../shared/errors.ts';
import type { Freshness } from '../../shared/fhir/run-marker.ts';
import type { Files } from '../../shared/files.ts';
import type { Part } from '../../shared/ledger/parts.ts';
import { baseManifestOf, type Run } from '../../shared/ledger/runs.ts';
import { isOlder } from '../../shared/ndop/expiry.ts';
import { unlessLost } from '../../shared/ndop/read-manifest.ts';
import { leftOutNumbers } from '../../shared/ndop/refused-numbers.ts';
import {
  ageUnknown,
  unknownModelVersion,
  type ManifestFile,
  type SnapshotEntry,
  type SnapshotManifest,
} from '../../shared/ndop/snapshot-manifest.ts';

export interface RebuiltSnapshotDeps {
  readonly files: Pick<Files, 'openVerified'>;
  readonly readManifest: (file: ManifestFile | undefined) => Promise<SnapshotManifest>;
  /** Days after which an answer says nothing any more. */
  readonly maxAgeDays: number;
  /** What the FHIR store itself says of its freshness; undefined where it says nothing. */
  readonly newestMarker: () => Promise<Pick<Freshness, 'asAt'> | undefined>;
}

/**
 * The snapshot of a rebuild. A Consent does not say when its status was last checked. The newest marker in the store does,
 * of all that stood there when it was written, and whatever was written since rests on newer answers; without a marker the
 * age is not known. The numbers that the service refused are carried over where the earlier snapshot can still
 * be read; else the next run finds them anew.
 *
 * @param consentsInStore how many Consents of ours there are in all; undefined where they could not be counted
 * @throws PermanentError LedgerInconsistent where a part was not rebuilt
 */
export async function rebuiltSnapshot(
  run: Run,
  parts: readonly Part[],
  { closedAt, consentsInStore }: { readonly closedAt: string; readonly consentsInStore: number | undefined },
  { files, readManifest, newestMarker, maxAgeDays }: RebuiltSnapshotDeps,
): Promise<SnapshotManifest> {
  const base = await unlessLost(readManifest(baseManifestOf(run)));
  const refused = base && (await unlessLost(leftOutNumbers(base, run.openedAt, files))) ? base.refused : undefined;
  const { asAt = ageUnknown } = (await newestMarker()) ?? {};
  const tagged = parts.reduce((sum, { rebuilt }) => sum + (rebuilt?.tagged ?? 0), 0);
  // A store that cannot count may hold any number of others.
  const strays = consentsInStore === undefined ? 1 : Math.max(0, consentsInStore - tagged);
  return {
    runId: run.runId,
    entries: parts.flatMap((part) => entriesOf(run, part, { asAt, isTooOld: isOlder(asAt, maxAgeDays, closedAt) })),
    ...(strays > 0 ? { unvouched: strays } : {}),
    ...(refused ? { refused } : {}),
  };
}

function entriesOf(
  { runId }: Run,
  { part, state, rebuilt }: Part,
  { asAt, isTooOld }: { readonly asAt: string; readonly isTooOld: boolean },
): SnapshotEntry[] {
  if (state !== 'rebuilt' || !rebuilt)
    throw new PermanentError('LedgerInconsistent', `Part ${part} of run ${runId} was not rebuilt`);
  const { modelVersion, store, snapshots } = rebuilt;
  return snapshots.map(({ from, to, key, sha256, rows, optedOut }) => ({
    ...{ from, to, key, sha256, rows, optedOut },
    // The drain may have deleted what is too old since it was read: the next run then looks at everybody.
    ...{ asAt, sentAt: asAt, modelVersion: isTooOld ? unknownModelVersion : modelVersion },
    ...(store === undefined ? {} : { store }),
  }));
}
