import { createHash } from 'node:crypto';

/** A body that was counted and hashed on its way past. */
export interface Digest {
  readonly bytes: number;
  readonly sha256: string;
  /** The catalogue asks for MD5 where a body travels in chunks (501). */
  readonly md5: string;
}

/** Counts and hashes a body without holding it. */
export async function digestOf(body: AsyncIterable<Uint8Array>): Promise<Digest> {
  const [sha256, md5] = [createHash('sha256'), createHash('md5')];
  let bytes = 0;
  for await (const piece of body) {
    sha256.update(piece);
    md5.update(piece);
    bytes += piece.length;
  }
  return { bytes, sha256: sha256.digest('hex'), md5: md5.digest('hex') };
}

/** A number in groups of three digits, which nobody takes for that of a person. */
export function count(number: number): string {
  return number.toLocaleString('en-GB');
}

/** For a reader: how long it is and what it hashes to. */
export function described({ bytes, sha256, md5 }: Digest): string {
  return `${count(bytes)} bytes, SHA-256 ${sha256}, MD5 ${md5}`;
}
