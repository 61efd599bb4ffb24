import { createHash } from 'node:crypto';
import type { Files } from '../files.ts';
import { PermanentError } from '../errors.ts';
import { parseJson } from '../json.ts';
import {
  emptySnapshot,
  faultsOf,
  snapshotManifest,
  type ManifestFile,
  type SnapshotManifest,
} from './snapshot-manifest.ts';

const advice = 'npm run ops -- snapshot verify says what else is wrong, npm run ops -- snapshot rebuild makes it anew';

/**
 * The manifest of a snapshot, proven to be the one that was recorded; an empty one where no run has completed yet.
 *
 * @throws PermanentError FileMissing, FileAltered; SnapshotInconsistent where its entries contradict one another
 */
export async function readManifest(
  files: Pick<Files, 'find'>,
  file: ManifestFile | undefined,
): Promise<SnapshotManifest> {
  if (!file) return emptySnapshot;
  const { key, sha256 } = file;
  const body = await files.find(key);
  if (!body) throw new PermanentError('FileMissing', `${key} is not in the bucket: ${advice}`);
  if (sha256 !== undefined && createHash('sha256').update(body).digest('hex') !== sha256) {
    throw new PermanentError(
      'FileAltered',
      `${key} is not what the ledger recorded, its bytes have changed: ${advice}`,
    );
  }
  const parsed = snapshotManifest.safeParse(parseJson(body.toString('utf8')));
  if (!parsed.success) throw new PermanentError('FileAltered', `${key} is not a snapshot manifest: ${advice}`);
  refuseInconsistent(key, parsed.data);
  return parsed.data;
}

const losses = ['FileMissing', 'FileAltered', 'SnapshotInconsistent'];

/** Something of an earlier snapshot that a rebuild can do without: undefined where it is lost or damaged. */
export async function unlessLost<Kept>(reading: Promise<Kept>): Promise<Kept | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof PermanentError && losses.includes(error.name)) return undefined;
    throw error;
  }
}

/** @throws PermanentError SnapshotInconsistent, saying how many faults there are and which is the first */
export function refuseInconsistent(key: string, manifest: SnapshotManifest): void {
  const faults = faultsOf(manifest);
  if (faults.length === 0) return;
  throw new PermanentError(
    'SnapshotInconsistent',
    `${key} cannot be trusted, ${faults.length} faults: ${faults[0] ?? ''}. ${advice}`,
  );
}
