import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import {
  GetObjectCommand,
  NoSuchKey,
  paginateListObjectsV2,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { collect } from './collect.ts';
import { PermanentError, RetryableError } from './errors.ts';
import type { StoredFile } from './ledger/parts.ts';

/** A file as a listing shows it. */
export interface ListedFile {
  readonly key: string;
  readonly bytes: number;
}

/**
 * The files of every run in one bucket, each written once. A key that is taken already is the trace of an earlier try of
 * the same step: the same bytes are its evidence, other bytes are an error.
 */
export class Files {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  /** @throws PermanentError FileAltered where the key holds other bytes */
  async writeOnce(key: string, body: Buffer | string): Promise<StoredFile> {
    const bytes = Buffer.from(body);
    const file = { key, sha256: sha256(bytes), bytes: bytes.length };
    try {
      await this.#client.send(
        new PutObjectCommand({
          Bucket: this.#bucket,
          Key: key,
          Body: bytes,
          IfNoneMatch: '*',
          ChecksumAlgorithm: 'SHA256',
        }),
      );
      return file;
    } catch (error) {
      if (isBeingTaken(error)) throw new RetryableError('AwsUnavailable', `${key} is being written by another try`);
      if (!isTaken(error)) throw error;
    }
    const present = await this.#measure(key);
    if (present.sha256 !== file.sha256)
      throw new PermanentError('FileAltered', `${key} was written before with other bytes`);
    return file;
  }

  /** Writes a body of any length as it arrives. A key that is taken already keeps what it has. */
  async writeStreamOnce(key: string, body: AsyncIterable<Uint8Array>): Promise<StoredFile> {
    const measure = new Measure();
    const source = Readable.from(body, { objectMode: false });
    source.on('error', (error) => measure.destroy(error));
    const upload = new Upload({
      client: this.#client,
      params: { Bucket: this.#bucket, Key: key, Body: source.pipe(measure), IfNoneMatch: '*' },
    });
    try {
      await upload.done();
      return { key, ...measure.result() };
    } catch (error) {
      if (isBeingTaken(error)) throw new RetryableError('AwsUnavailable', `${key} is being written by another try`);
      if (!isTaken(error)) throw error;
      return this.#measure(key);
    }
  }

  /** @throws PermanentError FileMissing */
  async open(key: string): Promise<AsyncIterable<Uint8Array>> {
    return this.#get(key);
  }

  /**
   * A file that the ledger vouches for: read to its end, its bytes are proven to be those that were written.
   *
   * @throws PermanentError FileMissing; FileAltered from the iteration, at the end of the file
   */
  async openVerified({
    key,
    sha256: expected,
  }: Pick<StoredFile, 'key' | 'sha256'>): Promise<AsyncIterable<Uint8Array>> {
    const body = await this.#get(key);
    async function* verified(): AsyncGenerator<Uint8Array> {
      const hash = createHash('sha256');
      for await (const chunk of body) {
        hash.update(chunk);
        yield chunk;
      }
      if (hash.digest('hex') !== expected) {
        throw new PermanentError('FileAltered', `${key} is not what the ledger recorded: its bytes have changed`);
      }
    }
    return verified();
  }

  /** A whole file of bounded size, or undefined where there is none. */
  async find(key: string): Promise<Buffer | undefined> {
    try {
      return await collect(await this.#get(key));
    } catch (error) {
      if (error instanceof PermanentError && error.name === 'FileMissing') return undefined;
      throw error;
    }
  }

  /** A whole file of bounded size, proven like `openVerified`. */
  async readVerified(file: Pick<StoredFile, 'key' | 'sha256'>): Promise<Buffer> {
    return collect(await this.openVerified(file));
  }

  /** The first bytes of a file, or all where it is shorter. */
  async readHead(key: string, bytes: number): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of await this.#get(key)) {
      pieces.push(chunk);
      length += chunk.length;
      if (length >= bytes) break;
    }
    return Buffer.concat(pieces).subarray(0, bytes);
  }

  /** Every file whose key begins so, in the order of their keys. */
  async *list(prefix: string): AsyncGenerator<ListedFile> {
    for await (const { Contents } of paginateListObjectsV2(
      { client: this.#client },
      { Bucket: this.#bucket, Prefix: prefix },
    )) {
      for (const { Key, Size } of Contents ?? []) yield { key: Key ?? '', bytes: Size ?? 0 };
    }
  }

  async #get(key: string): Promise<AsyncIterable<Uint8Array>> {
    try {
      const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
      if (Body instanceof Readable) return Body;
    } catch (error) {
      if (!(error instanceof NoSuchKey)) throw error;
    }
    throw new PermanentError('FileMissing', `${key} is not in the bucket`);
  }

  async #measure(key: string): Promise<StoredFile> {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of await this.#get(key)) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    return { key, sha256: hash.digest('hex'), bytes };
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** 412: the key holds an object already. */
function isTaken(error: unknown): boolean {
  return nameOf(error) === 'PreconditionFailed';
}

/** Another write of the same key is under way: once it has ended, a repeat sees which. */
function isBeingTaken(error: unknown): boolean {
  return nameOf(error) === 'ConditionalRequestConflict';
}

function nameOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'name' in error ? String(error.name) : '';
}

/** Hashes and counts what passes. */
class Measure extends Transform {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  override _transform(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error: Error | null, data: Buffer) => void,
  ): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    done(null, chunk);
  }

  result(): { sha256: string; bytes: number } {
    return { sha256: this.#hash.digest('hex'), bytes: this.#bytes };
  }
}
