import { createHash } from 'node:crypto';

const blockRows = 65_536;
const pieceBytes = 64 * 1024;

/** Rows like those of a request. None is a valid NHS number, since all begin with four zeros. */
const block = Buffer.from(
  Array.from({ length: blockRows }, (_, index) => {
    // Scattered as the last digits of a sorted cohort are, so that gzip has to work.
    const digits = (index * 382_639) % 1_000_000;
    return `0000${String(digits).padStart(6, '0')},\r\n`;
  }).join(''),
);

/** The same bytes for the same length, in pieces as a file is read. */
export function* payload(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0;) {
    for (let at = 0; at < block.length && left > 0; at += pieceBytes) {
      const piece = block.subarray(at, Math.min(at + pieceBytes, at + left));
      left -= piece.length;
      yield piece;
    }
  }
}

export function payloadSha256(bytes: number): string {
  const hash = createHash('sha256');
  for (const piece of payload(bytes)) hash.update(piece);
  return hash.digest('hex');
}
