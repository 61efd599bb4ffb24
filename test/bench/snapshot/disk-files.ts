import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Files } from '../../../shared/files.ts';
import type { StoredFile } from '../../../shared/ledger/parts.ts';
import { readPath } from '../read.ts';

/** The files of a run on the local disk: what S3 keeps, hashed and proven as from there, without the way to it. */
export class DiskFiles implements Pick<Files, 'openVerified' | 'writeOnce'> {
  readonly #directory: string;

  /** @param directory where new files go; keys of files that are there already are their paths */
  constructor(directory: string) {
    this.#directory = directory;
  }

  writeOnce(key: string, body: Buffer | string): Promise<StoredFile> {
    const bytes = Buffer.from(body);
    const path = join(this.#directory, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    return Promise.resolve({ key, sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length });
  }

  openVerified({ key, sha256 }: Pick<StoredFile, 'key' | 'sha256'>): Promise<AsyncIterable<Uint8Array>> {
    return Promise.resolve(verified(key, sha256));
  }
}

async function* verified(path: string, sha256: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of readPath(path)) {
    hash.update(chunk);
    // S3 gives a buffer of its own for each chunk, and the step may keep it.
    yield Buffer.from(chunk);
  }
  if (hash.digest('hex') !== sha256) throw new Error(`${path} has changed`);
}
