import fc from 'fast-check';
import { createHash } from 'node:crypto';

/** A body as it may arrive: in pieces of these lengths, then the rest. */
export function bodyOf(content: string | Uint8Array, pieces: readonly number[] = []): AsyncIterable<Uint8Array> {
  const bytes = Buffer.from(content);
  const cuts: Buffer[] = [];
  let at = 0;
  for (const length of pieces) {
    cuts.push(bytes.subarray(at, at + length));
    at += length;
  }
  cuts.push(bytes.subarray(at));
  return iterate(cuts);
}

/** Lengths of pieces that a body may be cut into, single bytes and empty pieces among them. */
export const anyPieces = fc.array(fc.oneof(fc.constant(1), fc.nat(5), fc.nat(40)), { maxLength: 60 });

/** The items of an array, asynchronously. */
export async function* iterate<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  for (const item of items) yield await Promise.resolve(item);
}

export async function listed<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

export async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await listed(body));
}

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
