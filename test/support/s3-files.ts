import { S3Client } from '@aws-sdk/client-s3';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startS3 } from '../../local/s3/start-s3.ts';
import { Files } from '../../shared/files.ts';

/** Our files over an empty bucket of the S3 stand-in. */
export async function startFiles() {
  const directory = await mkdtemp(join(tmpdir(), 'files-'));
  const bucket = 'ndop-files';
  const standIn = await startS3({ directory, buckets: [bucket], credentials: new Map([['AKIDLOCAL', 'secret']]) });
  const client = new S3Client({
    endpoint: standIn.url,
    region: 'eu-west-2',
    credentials: { accessKeyId: 'AKIDLOCAL', secretAccessKey: 'secret' },
    maxAttempts: 1,
  });
  return {
    files: new Files(client, bucket),
    client,
    bucket,
    stop: async (): Promise<void> => {
      client.destroy();
      await standIn.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
