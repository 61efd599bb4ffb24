import { collect } from '../collect.ts';
import type { ListedFile } from '../files.ts';
import { memberOf, parseJson } from '../json.ts';
import { readLines } from '../lines.ts';
import { partName } from '../ndop/run-id.ts';

/** How the files are called that an import is given for a change file: its logs are told apart by these names. */
export function inputNames(part: number, file: number): { readonly consents: string; readonly provenances: string } {
  const name = `${partName(part)}-others-${String(file).padStart(4, '0')}`;
  return { consents: `${name}.ndjson`, provenances: `${name}-provenances.ndjson` };
}

/** A file that was given to an import, and how many resources it holds, one a line. */
export interface ImportInput {
  readonly name: string;
  readonly lines: number;
}

/** What an import wrote about itself. */
export interface ImportOutput {
  readonly files: AsyncIterable<ListedFile>;
  readonly open: (key: string) => Promise<AsyncIterable<Uint8Array>>;
}

/** Lines that an import has not taken, by the name of their file: as it counts them, which may be from 0 or from 1. */
export type FailedLines = Readonly<Record<string, readonly number[]>>;

/** Beyond so many the import went wrong as a whole, and everything is looked at one by one. */
const mostFailures = 5_000;

/**
 * Which lines an import has not taken, from its manifest and its `FAILURE/` logs. Their exact form is described nowhere,
 * so they are believed only where everything adds up: as many resources scanned as were given, each either imported or
 * failed, each failure in a log that names one of our files, at a line that this file has.
 * Source: AWS HealthLake Developer Guide, "Importing FHIR data" and "Troubleshooting".
 *
 * @param hasErrors whether the job says so by its status
 * @returns undefined where anything does not add up, so that nothing is known of any line
 */
export async function failedLinesOf(
  hasErrors: boolean,
  inputs: readonly ImportInput[],
  { files, open }: ImportOutput,
): Promise<FailedLines | undefined> {
  const keys: string[] = [];
  for await (const { key } of files) keys.push(key);
  // The guide says `manifest.json`; `Manifest.json` has been seen.
  const manifestKey = keys.find((key) => /\/manifest\.json$/i.test(key));
  if (manifestKey === undefined) return undefined;
  const failed = failuresIn(parseJson((await collect(await open(manifestKey))).toString()), inputs);
  if (failed === undefined || failed > mostFailures || failed > 0 !== hasErrors) return undefined;

  const lengths = new Map(inputs.map(({ name, lines }) => [name, lines]));
  const failedLines = new Map<string, number[]>();
  let found = 0;
  for (const key of failed === 0 ? [] : keys.filter((each) => each.includes('/FAILURE/'))) {
    const name = inputNameIn(key);
    const length = lengths.get(name);
    if (length === undefined) return undefined;
    const lines = failedLines.get(name) ?? [];
    failedLines.set(name, lines);
    for await (const text of readLines(await open(key))) {
      if (text.trim() === '') continue;
      const line = lineIdIn(text);
      found += 1;
      if (line === undefined || line > length || lines.includes(line) || found > failed) return undefined;
      lines.push(line);
    }
  }
  return found === failed ? Object.fromEntries(failedLines) : undefined;
}

/** How many resources a manifest says have failed; undefined where its counts are not those of what was given. */
function failuresIn(manifest: unknown, inputs: readonly ImportInput[]): number | undefined {
  const given = inputs.reduce((sum, { lines }) => sum + lines, 0);
  const count = (name: string) => {
    const value = memberOf(manifest, name);
    return typeof value === 'number' ? value : Number.NaN;
  };
  const failed = count('numberOfResourcesWithCustomerError') + count('numberOfResourcesWithServerError');
  const isComplete =
    count('numberOfResourcesScanned') === given && count('numberOfResourcesImportedSuccessfully') + failed === given;
  return isComplete ? failed : undefined;
}

/** There is a log for each file, and how it is called beyond that is not said. */
function inputNameIn(key: string): string {
  return /part-\d+-others-\d+(-provenances)?\.ndjson/.exec(key)?.[0] ?? '';
}

/** `{"lineId":9,…}`; AWS prints it with and without quotes and braces. */
function lineIdIn(text: string): number | undefined {
  const digits = /^[\s{]*"?lineId"?\s*:\s*"?(\d+)\b/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
