import { open } from 'node:fs/promises';
import type { DataFile } from './people/data-set.ts';

const pieceBytes = 262_144;

/** The bytes of a file of the data set, for the pipeline and for the floor alike. */
export function read(file: DataFile | undefined): AsyncIterable<Uint8Array> {
  return readPath(present(file).path);
}

/** Gives the same buffer again and again: a reader takes what it needs before it asks for more. */
export async function* readPath(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  try {
    const buffer = Buffer.allocUnsafe(pieceBytes);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, pieceBytes);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** @throws Error where a contest's `kinds` lack what a contender reads */
export function present(file: DataFile | undefined): DataFile {
  if (!file) throw new Error('The data set lacks a file that this contender reads');
  return file;
}
