import { closeSync, openSync, readSync } from 'node:fs';
import type { DataFile } from './people/data-set.ts';

const pieceBytes = 65_536;

/** The bytes of a file of the data set, for the pipeline and for the floor alike. */
export function read(file: DataFile | undefined): AsyncIterable<Uint8Array> {
  return readPath(present(file).path);
}

/**
 * Gives the same buffer again and again: a reader takes what it needs before it asks for more. Files in the page cache are
 * read quickest without going through other threads, and what is to be measured is the work on their bytes.
 */
export async function* readPath(path: string): AsyncGenerator<Uint8Array> {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(pieceBytes);
    for (;;) {
      const length = readSync(file, buffer);
      if (length === 0) return;
      yield await Promise.resolve(buffer.subarray(0, length));
    }
  } finally {
    closeSync(file);
  }
}

/** @throws Error where a contest's `kinds` lack what a contender reads */
export function present(file: DataFile | undefined): DataFile {
  if (!file) throw new Error('The data set lacks a file that this contender reads');
  return file;
}
