import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Bucket } from './bucket.ts';
import { header } from './payload.ts';
import { S3Error } from './s3-error.ts';

/** A request that was verified and understood, ready to be carried out. */
export interface Call {
  readonly operation: OperationName;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly bucket: Bucket;
  /** Empty for operations on the bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
}

/** How S3 tells its operations apart: method, bucket or object, and the query parameters that must be there. */
const operations = [
  { name: 'PutObject', method: 'PUT', on: 'object', needs: [], allows: [], conditions: ['if-none-match'] },
  { name: 'UploadPart', method: 'PUT', on: 'object', needs: ['partNumber', 'uploadId'], allows: [], conditions: [] },
  { name: 'GetObject', method: 'GET', on: 'object', needs: [], allows: [], conditions: ['if-match'] },
  { name: 'HeadObject', method: 'HEAD', on: 'object', needs: [], allows: [], conditions: ['if-match'] },
  { name: 'DeleteObject', method: 'DELETE', on: 'object', needs: [], allows: [], conditions: [] },
  { name: 'AbortMultipartUpload', method: 'DELETE', on: 'object', needs: ['uploadId'], allows: [], conditions: [] },
  { name: 'CreateMultipartUpload', method: 'POST', on: 'object', needs: ['uploads'], allows: [], conditions: [] },
  {
    name: 'CompleteMultipartUpload',
    method: 'POST',
    on: 'object',
    needs: ['uploadId'],
    allows: [],
    conditions: ['if-none-match'],
  },
  {
    name: 'ListObjectsV2',
    method: 'GET',
    on: 'bucket',
    needs: ['list-type'],
    allows: ['prefix', 'delimiter', 'max-keys', 'continuation-token', 'start-after'],
    conditions: [],
  },
] as const;

export type OperationName = (typeof operations)[number]['name'];

const conditionalHeaders = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'];

const knownAmzHeader =
  /^x-amz-(date|content-sha256|user-agent|security-token|sdk-checksum-algorithm|trailer|decoded-content-length|checksum-(mode|algorithm|crc32|crc32c|sha1|sha256)|meta-.+)$/;

/**
 * Names the operation that a request asks for. Whatever else the request carries that would change its meaning (another
 * sub-resource, a condition, an `x-amz-` header) is refused, because to leave it out would be to answer falsely.
 *
 * @throws S3Error NotImplemented
 */
export function operationOf(request: IncomingMessage, key: string, query: URLSearchParams): OperationName {
  const names = new Set(query.keys());
  // The SDK puts its own name for the operation here; S3 does not look at it.
  names.delete('x-id');
  const operation = operations.find(
    ({ method, on, needs, allows }) =>
      method === request.method &&
      on === (key === '' ? 'bucket' : 'object') &&
      needs.every((name) => names.has(name)) &&
      [...names].every((name) => [...needs, ...allows].some((known) => known === name)),
  );
  if (!operation) {
    const asked = query.get('x-id') ?? `${request.method ?? ''} ${[...names].sort().join('&')}`.trim();
    throw new S3Error('NotImplemented', `The S3 stand-in does not implement ${asked}`);
  }
  for (const name of Object.keys(request.headers)) {
    const isUnknownCondition =
      conditionalHeaders.includes(name) && !operation.conditions.some((known) => known === name);
    if (isUnknownCondition || (name.startsWith('x-amz-') && !knownAmzHeader.test(name))) {
      const asked = query.get('x-id') ?? operation.name;
      throw new S3Error('NotImplemented', `The S3 stand-in does not implement ${asked} with ${name}`);
    }
  }
  return operation.name;
}

/**
 * Whether a write asks for `If-None-Match: *`, the only form that S3 takes for writes.
 *
 * @throws S3Error NotImplemented on any other value
 */
export function isOnlyIfAbsent(request: IncomingMessage): boolean {
  const value = header(request, 'if-none-match');
  if (value !== '' && value !== '*') {
    throw new S3Error('NotImplemented', 'A write takes If-None-Match with the value * only');
  }
  return value === '*';
}

const storedHeaders = [
  'content-type',
  'content-encoding',
  'content-disposition',
  'content-language',
  'cache-control',
  'expires',
];

/** The headers of a write that come back with the object. */
export function headersToStore(request: IncomingMessage): Record<string, string> {
  const stored: Record<string, string> = { 'content-type': 'binary/octet-stream' };
  for (const name of Object.keys(request.headers)) {
    if (storedHeaders.includes(name) || name.startsWith('x-amz-meta-')) stored[name] = header(request, name);
  }
  // aws-chunked describes how the body travelled, not what it is.
  const encodings = (stored['content-encoding'] ?? '').split(',').map((encoding) => encoding.trim());
  const kept = encodings.filter((encoding) => encoding !== '' && encoding !== 'aws-chunked').join(',');
  if (kept !== '') return { ...stored, 'content-encoding': kept };
  delete stored['content-encoding'];
  return stored;
}
