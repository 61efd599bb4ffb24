import type { Files } from '../../shared/files.ts';
import { PermanentError } from '../../shared/errors.ts';
import type { StoredFile } from '../../shared/ledger/parts.ts';
import { type Digest, digestOf } from './digest.ts';

/** What the pipeline reads of a message to tell what it is. */
const headBytes = 64 << 10;

interface Received extends Digest {
  readonly head: Buffer;
}

/** A bucket that keeps of each file what it hashes to and how it begins, so that a large one takes no memory. */
export class ReceivedFiles implements Pick<Files, 'writeStreamOnce' | 'readHead'> {
  readonly #files = new Map<string, Received>();

  async writeStreamOnce(key: string, body: AsyncIterable<Uint8Array>): Promise<StoredFile> {
    const pieces: Uint8Array[] = [];
    let kept = 0;
    async function* passing(): AsyncGenerator<Uint8Array> {
      for await (const piece of body) {
        if (kept < headBytes) {
          pieces.push(Buffer.from(piece.subarray(0, headBytes - kept)));
          kept += piece.length;
        }
        yield piece;
      }
    }
    const digest = await digestOf(passing());
    const first = this.#files.get(key);
    if (!first) this.#files.set(key, { ...digest, head: Buffer.concat(pieces) });
    const { sha256, bytes } = first ?? digest;
    return { key, sha256, bytes };
  }

  async readHead(key: string, bytes: number): Promise<Buffer> {
    return Promise.resolve(this.#get(key).head.subarray(0, bytes));
  }

  digest(key: string): Digest {
    const { bytes, sha256, md5 } = this.#get(key);
    return { bytes, sha256, md5 };
  }

  #get(key: string): Received {
    const file = this.#files.get(key);
    if (!file) throw new PermanentError('FileMissing', `${key} was never received`);
    return file;
  }
}
