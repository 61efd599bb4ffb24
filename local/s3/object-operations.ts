import { pipeline } from 'node:stream/promises';
import type { Checksum } from './checksums.ts';
import { listObjects } from './list-objects.ts';
import type { ObjectMetadata } from './object-file.ts';
import { headersToStore, isOnlyIfAbsent, type Call } from './operations.ts';
import { header, receivePayload } from './payload.ts';
import { S3Error } from './s3-error.ts';
import { element, s3Namespace, text, xmlDocument } from './xml.ts';

export async function putObject({ request, response, bucket, key }: Call): Promise<void> {
  const object = { key, headers: headersToStore(request), onlyIfAbsent: isOnlyIfAbsent(request) };
  const { etag, checksum } = await bucket.store(object, async (write) => {
    const payload = await receivePayload(request, write);
    return { size: payload.size, etag: `"${payload.md5}"`, checksum: payload.checksum };
  });
  response.writeHead(200, { etag, ...checksumHeaders(checksum) }).end();
}

/** Answers GetObject and HeadObject, which differ by the body only. */
export async function getObject({ operation, request, response, bucket, key }: Call): Promise<void> {
  const { metadata, body } = await bucket.read(key);
  try {
    const ifMatch = header(request, 'if-match');
    if (ifMatch !== '' && ifMatch !== '*' && ifMatch.replaceAll('"', '') !== metadata.etag.replaceAll('"', '')) {
      throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
    }
    const range = parseRange(header(request, 'range'), metadata.size);
    const { first, last } = range ?? { first: 0, last: metadata.size - 1 };
    response.writeHead(range ? 206 : 200, {
      ...metadata.headers,
      ...(range ? { 'content-range': `bytes ${first}-${last}/${metadata.size}` } : {}),
      // The checksum is that of the whole object: beside a part of it, a client would take it for a mismatch.
      ...(header(request, 'x-amz-checksum-mode') === 'ENABLED' && !range ? checksumHeaders(metadata.checksum) : {}),
      'content-length': last - first + 1,
      'accept-ranges': 'bytes',
      'last-modified': new Date(metadata.lastModified).toUTCString(),
      etag: metadata.etag,
    });
    if (operation === 'HeadObject' || last < first) response.end();
    else await pipeline(body.createReadStream({ start: first, end: last, autoClose: false }), response);
  } finally {
    await body.close();
  }
}

export function deleteObject({ response, bucket, key }: Call): void {
  bucket.remove(key);
  response.writeHead(204).end();
}

export function listObjectsV2({ response, bucket, query }: Call): void {
  if (query.get('list-type') !== '2') throw new S3Error('NotImplemented', 'Only version 2 of ListObjects is supported');
  const maxKeysText = query.get('max-keys') ?? '1000';
  if (!/^\d{1,9}$/.test(maxKeysText)) throw new S3Error('InvalidArgument', 'max-keys is not a number');
  const maxKeys = Math.min(Number(maxKeysText), 1000);
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const startAfter = query.get('start-after') ?? '';
  const continuationToken = query.get('continuation-token');
  const { contents, commonPrefixes, nextContinuationToken } = listObjects(bucket.list(), {
    prefix,
    delimiter,
    maxKeys,
    startAfter,
    ...(continuationToken === null ? {} : { continuationToken }),
  });
  const answer = element(
    'ListBucketResult',
    [
      text('Name', bucket.name),
      text('Prefix', prefix),
      ...(delimiter === '' ? [] : [text('Delimiter', delimiter)]),
      ...(startAfter === '' ? [] : [text('StartAfter', startAfter)]),
      ...(continuationToken === null ? [] : [text('ContinuationToken', continuationToken)]),
      text('MaxKeys', String(maxKeys)),
      text('KeyCount', String(contents.length + commonPrefixes.length)),
      text('IsTruncated', String(nextContinuationToken !== undefined)),
      ...(nextContinuationToken === undefined ? [] : [text('NextContinuationToken', nextContinuationToken)]),
      ...contents.map(listedObject),
      ...commonPrefixes.map((commonPrefix) => element('CommonPrefixes', [text('Prefix', commonPrefix)])),
    ],
    s3Namespace,
  );
  response.writeHead(200, { 'content-type': 'application/xml' }).end(xmlDocument(answer));
}

function listedObject({ key, lastModified, etag, size, checksum }: ObjectMetadata): string {
  return element('Contents', [
    text('Key', key),
    text('LastModified', lastModified),
    text('ETag', etag),
    ...(checksum
      ? [text('ChecksumAlgorithm', checksum.algorithm.toUpperCase()), text('ChecksumType', checksum.type)]
      : []),
    text('Size', String(size)),
    text('StorageClass', 'STANDARD'),
  ]);
}

/** The headers that tell a checksum; none where the object has none. */
export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  if (!checksum) return {};
  return { [`x-amz-checksum-${checksum.algorithm}`]: checksum.value, 'x-amz-checksum-type': checksum.type };
}

/**
 * The bytes that a Range header asks for, or undefined for all of them: as RFC 9110 (14.2) has it, a header that is not
 * understood is ignored. S3 serves one range only.
 *
 * @throws S3Error InvalidRange
 */
function parseRange(range: string, size: number): { readonly first: number; readonly last: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range);
  const [, from = '', to = ''] = match ?? [];
  if (from === '' && to === '') return undefined;
  if (from !== '' && to !== '' && Number(to) < Number(from)) return undefined;
  const first = from === '' ? Math.max(size - Number(to), 0) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (first > last) throw new S3Error('InvalidRange', 'The requested range is not satisfiable');
  return { first, last };
}
