import { createReadStream } from 'node:fs';
import type { DataFile } from './people/data-set.ts';

/** Larger than by default: what counts is the work on the bytes, not the number of calls that fetch them. */
const pieceBytes = 262_144;

/** The bytes of a file of the data set, for the pipeline and for the floor alike. */
export function read(file: DataFile | undefined): AsyncIterable<Uint8Array> {
  return readPath(present(file).path);
}

export function readPath(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: pieceBytes });
}

/** @throws Error where a contest's `kinds` lack what a contender reads */
export function present(file: DataFile | undefined): DataFile {
  if (!file) throw new Error('The data set lacks a file that this contender reads');
  return file;
}
