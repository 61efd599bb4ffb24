/** Brings what contenders wrote into one form, so that it can be compared by its hash. */
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { RowWriter } from './people/row-writer.ts';

/** All files below a directory, by name. */
export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** SHA-256 of files as they are, one after another. */
export async function bytesOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

const lineFeed = 0x0a;
const zero = 0x30;
const digits = 10;

/**
 * SHA-256 of the ten digits that each line begins with, sorted, with LF after each.
 *
 * @param kept where to keep them in this form
 * @throws Error where a line begins with anything else, or has another length than the first
 */
export async function sortedNumbersOf(files: readonly string[], kept?: string): Promise<string> {
  const numbers = (await numbersIn(files)).sort();
  const writer = new RowWriter(kept);
  for (const number of numbers) writer.digits(number).endRow('\n');
  return writer.close().sha256;
}

async function numbersIn(files: readonly string[]): Promise<Float64Array> {
  let numbers = new Float64Array(1024);
  let count = 0;
  for (const file of files) {
    let value = 0;
    let place = 0;
    let length: number | undefined;
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
      for (const byte of chunk as Buffer) {
        if (byte !== lineFeed) {
          if (place < digits && (byte < zero || byte > zero + 9)) throw new Error(`${file}: a line is no NHS number`);
          if (place < digits) value = value * 10 + byte - zero;
          place += 1;
          continue;
        }
        length ??= place;
        if (place < digits || place !== length) throw new Error(`${file}: a line has ${place} bytes`);
        if (count === numbers.length) numbers = grown(numbers);
        numbers[count] = value;
        count += 1;
        value = 0;
        place = 0;
      }
    }
    if (place > 0) throw new Error(`${file} ends in the middle of a line`);
  }
  return numbers.subarray(0, count);
}

function grown(numbers: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
}

/** SHA-256 of what is taken of each line, with LF after each; files that end in `.gz` are unpacked. */
export async function linesOf(files: readonly string[], take: (line: string) => string): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) {
    const bytes = createReadStream(file);
    let rest = '';
    for await (const chunk of file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes) {
      const lines = (rest + (chunk as Buffer).toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      if (lines.length > 0) hash.update(`${lines.map(take).join('\n')}\n`);
    }
    if (rest !== '') throw new Error(`${file} ends in the middle of a line`);
  }
  return hash.digest('hex');
}
