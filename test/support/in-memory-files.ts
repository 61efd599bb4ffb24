import { createHash } from 'node:crypto';
import { PermanentError } from '../../shared/errors.ts';
import { collect } from '../../shared/collect.ts';
import type { Files, ListedFile } from '../../shared/files.ts';
import type { StoredFile } from '../../shared/ledger/parts.ts';

/** A bucket whose keys are written once: the same bytes again are evidence, other bytes are `FileAltered`. */
export class InMemoryFiles implements Pick<Files, keyof Files> {
  readonly contents = new Map<string, Buffer>();

  async writeOnce(key: string, body: Buffer | string): Promise<StoredFile> {
    const bytes = Buffer.from(body);
    const present = this.contents.get(key);
    if (present && !present.equals(bytes)) {
      throw new PermanentError('FileAltered', `${key} was written before with other bytes`);
    }
    this.contents.set(key, bytes);
    return Promise.resolve(storedFile(key, bytes));
  }

  async writeStreamOnce(key: string, body: AsyncIterable<Uint8Array>): Promise<StoredFile> {
    const bytes = await collect(body);
    if (!this.contents.has(key)) this.contents.set(key, bytes);
    return storedFile(key, this.contents.get(key)!);
  }

  async open(key: string): Promise<AsyncIterable<Uint8Array>> {
    return Promise.resolve(inChunks(this.#get(key)));
  }

  async openVerified({ key, sha256 }: Pick<StoredFile, 'key' | 'sha256'>): Promise<AsyncIterable<Uint8Array>> {
    const bytes = this.#get(key);
    async function* verified(): AsyncGenerator<Uint8Array> {
      yield* inChunks(bytes);
      if (storedFile(key, bytes).sha256 !== sha256) {
        throw new PermanentError('FileAltered', `${key} is not what the ledger recorded`);
      }
    }
    return Promise.resolve(verified());
  }

  async find(key: string): Promise<Buffer | undefined> {
    return Promise.resolve(this.contents.get(key));
  }

  async readVerified(file: Pick<StoredFile, 'key' | 'sha256'>): Promise<Buffer> {
    return collect(await this.openVerified(file));
  }

  async readHead(key: string, bytes: number): Promise<Buffer> {
    return Promise.resolve(this.#get(key).subarray(0, bytes));
  }

  async *list(prefix: string): AsyncGenerator<ListedFile> {
    for (const key of this.keysBelow(prefix)) yield await Promise.resolve({ key, bytes: this.#get(key).length });
  }

  /** What nobody of ours does: changes a file that is written. */
  alter(key: string, change: (bytes: Buffer) => Buffer | string): void {
    this.contents.set(key, Buffer.from(change(Buffer.from(this.#get(key)))));
  }

  text(key: string): string {
    return this.#get(key).toString('utf8');
  }

  keysBelow(prefix: string): string[] {
    return [...this.contents.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  #get(key: string): Buffer {
    const bytes = this.contents.get(key);
    if (!bytes) throw new PermanentError('FileMissing', `${key} is not in the bucket`);
    return bytes;
  }
}

export function storedFile(key: string, bytes: Buffer): StoredFile {
  return { key, sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length };
}

/** Odd lengths, so that a number may be torn between two chunks. */
async function* inChunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 997) yield await Promise.resolve(bytes.subarray(at, at + 997));
}
