import type { ListedObject } from './bucket.ts';
import type { ObjectMetadata } from './object-file.ts';
import { S3Error } from './s3-error.ts';

export interface ListRequest {
  readonly prefix: string;
  /** Empty for a flat listing. */
  readonly delimiter: string;
  readonly maxKeys: number;
  readonly startAfter: string;
  readonly continuationToken?: string;
}

export interface Listing {
  readonly contents: readonly ObjectMetadata[];
  readonly commonPrefixes: readonly string[];
  /** Present when there is more. */
  readonly nextContinuationToken?: string;
}

/**
 * One page of a bucket. Keys that share a common prefix count as one entry of the page, once over all pages.
 * Source: "ListObjectsV2", Amazon S3 API Reference.
 *
 * @param objects in the order of their keys' UTF-8 bytes
 * @throws S3Error InvalidArgument on a continuation token that is not ours
 */
export function listObjects(objects: readonly ListedObject[], request: ListRequest): Listing {
  const { prefix, delimiter, maxKeys } = request;
  const resumed = request.continuationToken === undefined ? undefined : parseToken(request.continuationToken);
  const after = Buffer.from(resumed?.value ?? request.startAfter);
  let lastPrefix = resumed?.kind === 'prefix' ? resumed.value : undefined;
  let token: string | undefined;
  const contents: ObjectMetadata[] = [];
  const commonPrefixes: string[] = [];
  if (maxKeys === 0) return { contents, commonPrefixes };

  for (const { keyBytes, metadata } of objects) {
    const { key } = metadata;
    if (!key.startsWith(prefix) || Buffer.compare(keyBytes, after) <= 0) continue;
    if (lastPrefix !== undefined && key.startsWith(lastPrefix)) continue;
    if (contents.length + commonPrefixes.length === maxKeys) {
      return { contents, commonPrefixes, ...(token === undefined ? {} : { nextContinuationToken: token }) };
    }
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (end < 0) {
      contents.push(metadata);
      token = formatToken('key', key);
    } else {
      lastPrefix = key.slice(0, end + delimiter.length);
      commonPrefixes.push(lastPrefix);
      token = formatToken('prefix', lastPrefix);
    }
  }
  return { contents, commonPrefixes };
}

function formatToken(kind: 'key' | 'prefix', value: string): string {
  return Buffer.from(`${kind}:${value}`).toString('base64url');
}

function parseToken(token: string): { readonly kind: 'key' | 'prefix'; readonly value: string } {
  const match = /^(key|prefix):(.+)$/s.exec(Buffer.from(token, 'base64url').toString());
  if (!match) throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect');
  return { kind: match[1] === 'key' ? 'key' : 'prefix', value: match[2] ?? '' };
}
