import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { decodeAwsChunked } from './aws-chunked.ts';
import { checksumAlgorithms, startChecksum, type Checksum, type ChecksumAlgorithm } from './checksums.ts';
import { S3Error } from './s3-error.ts';

/** What a request body turned out to be once all of it had passed by. */
export interface Payload {
  readonly size: number;
  /** Hexadecimal. */
  readonly md5: string;
  readonly checksum?: Checksum;
}

export type Write = (chunk: Uint8Array) => Promise<void>;

const unsignedTrailer = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
const knownFraming = /^([0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-UNSIGNED-PAYLOAD-TRAILER)$/;

/**
 * Passes a request body on piece by piece, without its aws-chunked framing, and verifies everything that the request
 * states about it: length, SHA-256, MD5, and an `x-amz-checksum-*` given as a header or as a trailer.
 *
 * @throws S3Error BadDigest, IncompleteBody, InvalidRequest, MalformedTrailerError, MissingContentLength,
 *   NotImplemented, XAmzContentSHA256Mismatch; what was written by then is not to be kept
 */
export async function receivePayload(request: IncomingMessage, write: Write): Promise<Payload> {
  const framing = header(request, 'x-amz-content-sha256');
  if (!knownFraming.test(framing)) throw new S3Error('NotImplemented', `A ${framing} body is not supported`);
  const trailers = new Map<string, string>();
  const body = bodyOf(request);
  const data = framing === unsignedTrailer ? decodeAwsChunked(body, trailers) : body;
  const statedSize = sizeOf(request, framing);
  const expected = statedChecksum(request);

  const md5 = createHash('md5');
  const sha256 = /^[0-9a-f]{64}$/.test(framing) ? createHash('sha256') : undefined;
  const running = expected && startChecksum(expected.algorithm);
  let size = 0;
  for await (const chunk of data) {
    size += chunk.length;
    md5.update(chunk);
    sha256?.update(chunk);
    running?.update(chunk);
    await write(chunk);
  }

  if (size !== statedSize) throw new S3Error('IncompleteBody', `The body has ${size} bytes, not ${statedSize}`);
  if (sha256 && sha256.digest('hex') !== framing) {
    throw new S3Error('XAmzContentSHA256Mismatch', 'The x-amz-content-sha256 header does not match the body');
  }
  const digest = md5.digest();
  const statedMd5 = request.headers['content-md5'];
  if (statedMd5 !== undefined && statedMd5 !== digest.toString('base64')) {
    throw new S3Error('BadDigest', 'The Content-MD5 header does not match the body');
  }
  for (const name of trailers.keys()) {
    if (name !== expected?.trailer) throw new S3Error('MalformedTrailerError', 'A trailer came that was not announced');
  }
  if (!expected || !running) return { size, md5: digest.toString('hex') };

  const value = running.value();
  const stated = expected.trailer === undefined ? expected.value : trailers.get(expected.trailer);
  if (stated === undefined) throw new S3Error('MalformedTrailerError', 'The announced trailer did not come');
  if (stated !== value) throw new S3Error('BadDigest', `The ${expected.algorithm} checksum does not match the body`);
  return { size, md5: digest.toString('hex'), checksum: { algorithm: expected.algorithm, value, type: 'FULL_OBJECT' } };
}

interface StatedChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** The name of the trailer that will bring the value; undefined where a header brought it. */
  readonly trailer?: string;
  readonly value?: string;
}

function statedChecksum(request: IncomingMessage): StatedChecksum | undefined {
  const stated: StatedChecksum[] = [];
  for (const algorithm of checksumAlgorithms) {
    const value = header(request, `x-amz-checksum-${algorithm}`);
    if (value !== '') stated.push({ algorithm, value });
  }
  const trailer = header(request, 'x-amz-trailer').toLowerCase();
  if (trailer !== '') {
    const algorithm = checksumAlgorithms.find((name) => trailer === `x-amz-checksum-${name}`);
    if (algorithm === undefined) throw new S3Error('NotImplemented', `The trailer ${trailer} is not supported`);
    stated.push({ algorithm, trailer });
  }
  if (stated.length > 1) throw new S3Error('InvalidRequest', 'Expecting a single x-amz-checksum- header');
  return stated[0];
}

function sizeOf(request: IncomingMessage, framing: string): number {
  const name = framing === unsignedTrailer ? 'x-amz-decoded-content-length' : 'content-length';
  const text = header(request, name);
  // S3 takes no body of unknown length; a client that does not know it uploads in parts.
  if (!/^\d+$/.test(text)) throw new S3Error('MissingContentLength', `You must provide the ${name} HTTP header`);
  return Number(text);
}

/** The body, left open behind whoever stops reading it early, so that the refusal can still be sent. */
async function* bodyOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('The body is not made of bytes');
    yield chunk;
  }
}

/** A header's value, empty where it is missing. */
export function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}
