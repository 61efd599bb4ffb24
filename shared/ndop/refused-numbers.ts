import type { Files } from '../files.ts';
import { readLines } from '../lines.ts';
import { formatNhsNumber } from './nhs-number.ts';
import type { SnapshotManifest } from './snapshot-manifest.ts';

/** NHS numbers that pass every check of ours and that the service refused all the same, with the time of its refusal. */
export type RefusedNumbers = ReadonlyMap<number, string>;

/**
 * How long such a number is left out of requests, so that every run does not have to find it again: a wrong number is
 * corrected at its source and then is another one, and what the service did not know yet it may know by then.
 */
const askedAgainAfterDays = 90;
const millisecondsPerDay = 86_400_000;

/** The numbers that a snapshot knows and that are still to be left out at a moment. */
export async function leftOutNumbers(
  { refused }: SnapshotManifest,
  at: string,
  files: Pick<Files, 'openVerified'>,
): Promise<RefusedNumbers> {
  if (!refused) return new Map();
  return stillRefused(await readRefusedNumbers(await files.openVerified(refused)), at);
}

/** Those that are still to be left out at a moment. */
export function stillRefused(refused: RefusedNumbers, at: string): RefusedNumbers {
  const oldest = Date.parse(at) - askedAgainAfterDays * millisecondsPerDay;
  return new Map([...refused].filter(([, since]) => Date.parse(since) > oldest));
}

/** `nhsNumber,since` and LF for each, sorted. */
export function writeRefusedNumbers(refused: RefusedNumbers): string {
  return [...refused]
    .sort(([a], [b]) => a - b)
    .map(([nhsNumber, since]) => `${formatNhsNumber(nhsNumber)},${since}\n`)
    .join('');
}

export async function readRefusedNumbers(body: AsyncIterable<Uint8Array>): Promise<RefusedNumbers> {
  const refused = new Map<number, string>();
  for await (const line of readLines(body)) refused.set(Number(line.slice(0, 10)), line.slice(11));
  return refused;
}
