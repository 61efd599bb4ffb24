import { randomUUID } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { checksumAlgorithms } from './checksums.ts';

const objectMetadata = z.strictObject({
  key: z.string(),
  size: z.int().nonnegative(),
  /** With its quotation marks. */
  etag: z.string(),
  /** ISO 8601, whole seconds as in S3. */
  lastModified: z.iso.datetime(),
  /** What GetObject gives back as it was stored: Content-Type and the like, and `x-amz-meta-*`, in lower case. */
  headers: z.record(z.string(), z.string()),
  checksum: z
    .strictObject({
      algorithm: z.enum(checksumAlgorithms),
      value: z.string(),
      type: z.enum(['FULL_OBJECT', 'COMPOSITE']),
    })
    .optional(),
});
export type ObjectMetadata = Readonly<z.infer<typeof objectMetadata>>;

/** A file that takes bytes until it is sealed; nobody sees it before it is renamed into its place. */
export class IncomingFile {
  readonly path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  static async create(directory: string): Promise<IncomingFile> {
    const path = join(directory, randomUUID());
    return new IncomingFile(path, await open(path, 'wx'));
  }

  readonly write = (chunk: Uint8Array): Promise<void> => this.#handle.writeFile(chunk);

  /**
   * Puts the metadata behind the body, then four bytes that say how long it is. One file holds both, so one rename
   * replaces both, and body and metadata cannot disagree whenever the process or the machine stops.
   */
  async seal(metadata: ObjectMetadata): Promise<void> {
    const json = Buffer.from(JSON.stringify(metadata));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(json.length);
    await this.#handle.writeFile(Buffer.concat([json, length]));
    await this.#handle.sync();
    await this.#handle.close();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.path, { force: true });
  }
}

/** Reads what `seal` put behind the body. A file without it throws: somebody else wrote or cut it. */
export async function readMetadata(handle: FileHandle): Promise<ObjectMetadata> {
  const { size } = await handle.stat();
  const length = (await readAt(handle, size - 4, 4)).readUInt32BE();
  const json = await readAt(handle, size - 4 - length, length);
  const metadata = objectMetadata.parse(JSON.parse(json.toString()));
  if (metadata.size !== size - 4 - length) throw new Error('The body and its metadata disagree');
  return metadata;
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, Math.max(position, 0));
  if (bytesRead < length) throw new Error('The file ends before its metadata');
  return buffer;
}
