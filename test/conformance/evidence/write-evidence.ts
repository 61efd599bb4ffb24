import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../../../shared/command-line.ts';
import type { CaseResult } from '../catalogue-run.ts';
import type { Environment } from '../environment.ts';
import { caseRecord } from './case-record.ts';
import { indexText } from './index-text.ts';
import { redactionFor } from './redaction.ts';
import { summaryHtml } from './summary-html.ts';

/** @throws UsageError where something lies there already: a pack is one run */
export async function checkEvidenceDirectory(directory: string): Promise<void> {
  const present = await readdir(directory).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw new UsageError(`--evidence ${directory}: is no directory that can be read`);
  });
  if (present.length > 0) throw new UsageError(`--evidence ${directory}: is not empty; name a new directory`);
}

/** Writes the pack of one run, whole or not at all: a file a case, a summary to print and an index. */
export async function writeEvidence(
  directory: string,
  environment: Environment,
  results: readonly CaseResult[],
): Promise<void> {
  const redact = redactionFor(environment);
  const records = results.map((result) => caseRecord(result, environment, redact));
  const files = new Map<string, string>();
  files.set('summary.html', summaryHtml({ environment, results, records, redact }));
  for (const record of records) files.set(`${record.case}.json`, `${JSON.stringify(record, undefined, 2)}\n`);
  files.set('README.txt', indexText(environment, results, files, redact));

  const target = resolve(directory);
  const unfinished = join(dirname(target), `.${process.pid}-evidence`);
  try {
    await mkdir(unfinished, { recursive: true });
    for (const [name, text] of files) await writeFile(join(unfinished, name), text);
    await rmdir(target).catch(() => undefined);
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
