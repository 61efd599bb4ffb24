import { type Authorize, refusalOf } from '../iam/access.ts';
import type { Asked } from '../iam/evaluate.ts';
import { keyUse } from '../iam/kms.ts';
import type { Call } from './operations.ts';
import { S3Error } from './s3-error.ts';

/** Who may do what with the buckets, and the key that encrypts them. */
export interface S3Guard {
  readonly authorize: Authorize;
  readonly keyArn: string;
}

/** @throws S3Error AccessDenied */
export function requireRights(caller: string, call: Call, { authorize, keyArn }: S3Guard): void {
  const refused = authorize(caller, ...askedBy(call, keyArn));
  if (refused) throw new S3Error('AccessDenied', refusalOf(refused));
}

/**
 * A key that is not there is told as such only to who may list the bucket. There is no prefix to compare then, so that a
 * right to list below a prefix does not do. Source: "GetObject", Amazon S3 API Reference, "Permissions".
 *
 * @throws S3Error AccessDenied
 */
export function requireSightOfMissing(caller: string, { bucket }: Call, { authorize }: S3Guard): void {
  const refused = authorize(caller, { action: 's3:ListBucket', resource: `arn:aws:s3:::${bucket.name}` });
  if (refused) throw new S3Error('AccessDenied', refusalOf(refused));
}

/**
 * Sources: "Required permissions for Amazon S3 API operations" and "Using server-side encryption with AWS KMS keys",
 * Amazon S3 User Guide.
 */
function askedBy({ operation, bucket, key, query }: Call, keyArn: string): Asked[] {
  const bucketArn = `arn:aws:s3:::${bucket.name}`;
  const onObject = (action: string): Asked => ({ action: `s3:${action}`, resource: `${bucketArn}/${key}` });
  const [decrypt, generate] = [keyUse(keyArn, 'Decrypt', 's3'), keyUse(keyArn, 'GenerateDataKey', 's3')];
  switch (operation) {
    case 'GetObject':
    case 'HeadObject':
      return [onObject('GetObject'), decrypt];
    case 'PutObject':
      return [onObject('PutObject'), generate];
    case 'CreateMultipartUpload':
    case 'UploadPart':
    case 'CompleteMultipartUpload':
      return [onObject('PutObject'), generate, decrypt];
    case 'AbortMultipartUpload':
      return [onObject('AbortMultipartUpload')];
    case 'DeleteObject':
      return [onObject('DeleteObject')];
    case 'ListObjectsV2': {
      const prefix = query.get('prefix');
      const context = prefix === null ? {} : { 's3:prefix': prefix };
      return [{ action: 's3:ListBucket', resource: bucketArn, context }];
    }
  }
}
