import type { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { Files } from '../../shared/files.ts';
import type { ImportRights } from './import-files.ts';

/** @param client signs as the role */
export function s3ImportRights(
  client: S3Client,
  roleArn: string,
  mayLookAt: ImportRights['mayLookAt'] = () => true,
): ImportRights {
  return {
    roleArn,
    mayLookAt,
    list: async function* (bucket, prefix) {
      for await (const { key } of new Files(client, bucket).list(prefix)) yield key;
    },
    get: (bucket, key) => new Files(client, bucket).open(key),
    put: (Bucket, Key, Body) => new Upload({ client, params: { Bucket, Key, Body } }).done(),
  };
}
