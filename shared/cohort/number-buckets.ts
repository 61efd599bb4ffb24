import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PermanentError } from '../errors.ts';

/** Numbers that share their first three digits stand in one bucket, which holds at most 909,091 valid ones. */
const bucketSpan = 10_000_000;
const bucketCount = 1000;

/** Three bytes of number, one of length and mark, and the patient id. */
const headBytes = 4;
const longestRecordBytes = headBytes + 64;
const replacedMark = 0x80;

/** Records of a bucket that are sorted at a time; more than every bucket of distinct numbers and UUIDs comes to. */
const roundBytes = 67_108_864;
/** A sort key is the rest of a number, then the place of its record, which 28 bits hold. */
const placeSpan = 2 ** 28;
const hashSpan = 2 ** 22;

interface Bucket {
  block: Buffer | undefined;
  used: number;
  /** Offset and length in the spill file of each block that was full. */
  readonly spilled: number[];
}

export interface NumberBucketsOptions {
  readonly blockBytes?: number;
  readonly roundBytes?: number;
  readonly write?: typeof writeSync;
}

/** A set of texts, or a map by them. */
type Ids = Pick<ReadonlySet<string>, 'size' | 'has' | 'keys'>;

/** One patient of a bucket, in bytes that the next one overwrites. */
export interface BucketRecord {
  readonly nhsNumber: number;
  readonly isReplaced: boolean;
  readonly bytes: Buffer;
  readonly idStart: number;
  readonly idEnd: number;
}

/**
 * Patients by NHS number, in any number: 32 KiB in memory for each thousandth of the number line, and beyond that one
 * file in the directory for temporary files, whose name is gone as soon as it is open. Read bucket by bucket, they come
 * sorted and each number once.
 */
export class NumberBuckets {
  readonly #blockBytes: number;
  readonly #roundBytes: number;
  readonly #write: typeof writeSync;
  readonly #buckets: Bucket[] = Array.from({ length: bucketCount }, () => ({ block: undefined, used: 0, spilled: [] }));
  #file: number | undefined;
  #fileBytes = 0;
  #records: Buffer = Buffer.alloc(0);
  #distinct: Buffer = Buffer.alloc(0);
  #keys = new Float64Array(0);

  constructor({ blockBytes = 32_768, roundBytes: round = roundBytes, write = writeSync }: NumberBucketsOptions = {}) {
    this.#blockBytes = blockBytes;
    this.#write = write;
    this.#roundBytes = round;
  }

  /** How many bytes went to the file. */
  get spilledBytes(): number {
    return this.#fileBytes;
  }

  /**
   * @param isReplaced whether the patient's record was replaced by another's, so that others come first for the number
   * @throws PermanentError TemporaryStorageFull
   */
  add(nhsNumber: number, bytes: Uint8Array, idStart: number, idEnd: number, isReplaced = false): void {
    const number = Math.floor(nhsNumber / bucketSpan);
    const bucket = this.#buckets[number];
    if (!bucket) throw new RangeError('An NHS number has ten digits');
    const length = idEnd - idStart;
    if (bucket.used + headBytes + length > this.#blockBytes) this.#spill(bucket);
    bucket.block ??= Buffer.allocUnsafeSlow(this.#blockBytes);
    const { block } = bucket;
    let at = bucket.used;
    const rest = nhsNumber - number * bucketSpan;
    block[at] = rest & 0xff;
    block[at + 1] = (rest >>> 8) & 0xff;
    block[at + 2] = rest >>> 16;
    block[at + 3] = isReplaced ? length | replacedMark : length;
    at += headBytes;
    for (let from = idStart; from < idEnd; from += 1, at += 1) block[at] = bytes[from] ?? 0;
    bucket.used = at;
  }

  /** Every number of the patients with these ids; one that stands in several rows comes as often. */
  *numbersOf(patientIds: Ids): Generator<{ readonly patientId: string; readonly nhsNumber: number }> {
    if (patientIds.size === 0) return;
    // Sixty million ids pass here: a text is made only of those that look like one of the few.
    const marks = new Uint8Array(hashSpan);
    for (const patientId of patientIds.keys()) {
      const bytes = Buffer.from(patientId, 'latin1');
      marks[hashOf(bytes, 0, bytes.length)] = 1;
    }
    const block = Buffer.allocUnsafe(this.#blockBytes);
    for (const [number, bucket] of this.#buckets.entries()) {
      for (let place = 0; place <= bucket.spilled.length / 2; place += 1) {
        const end = this.#readBlock(bucket, place, block, 0);
        for (const at of markedRecords(block, end, marks)) {
          const { nhsNumber, idStart, idEnd } = recordAt(block, at, number);
          const patientId = block.toString('latin1', idStart, idEnd);
          if (patientIds.has(patientId)) yield { patientId, nhsNumber };
        }
      }
    }
  }

  /**
   * Everybody once, by rising number. Of several patients with one number that one comes whose record is not replaced,
   * then one with an id, then the one with the lowest id: so the choice is the same in every run.
   */
  *sorted(): Generator<BucketRecord> {
    for (const [number, bucket] of this.#buckets.entries()) {
      if (bucket.used === 0 && bucket.spilled.length === 0) continue;
      const count = this.#sortBucket(bucket);
      for (let index = 0; index < count; index += 1) {
        yield recordAt(this.#records, placeOf(this.#keys[index] ?? 0), number);
      }
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #spill(bucket: Bucket): void {
    if (!bucket.block) return;
    try {
      this.#file ??= openUnnamed();
      for (let written = 0; written < bucket.used;) {
        written += this.#write(this.#file, bucket.block, written, bucket.used - written, this.#fileBytes + written);
      }
    } catch (error) {
      if (!isOutOfSpace(error)) throw error;
      throw new PermanentError(
        'TemporaryStorageFull',
        `The directory for temporary files was full after ${this.#fileBytes} bytes of the cohort. Give the function that builds the cohort more ephemeral storage, and resume`,
        { cause: error },
      );
    }
    bucket.spilled.push(this.#fileBytes, bucket.used);
    this.#fileBytes += bucket.used;
    bucket.used = 0;
  }

  /** @returns where the block ends: that of this place, the one in memory being the last */
  #readBlock({ block, used, spilled }: Bucket, place: number, into: Buffer, at: number): number {
    const offset = spilled[place * 2];
    const length = spilled[place * 2 + 1] ?? 0;
    if (offset === undefined) {
      block?.copy(into, at, 0, used);
      return at + used;
    }
    for (let read = 0; read < length;) {
      const bytes = this.#file === undefined ? 0 : readSync(this.#file, into, at + read, length - read, offset + read);
      if (bytes === 0) throw new Error('The file of the cohort is shorter than what was written to it');
      read += bytes;
    }
    return at + length;
  }

  /**
   * Leaves the bucket's distinct records, and their keys in order. A bucket that repeats swell is read in rounds, each of
   * which begins with what was distinct before.
   *
   * @returns how many there are
   */
  #sortBucket(bucket: Bucket): number {
    const blocks = bucket.spilled.length / 2 + 1;
    let filled = 0;
    let count = 0;
    for (let place = 0; place < blocks;) {
      const roundEnd = filled + this.#roundBytes;
      const waiting = (blocks - place) * this.#blockBytes;
      this.#records = withRoom(this.#records, Math.min(roundEnd + this.#blockBytes, filled + waiting), filled);
      for (; place < blocks && filled < roundEnd; place += 1) {
        filled = this.#readBlock(bucket, place, this.#records, filled);
      }
      count = this.#sortRecords(filled);
      if (place < blocks) filled = this.#keepDistinct(count);
    }
    return count;
  }

  #sortRecords(filled: number): number {
    const records = this.#records;
    let count = 0;
    for (let at = 0; at < filled; at = nextRecord(records, at)) {
      if (count === this.#keys.length) this.#keys = withDoubleRoom(this.#keys);
      this.#keys[count] = restAt(records, at) * placeSpan + at;
      count += 1;
    }
    const keys = this.#keys.subarray(0, count).sort();
    let kept = -1;
    let keptRest = -1;
    for (const key of keys) {
      const rest = Math.floor(key / placeSpan);
      if (rest !== keptRest) {
        kept += 1;
        keptRest = rest;
        keys[kept] = key;
      } else if (comesBefore(records, placeOf(key), placeOf(keys[kept] ?? 0))) {
        keys[kept] = key;
      }
    }
    return kept + 1;
  }

  #keepDistinct(count: number): number {
    this.#distinct = withRoom(this.#distinct, count * longestRecordBytes, 0);
    let filled = 0;
    for (const key of this.#keys.subarray(0, count)) {
      const at = placeOf(key);
      filled += this.#records.copy(this.#distinct, filled, at, nextRecord(this.#records, at));
    }
    [this.#records, this.#distinct] = [this.#distinct, this.#records];
    return filled;
  }
}

function openUnnamed(): number {
  const path = join(tmpdir(), `cohort-${randomUUID()}`);
  const file = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  return file;
}

function isOutOfSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

/** The remainder operator of numbers beyond 32 bits is many times slower. */
function placeOf(key: number): number {
  return key - Math.floor(key / placeSpan) * placeSpan;
}

function restAt(bytes: Buffer, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
}

function idLength(bytes: Buffer, at: number): number {
  return (bytes[at + 3] ?? 0) & ~replacedMark;
}

function nextRecord(bytes: Buffer, at: number): number {
  return at + headBytes + idLength(bytes, at);
}

function recordAt(bytes: Buffer, at: number, bucket: number): BucketRecord {
  return {
    nhsNumber: bucket * bucketSpan + restAt(bytes, at),
    isReplaced: ((bytes[at + 3] ?? 0) & replacedMark) !== 0,
    bytes,
    idStart: at + headBytes,
    idEnd: nextRecord(bytes, at),
  };
}

function comesBefore(bytes: Buffer, one: number, other: number): boolean {
  const oneRank = rankAt(bytes, one);
  const otherRank = rankAt(bytes, other);
  if (oneRank !== otherRank) return oneRank < otherRank;
  const otherEnd = nextRecord(bytes, other);
  return bytes.compare(bytes, other + headBytes, otherEnd, one + headBytes, nextRecord(bytes, one)) < 0;
}

/** 0 is best: not replaced and with an id. */
function rankAt(bytes: Buffer, at: number): number {
  return ((bytes[at + 3] ?? 0) >>> 7) * 2 + (idLength(bytes, at) === 0 ? 1 : 0);
}

/** The buffer, or a longer one with the same beginning. */
function withRoom(buffer: Buffer, bytes: number, kept: number): Buffer {
  if (buffer.length >= bytes) return buffer;
  const longer = Buffer.allocUnsafeSlow(bytes);
  buffer.copy(longer, 0, 0, kept);
  return longer;
}

function withDoubleRoom(keys: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(Math.max(1024, keys.length * 2));
  longer.set(keys);
  return longer;
}

/** Where the records of a block begin whose ids are among the marked ones, by their hashes. */
function markedRecords(block: Buffer, end: number, marks: Uint8Array): number[] {
  const places: number[] = [];
  for (let at = 0; at < end;) {
    const next = nextRecord(block, at);
    if (marks[hashOf(block, at + headBytes, next)] === 1) places.push(at);
    at = next;
  }
  return places;
}

/** FNV-1a. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return (hash ^ (hash >>> 22)) & (hashSpan - 1);
}
