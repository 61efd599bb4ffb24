const hexDigits = Buffer.from('0123456789abcdef');
const hyphen = 0x2d;

export const uuidBytes = 36;

/** Writes a UUID of version 4, made of four random words. */
export function writeUuid(bytes: Uint8Array, at: number, words: readonly [number, number, number, number]): void {
  const [first, second, third, fourth] = words;
  writeHex(bytes, at, first >>> 16);
  writeHex(bytes, at + 4, first & 0xffff);
  bytes[at + 8] = hyphen;
  writeHex(bytes, at + 9, second >>> 16);
  bytes[at + 13] = hyphen;
  writeHex(bytes, at + 14, (second & 0x0fff) | 0x4000);
  bytes[at + 18] = hyphen;
  writeHex(bytes, at + 19, ((third >>> 16) & 0x3fff) | 0x8000);
  bytes[at + 23] = hyphen;
  writeHex(bytes, at + 24, third & 0xffff);
  writeHex(bytes, at + 28, fourth >>> 16);
  writeHex(bytes, at + 32, fourth & 0xffff);
}

/** Sixteen bits as four hexadecimal digits. */
function writeHex(bytes: Uint8Array, at: number, bits: number): void {
  bytes[at] = hexDigits[bits >>> 12] ?? 0;
  bytes[at + 1] = hexDigits[(bits >>> 8) & 0xf] ?? 0;
  bytes[at + 2] = hexDigits[(bits >>> 4) & 0xf] ?? 0;
  bytes[at + 3] = hexDigits[bits & 0xf] ?? 0;
}
