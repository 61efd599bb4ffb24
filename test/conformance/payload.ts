import { createCipheriv, createHash } from 'node:crypto';
import type { OutgoingBody } from '../../shared/mesh/message.ts';
import { type Digest, digestOf } from './digest.ts';

/** Something to send, the same whenever it is read. */
export interface Payload extends Digest {
  /** A body to send, which is made anew each time. */
  readonly body: () => OutgoingBody;
}

/**
 * - `text`: lines as in a file of ours, which gzip makes small
 * - `random`: bytes of every value, which nothing makes small
 */
export type PayloadKind = 'text' | 'random';

const pieceBytes = 256 << 10;

/** Makes a payload of so many bytes that names no person; the same seed gives the same bytes. */
export async function makePayload(kind: PayloadKind, bytes: number, seed = ''): Promise<Payload> {
  const pieces = kind === 'text' ? textPieces : randomPieces;
  const digest = await digestOf(pieces(bytes, seed));
  return { ...digest, body: () => ({ bytes, content: pieces(bytes, seed) }) };
}

async function* textPieces(bytes: number, seed: string): AsyncGenerator<Uint8Array> {
  const line = Buffer.from(`MESH API compliance test${seed === '' ? '' : `, ${seed}`}\r\n`);
  const whole = Buffer.concat(Array.from({ length: Math.ceil(pieceBytes / line.length) }, () => line));
  for (let left = bytes; left > 0; left -= whole.length) yield await Promise.resolve(whole.subarray(0, left));
}

/** A key stream: as fast as the disk and unlike any other of another seed. */
async function* randomPieces(bytes: number, seed: string): AsyncGenerator<Uint8Array> {
  const key = createHash('sha256').update(`payload ${seed}`).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(pieceBytes);
  for (let left = bytes; left > 0; left -= pieceBytes) {
    yield await Promise.resolve(cipher.update(zeros.subarray(0, Math.min(left, pieceBytes))));
  }
}
