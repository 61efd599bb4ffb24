/**
 * NHS numbers as they stand in bytes. Files of a nation hold sixty million of them, so digits are read four at a time
 * and no text is made of them.
 */

/** The ten digits that begin at a place, as an integer; -1 where any of those bytes is no digit. */
export function readTenDigits(bytes: DataView, at: number): number {
  // Taking away the code of zero leaves a digit without an upper half byte, and it gets none by adding six.
  const first = bytes.getInt32(at, true) ^ 0x30303030;
  const second = bytes.getInt32(at + 4, true) ^ 0x30303030;
  const last = bytes.getUint16(at + 8, true) ^ 0x3030;
  const all = first | (first + 0x06060606) | second | (second + 0x06060606) | last | (last + 0x0606);
  if ((all & 0xf0f0f0f0) !== 0) return -1;
  const lastSix = fourDigits(second) * 100 + (last & 0xff) * 10 + (last >>> 8);
  return fourDigits(first) * 1_000_000 + lastSix;
}

/** Four digits of a byte each, the first in the lowest byte, as a number: first two pairs, then one number. */
function fourDigits(digits: number): number {
  const pairs = (Math.imul(digits, 10) + (digits >>> 8)) & 0x00ff00ff;
  return (pairs & 0xff) * 100 + (pairs >>> 16);
}

/** Writes an integer as ten digits, zeros in front. */
export function writeTenDigits(bytes: Uint8Array, at: number, value: number): void {
  const upper = Math.floor(value / 100_000);
  writeFiveDigits(bytes, at, upper);
  writeFiveDigits(bytes, at + 5, value - upper * 100_000);
}

function writeFiveDigits(bytes: Uint8Array, at: number, value: number): void {
  let rest = value | 0;
  for (let place = at + 4; place >= at; place -= 1) {
    const next = (rest / 10) | 0;
    bytes[place] = 0x30 + rest - next * 10;
    rest = next;
  }
}

/** The bytes of a buffer for reads of several bytes at once. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
