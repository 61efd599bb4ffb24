/**
 * NHS numbers as they stand in bytes. Files of a nation hold sixty million of them, so digits are read four at a time
 * and no text is made of them.
 */

/** The ten digits that begin at a place, as an integer; -1 where any of those bytes is no digit. */
export function readTenDigits(bytes: DataView, at: number): number {
  const first = fourDigits(bytes.getInt32(at, true));
  const second = fourDigits(bytes.getInt32(at + 4, true));
  const ninth = bytes.getUint8(at + 8) - 0x30;
  const tenth = bytes.getUint8(at + 9) - 0x30;
  // One test for all: whatever is out of bounds leaves a sign bit.
  if ((first | second | ninth | (9 - ninth) | tenth | (9 - tenth)) < 0) return -1;
  return (first * 10_000 + second) * 100 + ninth * 10 + tenth;
}

/** Four ASCII digits held in one integer, the first in its lowest byte; -1 where a byte is no digit. */
function fourDigits(word: number): number {
  const digits = word ^ 0x30303030;
  // A digit has no upper half byte, and gets none by adding six.
  if (((digits | (digits + 0x06060606)) & 0xf0f0f0f0) !== 0) return -1;
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
