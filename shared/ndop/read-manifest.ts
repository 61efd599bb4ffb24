import type { Files } from '../files.ts';
import { PermanentError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { emptySnapshot, snapshotManifest, type SnapshotManifest } from './snapshot-manifest.ts';

/**
 * The manifest of a snapshot; an empty one where no run has completed yet.
 *
 * @throws PermanentError FileMissing, FileAltered
 */
export async function readManifest(files: Pick<Files, 'find'>, key: string | undefined): Promise<SnapshotManifest> {
  if (key === undefined) return emptySnapshot;
  const body = await files.find(key);
  if (!body) throw new PermanentError('FileMissing', `${key} is not in the bucket: the snapshot has to be rebuilt`);
  const parsed = snapshotManifest.safeParse(parseJson(body.toString('utf8')));
  if (!parsed.success) throw new PermanentError('FileAltered', `${key} is not a snapshot manifest`);
  return parsed.data;
}
