import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Files } from '../files.ts';
import { readLines } from '../lines.ts';
import { readRecord, type PersonRecord } from './snapshot.ts';
import type { SnapshotEntry } from './snapshot-manifest.ts';

/**
 * Who stands in a stretch of a snapshot, sorted. Its file is read whole first, so that one which is not what the ledger
 * recorded is refused before it says anything of anybody.
 *
 * @throws PermanentError FileMissing, FileAltered
 */
export async function* recordsOf(
  entry: SnapshotEntry,
  files: Pick<Files, 'readVerified'>,
): AsyncGenerator<PersonRecord> {
  yield* recordsIn(await files.readVerified(entry), entry);
}

/** The same of its file, once that is read. */
export async function* recordsIn(
  file: Buffer,
  entry: Pick<SnapshotEntry, 'from' | 'to'>,
): AsyncGenerator<PersonRecord> {
  for await (const line of readLines(Readable.from([file]).pipe(createGunzip()))) {
    const record = readRecord(line);
    if (record.nhsNumber >= entry.from && record.nhsNumber < entry.to) yield record;
  }
}
