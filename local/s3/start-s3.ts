import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { SignatureRefused, verifySignature, type Credentials } from '../signature.ts';
import { serve, type StandIn } from '../stand-in.ts';
import { requireRights, requireSightOfMissing, type S3Guard } from './authorization.ts';
import { Bucket } from './bucket.ts';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  uploadPart,
  type Uploads,
} from './multipart-operations.ts';
import { deleteObject, getObject, listObjectsV2, putObject } from './object-operations.ts';
import { operationOf, type Call, type OperationName } from './operations.ts';
import { header } from './payload.ts';
import { S3Error } from './s3-error.ts';

export interface S3Options {
  /** Holds the objects; a later start with the same directory serves them again. One stand-in at a time uses it. */
  readonly directory: string;
  readonly buckets: readonly string[];
  readonly credentials: Credentials;
  /** Whoever signs may do everything when left out. */
  readonly guard?: S3Guard;
  /** The answer to each caller's first conditional write of each kind of key is lost, though the object is written. */
  readonly losesFirstAnswers?: boolean;
  readonly port?: number;
}

export interface S3StandIn extends StandIn {
  /** So many of the next calls of an operation are told to come more slowly. */
  slowDown(operation: OperationName, times: number): void;
}

/** The longest key in UTF-8 bytes. Source: "Naming Amazon S3 objects", Amazon S3 User Guide. */
const longestKeyBytes = 1024;

/**
 * A stand-in for Amazon S3 with path-style addresses. Bodies go straight to and from disk, whatever their size.
 *
 * @throws PortInUse, or an Error when the directory holds something that is not an object
 */
export async function startS3({
  directory,
  buckets: names,
  credentials,
  guard,
  losesFirstAnswers = false,
  port,
}: S3Options): Promise<S3StandIn> {
  const incoming = join(directory, '.incoming');
  // Whatever was under way when the last stand-in stopped was never acknowledged.
  await rm(incoming, { recursive: true, force: true });
  await mkdir(incoming, { recursive: true });
  const buckets = new Map<string, Bucket>();
  for (const name of names) buckets.set(name, await Bucket.open(name, directory, incoming));
  const uploads: Uploads = new Map();
  const lost = new Set<string>();
  const toSlowDown = new Map<OperationName, number>();

  const server = await serve(async (request, response) => {
    try {
      response.setHeader('x-amz-request-id', randomUUID());
      const caller = await callerOf(request, credentials);
      const call = understand(request, response, buckets);
      if (isToSlowDown(call, toSlowDown)) throw new S3Error('SlowDown', 'Please reduce your request rate.');
      if (losesFirstAnswers && isToBeLost(caller, call, lost)) response.end = (): typeof response => response.destroy();
      if (guard) await carryOutIfAllowed(caller, call, uploads, guard);
      else await carryOut(call, uploads);
    } catch (error) {
      if (!(error instanceof S3Error) || response.headersSent) throw error;
      await refuse(request, response, error);
    }
  }, port);
  return {
    ...server,
    slowDown: (operation, times) => {
      toSlowDown.set(operation, times);
    },
  };
}

/** The access key id that signed. */
async function callerOf(request: IncomingMessage, credentials: Credentials): Promise<string> {
  if (request.headers.authorization === undefined) throw new S3Error('AccessDenied', 'Access Denied');
  if (header(request, 'x-amz-content-sha256') === '') {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  }
  try {
    return await verifySignature(request, 's3', credentials);
  } catch (error) {
    if (error instanceof SignatureRefused) throw new S3Error('SignatureDoesNotMatch', error.message);
    throw error;
  }
}

function understand(request: IncomingMessage, response: ServerResponse, buckets: ReadonlyMap<string, Bucket>): Call {
  const [path = '', search = ''] = (request.url ?? '').split(/\?(.*)/s);
  const [, bucketName = '', rawKey = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  const key = decodeKey(rawKey);
  const query = new URLSearchParams(search);
  const operation = operationOf(request, key, query);
  const bucket = buckets.get(bucketName);
  if (!bucket) throw new S3Error('NoSuchBucket', 'The specified bucket does not exist');
  return { operation, request, response, bucket, key, query };
}

function decodeKey(text: string): string {
  let key: string;
  try {
    key = decodeURIComponent(text);
  } catch {
    throw new S3Error('InvalidURI', 'The key is not percent-encoded UTF-8');
  }
  if (Buffer.byteLength(key) > longestKeyBytes) throw new S3Error('KeyTooLongError', 'Your key is too long');
  return key;
}

function isToSlowDown({ operation }: Call, left: Map<OperationName, number>): boolean {
  const times = left.get(operation) ?? 0;
  left.set(operation, times - 1);
  return times > 0;
}

function isToBeLost(caller: string, { operation, key, request }: Call, lost: Set<string>): boolean {
  // Runs, messages and parts have numbers in their names.
  const kind = `${caller} ${key.replace(/[^/]*\d[^/]*/g, '')}`;
  if (operation !== 'PutObject' || header(request, 'if-none-match') === '' || lost.has(kind)) return false;
  lost.add(kind);
  return true;
}

async function carryOutIfAllowed(caller: string, call: Call, uploads: Uploads, guard: S3Guard): Promise<void> {
  requireRights(caller, call, guard);
  try {
    await carryOut(call, uploads);
  } catch (error) {
    if (error instanceof S3Error && error.code === 'NoSuchKey') requireSightOfMissing(caller, call, guard);
    throw error;
  }
}

async function carryOut(call: Call, uploads: Uploads): Promise<void> {
  switch (call.operation) {
    case 'PutObject':
      return putObject(call);
    case 'GetObject':
    case 'HeadObject':
      return getObject(call);
    case 'DeleteObject':
      deleteObject(call);
      return;
    case 'ListObjectsV2':
      listObjectsV2(call);
      return;
    case 'CreateMultipartUpload':
      createMultipartUpload(call, uploads);
      return;
    case 'UploadPart':
      return uploadPart(call, uploads);
    case 'CompleteMultipartUpload':
      return completeMultipartUpload(call, uploads);
    case 'AbortMultipartUpload':
      return abortMultipartUpload(call, uploads);
  }
}

async function refuse(request: IncomingMessage, response: ServerResponse, error: S3Error): Promise<void> {
  // A client that is still sending would see its connection break instead of the reason.
  if (!request.complete) {
    request.resume();
    await finished(request);
  }
  const body = error.toXml(String(response.getHeader('x-amz-request-id')));
  response
    .writeHead(error.status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) })
    .end(request.method === 'HEAD' ? undefined : body);
}
