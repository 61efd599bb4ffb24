import { createHash } from 'node:crypto';
import { renameSync, rmSync } from 'node:fs';
import { mkdir, open, readdir, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { IncomingFile, readMetadata, type ObjectMetadata } from './object-file.ts';
import type { Write } from './payload.ts';
import { S3Error } from './s3-error.ts';

/** What is known about an object only once all of its bytes have passed by. */
export type ObjectContent = Pick<ObjectMetadata, 'size' | 'etag' | 'checksum'>;

export interface ListedObject {
  readonly keyBytes: Buffer;
  readonly metadata: ObjectMetadata;
}

/**
 * The objects of one bucket, a file each. A file is named by the SHA-256 of its key: any key makes a short name that
 * stays in the directory, and `a` does not clash with `a/b`.
 */
export class Bucket {
  readonly name: string;
  readonly #directory: string;
  readonly #incoming: string;
  readonly #objects = new Map<string, ObjectMetadata>();
  #sorted: readonly ListedObject[] | undefined;

  private constructor(name: string, directory: string, incoming: string) {
    this.name = name;
    this.#directory = directory;
    this.#incoming = incoming;
  }

  /** @param incoming a directory on the same file system, for files that are not objects yet */
  static async open(name: string, directory: string, incoming: string): Promise<Bucket> {
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)) throw new Error(`${name} is not a bucket name`);
    const bucket = new Bucket(name, join(directory, name), incoming);
    await mkdir(bucket.#directory, { recursive: true });
    for (const file of await readdir(bucket.#directory)) {
      const metadata = await readMetadataOf(join(bucket.#directory, file));
      bucket.#objects.set(metadata.key, metadata);
    }
    return bucket;
  }

  /**
   * Stores an object; readers see the old one or the new one, never a mixture.
   *
   * @param fill writes the body and says what it was; when it throws, nothing is stored
   * @throws S3Error PreconditionFailed when `onlyIfAbsent` and there is such an object
   */
  async store(
    object: Pick<ObjectMetadata, 'key' | 'headers'> & { readonly onlyIfAbsent: boolean },
    fill: (write: Write) => Promise<ObjectContent>,
  ): Promise<ObjectMetadata> {
    const { key, headers, onlyIfAbsent } = object;
    const file = await this.newFile();
    try {
      const content = await fill(file.write);
      const metadata = { key, headers, lastModified: new Date().toISOString().replace(/\.\d+/, ''), ...content };
      await file.seal(metadata);
      // Nothing is awaited from here on: of two racing writers one passes the check, and the index follows the disk.
      if (onlyIfAbsent && this.#objects.has(key)) {
        throw new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
      }
      renameSync(file.path, this.#pathOf(key));
      this.#objects.set(key, metadata);
      this.#sorted = undefined;
      return metadata;
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  /** A file for bytes that belong to this bucket but are not an object yet. */
  newFile(): Promise<IncomingFile> {
    return IncomingFile.create(this.#incoming);
  }

  /**
   * Opens an object; the handle keeps serving it even when it is replaced or deleted meanwhile.
   *
   * @throws S3Error NoSuchKey
   */
  async read(key: string): Promise<{ readonly metadata: ObjectMetadata; readonly body: FileHandle }> {
    let body: FileHandle;
    try {
      body = await open(this.#pathOf(key));
    } catch (error) {
      if (typeof error === 'object' && error && 'code' in error && error.code === 'ENOENT') {
        throw new S3Error('NoSuchKey', 'The specified key does not exist.');
      }
      throw error;
    }
    try {
      return { metadata: await readMetadata(body), body };
    } catch (error) {
      await body.close();
      throw error;
    }
  }

  /** Deletes an object, or does nothing where there is none, as S3 does. */
  remove(key: string): void {
    rmSync(this.#pathOf(key), { force: true });
    this.#objects.delete(key);
    this.#sorted = undefined;
  }

  /** All objects in the order of their keys' UTF-8 bytes, which is not the order of JavaScript strings. */
  list(): readonly ListedObject[] {
    this.#sorted ??= [...this.#objects.values()]
      .map((metadata) => ({ keyBytes: Buffer.from(metadata.key), metadata }))
      .sort((a, b) => Buffer.compare(a.keyBytes, b.keyBytes));
    return this.#sorted;
  }

  #pathOf(key: string): string {
    return join(this.#directory, createHash('sha256').update(key).digest('hex'));
  }
}

async function readMetadataOf(path: string): Promise<ObjectMetadata> {
  const handle = await open(path);
  try {
    return await readMetadata(handle);
  } catch (error) {
    throw new Error(`${path} is not an object of the S3 stand-in`, { cause: error });
  } finally {
    await handle.close();
  }
}
