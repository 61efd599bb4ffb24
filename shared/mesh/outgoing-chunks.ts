import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { PermanentError } from '../errors.ts';
import type { OutgoingBody } from './message.ts';

/**
 * How much of a body goes into one chunk before it is compressed. A request body has room for about 20 MB over the
 * internet and 100 MB over HSCN. Source: NHS England, MESH client user guide and terraform-aws-mesh-client.
 */
export const chunkBytes = { internet: 10 << 20, hscn: 50 << 20 } as const;

/** What is given to the compressor at once, where the content comes in shorter pieces than the second. */
const blockBytes = 64 << 10;
const shortPieceBytes = 16 << 10;

/** On rows of NHS numbers a quarter longer than zlib's default, and seven times as fast. */
const level = constants.Z_BEST_SPEED;

/**
 * A body cut into chunks, each compressed by itself so that each can be read by itself. One chunk is held at a time: it
 * may have to be sent again.
 */
export class OutgoingChunks {
  readonly total: number;
  readonly #bytes: number;
  readonly #chunkBytes: number;
  readonly #isCompressed: boolean;
  readonly #content: AsyncIterator<Uint8Array>;
  /** Where the chunk lies; the next one takes its place. */
  #space: Buffer;
  #piece: Uint8Array = new Uint8Array();
  #read = 0;

  constructor({ bytes, content }: OutgoingBody, options: { readonly chunkBytes: number; readonly compress: boolean }) {
    this.#bytes = bytes;
    this.#chunkBytes = options.chunkBytes;
    this.#isCompressed = options.compress;
    this.#content = content[Symbol.asyncIterator]();
    this.#space = Buffer.allocUnsafe(this.#isCompressed ? 0 : Math.min(bytes, options.chunkBytes));
    this.total = Math.ceil(bytes / options.chunkBytes);
  }

  /**
   * The next chunk as it travels, good until the one after is asked for. The last one is given only once the content has
   * ended as it should.
   *
   * @throws PermanentError FileAltered where the content is not as long as was said, and what the content throws
   */
  async next(): Promise<Uint8Array> {
    const wanted = Math.min(this.#chunkBytes, this.#bytes - this.#read);
    const chunk = this.#isCompressed ? await this.#compress(wanted) : await this.#fill(this.#space.subarray(0, wanted));
    if (this.#read === this.#bytes) await this.#expectEnd();
    return chunk;
  }

  /** Lets go of the content, wherever it stands. */
  async close(): Promise<void> {
    await this.#content.return?.();
  }

  async #compress(wanted: number): Promise<Uint8Array> {
    let length = 0;
    await pipeline(this.#blocks(wanted), createGzip({ level }), async (pieces: AsyncIterable<Buffer>) => {
      for await (const piece of pieces) {
        this.#makeRoom(length, piece.length);
        length += piece.copy(this.#space, length);
      }
    });
    return this.#space.subarray(0, length);
  }

  #makeRoom(taken: number, more: number): void {
    if (taken + more <= this.#space.length) return;
    const larger = Buffer.allocUnsafe(Math.max(taken + more, 2 * this.#space.length));
    this.#space.copy(larger, 0, 0, taken);
    this.#space = larger;
  }

  /** Long pieces of the content as they are, short ones gathered: each call of the compressor costs as much as a block. */
  async *#blocks(wanted: number): AsyncGenerator<Uint8Array> {
    for (let left = wanted; left > 0;) {
      if (this.#piece.length === 0) await this.#readPiece();
      const isLong = this.#piece.length >= Math.min(left, shortPieceBytes);
      const block = isLong ? this.#takePart(left) : await this.#fill(Buffer.allocUnsafe(Math.min(left, blockBytes)));
      left -= block.length;
      yield block;
    }
  }

  async #fill(space: Buffer): Promise<Uint8Array> {
    let filled = 0;
    while (filled < space.length) {
      if (this.#piece.length === 0) await this.#readPiece();
      const part = this.#takePart(space.length - filled);
      space.set(part, filled);
      filled += part.length;
    }
    return space;
  }

  #takePart(mostBytes: number): Uint8Array {
    const part = this.#piece.subarray(0, mostBytes);
    this.#piece = this.#piece.subarray(part.length);
    this.#read += part.length;
    return part;
  }

  async #readPiece(): Promise<void> {
    const next = await this.#content.next();
    if (next.done === true) throw otherLength();
    this.#piece = next.value;
  }

  async #expectEnd(): Promise<void> {
    for (;;) {
      if (this.#piece.length > 0) throw otherLength();
      const next = await this.#content.next();
      if (next.done === true) return;
      this.#piece = next.value;
    }
  }
}

function otherLength(): PermanentError {
  return new PermanentError(
    'FileAltered',
    'Send: the body is not as long as was said: nothing of it will be delivered',
  );
}
