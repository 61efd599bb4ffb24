import { DeleteObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { Files } from '../../shared/files.ts';
import { LatestSnapshot, manifestOf } from '../../shared/ledger/latest.ts';
import { LedgerTable } from '../../shared/ledger/table.ts';
import { readManifest } from '../../shared/ndop/read-manifest.ts';
import type { Runtime } from './runtime.ts';

/** The same snapshot, but its answers are older. */
export async function ageSnapshot(days: number, { clients, deployment }: Runtime): Promise<void> {
  const latest = new LatestSnapshot(new LedgerTable(clients.dynamoDb, deployment.table));
  const present = await latest.read();
  if (!present) throw new Error('There is no snapshot that could be older');
  const files = new Files(clients.s3, deployment.bucket);
  const manifest = await readManifest(files, manifestOf(present));
  const older = (time: string) => new Date(Date.parse(time) - days * 86_400_000).toISOString();
  const entries = manifest.entries.map((entry) => ({
    ...entry,
    asAt: older(entry.asAt),
    sentAt: older(entry.sentAt),
  }));
  const { key, sha256 } = await files.writeOnce(
    present.manifestKey.replace(/\.json$/, '-aged.json'),
    JSON.stringify({ ...manifest, entries }),
  );
  await latest.move(present.manifestKey, { ...present, manifestKey: key, manifestSha256: sha256 });
}

/** The run that made the snapshot is on record as writing still: it stopped between its last two words. */
export async function forgetEnd({ clients, deployment }: Runtime): Promise<void> {
  const latest = new LatestSnapshot(new LedgerTable(clients.dynamoDb, deployment.table));
  const { runId = '' } = (await latest.read()) ?? {};
  await latest.beginWriting({ runId, opening: 1 });
}

/** The files of the snapshot and the pointer to it are gone. */
export async function loseSnapshot({ clients, deployment }: Runtime): Promise<void> {
  const { bucket, table } = deployment;
  for await (const { Contents = [] } of paginateListObjectsV2(
    { client: clients.s3 },
    { Bucket: bucket, Prefix: 'snapshots/' },
  )) {
    for (const { Key } of Contents) await clients.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
  }
  await new LedgerTable(clients.dynamoDb, table).remove({ pk: 'LATEST', sk: 'LATEST' });
}
