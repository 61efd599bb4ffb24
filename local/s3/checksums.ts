import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

export const checksumAlgorithms = ['crc32', 'crc32c', 'sha1', 'sha256'] as const;
export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number];

/** A checksum as S3 keeps it; `COMPOSITE` is taken over the checksums of a multipart upload's parts. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64, with `-<parts>` behind it when composite. */
  readonly value: string;
  readonly type: 'FULL_OBJECT' | 'COMPOSITE';
}

export interface RunningChecksum {
  update(chunk: Uint8Array): void;
  /** Base64, as in the `x-amz-checksum-*` headers. */
  value(): string;
}

export function startChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  switch (algorithm) {
    case 'crc32':
      return startCrc(crc32);
    case 'crc32c':
      return startCrc(crc32c);
    case 'sha1':
    case 'sha256': {
      const hash = createHash(algorithm);
      return {
        update: (chunk) => {
          hash.update(chunk);
        },
        value: () => hash.digest('base64'),
      };
    }
  }
}

/** The checksum of a multipart upload: that of its parts' checksums, joined as bytes, and how many there are. */
export function compositeChecksum(algorithm: ChecksumAlgorithm, partValues: readonly string[]): Checksum {
  const running = startChecksum(algorithm);
  for (const value of partValues) running.update(Buffer.from(value, 'base64'));
  return { algorithm, value: `${running.value()}-${partValues.length}`, type: 'COMPOSITE' };
}

function startCrc(step: (chunk: Uint8Array, crc: number) => number): RunningChecksum {
  let crc = 0;
  return {
    update: (chunk) => {
      crc = step(chunk, crc);
    },
    value: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(crc);
      return bytes.toString('base64');
    },
  };
}

/** The Castagnoli polynomial, bits reversed. Source: RFC 3720, section 12.1. */
const castagnoli = 0x82f63b78;

const crc32cTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ castagnoli : remainder >>> 1;
  return remainder;
});

function crc32c(chunk: Uint8Array, crc: number): number {
  let remainder = ~crc;
  for (const byte of chunk) remainder = (remainder >>> 8) ^ (crc32cTable[(remainder ^ byte) & 0xff] ?? 0);
  return ~remainder >>> 0;
}
