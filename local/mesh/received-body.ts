import { once } from 'node:events';
import { open, rename, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import type { Chunk } from './message.ts';
import { refusal } from './refusal.ts';

/** The body of one request on its way in. It is always read to its end, so that the sender gets an answer, no reset. */
export class ReceivedBody {
  readonly #request: IncomingMessage;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(request: IncomingMessage, maxBytes: number) {
    this.#request = request;
    this.#maxBytes = maxBytes;
  }

  /** Bytes read so far, as they travelled. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Reads what nobody has read, and drops it. */
  async drain(): Promise<void> {
    const pieces = this.#pieces();
    while ((await pieces.next()).done !== true);
  }

  /** The whole as text; only for small bodies. @throws MeshRefusal 413 */
  async text(): Promise<string> {
    const kept: Buffer[] = [];
    for await (const piece of this.#pieces()) if (this.#bytes <= this.#maxBytes) kept.push(piece);
    if (this.#bytes > this.#maxBytes) throw refusal('tooLarge');
    return Buffer.concat(kept).toString();
  }

  /**
   * Writes the body to a file, which is there complete or not at all. A gzip body must be a gzip stream by itself: one
   * stream cut into chunks cannot be served to every client.
   *
   * @throws MeshRefusal 413 where it is too large, 417 where it is empty, 400 where it says gzip and is not
   */
  async saveTo(file: string, contentEncoding: 'gzip' | undefined): Promise<Chunk> {
    const part = `${file}.part`;
    const check = contentEncoding === 'gzip' ? new GzipCheck() : undefined;
    const out = await open(part, 'w');
    try {
      for await (const piece of this.#pieces()) {
        if (this.#bytes > this.#maxBytes) continue;
        await Promise.all([out.appendFile(piece), check?.write(piece)]);
      }
      if (this.#bytes > this.#maxBytes) throw refusal('tooLarge');
      if (this.#bytes === 0) throw refusal('emptyBody');
      const decodedBytes = check ? await check.end() : this.#bytes;
      if (decodedBytes === undefined) throw refusal('invalidFile');
      await rename(part, file);
      return { bytes: this.#bytes, decodedBytes };
    } finally {
      await out.close();
      check?.close();
      await rm(part, { force: true });
    }
  }

  async *#pieces(): AsyncGenerator<Buffer> {
    if (this.#request.readableEnded) return;
    const pieces: AsyncIterable<Buffer> = this.#request.iterator({ destroyOnReturn: false });
    for await (const piece of pieces) {
      this.#bytes += piece.length;
      yield piece;
    }
  }
}

/** Decompresses on the side, holding nothing, to tell whether it can be done. */
class GzipCheck {
  readonly #gunzip = createGunzip();
  readonly #over: Promise<unknown>;
  #decodedBytes = 0;
  #state: 'going on' | 'whole' | 'damaged' = 'going on';

  constructor() {
    this.#over = new Promise<void>((resolve) => {
      this.#gunzip
        .on('data', (piece: Buffer) => (this.#decodedBytes += piece.length))
        .once('end', () => {
          this.#state = 'whole';
          resolve();
        })
        .once('error', () => {
          this.#state = 'damaged';
          resolve();
        });
    });
  }

  async write(piece: Buffer): Promise<void> {
    // What comes behind a whole stream is no business of gzip, and zlib would never ask for it.
    if (this.#state !== 'going on' || this.#gunzip.write(piece)) return;
    await Promise.race([once(this.#gunzip, 'drain'), this.#over]);
  }

  /** The size decompressed; undefined where the stream is damaged or ends early. */
  async end(): Promise<number | undefined> {
    if (this.#state === 'going on') {
      this.#gunzip.end();
      await this.#over;
    }
    return this.#state === 'whole' ? this.#decodedBytes : undefined;
  }

  close(): void {
    this.#gunzip.destroy();
  }
}
