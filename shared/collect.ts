import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/**
 * A whole body in memory, for bodies of bounded size.
 *
 * @param bytes its likely length: as long as that holds, nothing is held twice on the way
 */
export async function collect(body: AsyncIterable<Uint8Array>, bytes = 0): Promise<Buffer> {
  const whole = Buffer.allocUnsafeSlow(bytes);
  const beyond: Uint8Array[] = [];
  let filled = 0;
  for await (const piece of body) {
    if (beyond.length > 0 || filled + piece.length > bytes) {
      beyond.push(piece);
    } else {
      whole.set(piece, filled);
      filled += piece.length;
    }
  }
  return beyond.length === 0 ? whole.subarray(0, filled) : Buffer.concat([whole.subarray(0, filled), ...beyond]);
}

/** The whole of some lines, compressed as they come. */
export async function collectGzipped(lines: AsyncIterable<string>): Promise<Buffer> {
  let compressed: Buffer = Buffer.alloc(0);
  await pipeline(lines, createGzip({ level: 6 }), async (body: AsyncIterable<Uint8Array>) => {
    compressed = await collect(body);
  });
  return compressed;
}
