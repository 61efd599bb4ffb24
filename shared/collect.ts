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
