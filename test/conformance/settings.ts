import type { RunSettings } from './case.ts';

const mebibyte = 1 << 20;

/** As the pipeline cuts a message for the internet; more than 200 MB. */
export const largeBody = { chunkedBytes: 201 * 1_000_000, chunkBytes: 10 * mebibyte } as const;

/** Three chunks of which the last is short: the same protocol in no time. */
export const smallBody = { chunkedBytes: 2 * mebibyte + 12_345, chunkBytes: mebibyte } as const;

export function runSettings(
  isLarge: boolean,
  more: Omit<RunSettings, 'chunkedBytes' | 'chunkBytes'> = {},
): RunSettings {
  return { ...(isLarge ? largeBody : smallBody), ...more };
}
