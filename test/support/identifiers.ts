import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandResult } from './local-command.ts';

/** Every ten-digit stretch of a text that is one of these numbers, and every nine-digit stem of one. */
export function identifiersIn(text: string, numbers: ReadonlySet<string>): string[] {
  const stems = new Set([...numbers].map((nhsNumber) => nhsNumber.slice(0, 9)));
  const found: string[] = [];
  for (const [digits] of text.matchAll(/\d{9,}/g)) {
    for (let start = 0; start + 9 <= digits.length; start += 1) {
      if (numbers.has(digits.slice(start, start + 10))) found.push(digits.slice(start, start + 10));
      else if (stems.has(digits.slice(start, start + 9))) found.push(digits.slice(start, start + 9));
    }
  }
  // As people write them.
  for (const [grouped] of text.matchAll(/(?<!\d)\d{3}([ -])\d{3}\1\d{4}(?!\d)/g)) {
    if (numbers.has(grouped.replace(/[ -]/g, ''))) found.push(grouped);
  }
  return found;
}

/** What a run leaves everywhere but in S3 and the FHIR store. */
const searched = [
  'files.ndjson',
  'history.json',
  'ledger.ndjson',
  'logs.ndjson',
  'mesh.ndjson',
  'notifications.ndjson',
];

/**
 * Looks for people in everything that a local run left and printed, the FHIR store's Consents apart.
 *
 * @returns which file names how many; empty where none does
 */
export async function filesNamingPeople(
  out: string,
  { stdout, stderr }: Pick<CommandResult, 'stdout' | 'stderr'>,
  numbers: ReadonlySet<string>,
): Promise<Record<string, number>> {
  const files = (await readdir(out)).filter((name) => name !== 'consents.ndjson');
  const missing = searched.filter((name) => !files.includes(name));
  if (missing.length > 0) throw new Error(`The run left no ${missing.join(', ')} to look through`);
  const naming: Record<string, number> = {};
  const look = (name: string, text: string) => {
    const { length } = identifiersIn(text, numbers);
    if (length > 0) naming[name] = length;
  };
  for (const name of files) look(name, await readFile(join(out, name), 'utf8'));
  look('what it printed', stdout + stderr);
  return naming;
}
