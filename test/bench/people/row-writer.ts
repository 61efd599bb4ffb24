import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { uuidBytes, writeUuid } from './uuid.ts';

const blockBytes = 1024 * 1024;
const mostRowBytes = 256;

export interface WrittenFile {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Writes the rows of a large file straight into bytes: sixty million people have to be there in about a minute. Without a
 * path it only hashes them.
 */
export class RowWriter {
  readonly #file: number | undefined;
  readonly #hash = createHash('sha256');
  readonly #block = Buffer.allocUnsafe(blockBytes);
  #at = 0;
  #bytes = 0;

  constructor(path?: string) {
    this.#file = path === undefined ? undefined : openSync(path, 'wx');
  }

  digits(value: number): this {
    let upper = Math.floor(value / 100_000);
    let lower = value - upper * 100_000;
    for (let place = 4; place >= 0; place -= 1) {
      this.#block[this.#at + place] = 0x30 + (upper % 10);
      this.#block[this.#at + place + 5] = 0x30 + (lower % 10);
      upper = (upper / 10) | 0;
      lower = (lower / 10) | 0;
    }
    this.#at += 10;
    return this;
  }

  text(ascii: string): this {
    for (let index = 0; index < ascii.length; index += 1) this.#block[this.#at + index] = ascii.charCodeAt(index);
    this.#at += ascii.length;
    return this;
  }

  uuid(words: readonly [number, number, number, number]): this {
    writeUuid(this.#block, this.#at, words);
    this.#at += uuidBytes;
    return this;
  }

  endRow(ending: '\n' | '\r\n'): void {
    this.text(ending);
    if (this.#at > blockBytes - mostRowBytes) this.#flush();
  }

  close(): WrittenFile {
    this.#flush();
    if (this.#file !== undefined) closeSync(this.#file);
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  #flush(): void {
    const bytes = this.#block.subarray(0, this.#at);
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    this.#at = 0;
    if (this.#file === undefined) return;
    // One call may write less than all.
    for (let from = 0; from < bytes.length;) from += writeSync(this.#file, bytes, from);
  }
}
