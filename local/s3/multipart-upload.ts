import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Bucket, ObjectContent } from './bucket.ts';
import { compositeChecksum, type ChecksumAlgorithm } from './checksums.ts';
import type { Payload, Write } from './payload.ts';
import { S3Error } from './s3-error.ts';

/** The least size of every part but the last. Source: "Amazon S3 multipart upload limits", Amazon S3 User Guide. */
const minimumPartBytes = 5 * 1024 * 1024;

interface Part extends Payload {
  readonly path: string;
}

/** A part as CompleteMultipartUpload names it. */
export interface PartReference {
  readonly partNumber: number;
  readonly etag: string;
  readonly checksum?: string;
}

/**
 * An upload in parts, each a file of its own until they are joined. Uploads under way do not outlive the stand-in:
 * after a restart they are NoSuchUpload, as after S3's lifecycle rule has aborted them.
 */
export class MultipartUpload {
  readonly id = randomUUID();
  readonly bucket: Bucket;
  readonly key: string;
  readonly headers: Record<string, string>;
  readonly checksumAlgorithm: ChecksumAlgorithm | undefined;
  readonly #parts = new Map<number, Part>();

  constructor(bucket: Bucket, key: string, headers: Record<string, string>, checksumAlgorithm?: ChecksumAlgorithm) {
    this.bucket = bucket;
    this.key = key;
    this.headers = headers;
    this.checksumAlgorithm = checksumAlgorithm;
  }

  /** Receives a part; a second one with the same number takes the place of the first. */
  async receivePart(partNumber: number, receive: (write: Write) => Promise<Payload>): Promise<Payload> {
    const file = await this.bucket.newFile();
    try {
      const payload = await receive(file.write);
      if (this.checksumAlgorithm !== undefined && payload.checksum?.algorithm !== this.checksumAlgorithm) {
        throw new S3Error('InvalidRequest', `Every part of this upload needs its ${this.checksumAlgorithm} checksum`);
      }
      await file.close();
      const replaced = this.#parts.get(partNumber);
      this.#parts.set(partNumber, { ...payload, path: file.path });
      if (replaced) await rm(replaced.path, { force: true });
      return payload;
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  /**
   * Writes the parts in their order and says what they make together.
   *
   * @throws S3Error EntityTooSmall, InvalidPart, InvalidPartOrder
   */
  async join(references: readonly PartReference[], write: Write): Promise<ObjectContent> {
    const parts = this.#select(references);
    const md5 = createHash('md5');
    let size = 0;
    for (const part of parts) {
      md5.update(Buffer.from(part.md5, 'hex'));
      size += part.size;
      const source: AsyncIterable<Buffer> = createReadStream(part.path, { highWaterMark: 1024 * 1024 });
      for await (const chunk of source) await write(chunk);
    }
    const etag = `"${md5.digest('hex')}-${parts.length}"`;
    if (this.checksumAlgorithm === undefined) return { size, etag };
    const values = parts.map(({ checksum }) => checksum?.value ?? '');
    return { size, etag, checksum: compositeChecksum(this.checksumAlgorithm, values) };
  }

  async discard(): Promise<void> {
    for (const { path } of this.#parts.values()) await rm(path, { force: true });
  }

  #select(references: readonly PartReference[]): readonly Part[] {
    if (references.some(({ partNumber }, index) => partNumber <= (references[index - 1]?.partNumber ?? 0))) {
      throw new S3Error('InvalidPartOrder', 'The list of parts was not in ascending order');
    }
    return references.map(({ partNumber, etag, checksum }, index) => {
      const part = this.#parts.get(partNumber);
      const isSame = part?.md5 === etag && (checksum === undefined || checksum === part.checksum?.value);
      if (!part || !isSame) throw new S3Error('InvalidPart', `Part ${partNumber} was not uploaded, or not like this`);
      if (index < references.length - 1 && part.size < minimumPartBytes) {
        throw new S3Error('EntityTooSmall', `Part ${partNumber} is smaller than the minimum allowed size`);
      }
      return part;
    });
  }
}
