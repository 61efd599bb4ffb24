import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../../../shared/command-line.ts';
import type { CaseResult } from '../catalogue-run.ts';
import type { Environment } from '../environment.ts';
import { caseRecord } from './case-record.ts';
import { indexText } from './index-text.ts';
import { headersShownFor, redactionFor } from './redaction.ts';
import { summaryHtml } from './summary-html.ts';

/** The pack is whole and lies where it was written, which the message names: a run of hours is not to be made again. */
export class PackElsewhere extends Error {
  override readonly name = 'PackElsewhere';
}

/**
 * Makes sure, before a run that may take hours, that its pack can be written, and begins it beside where it will lie.
 *
 * @throws UsageError where something lies there already, since a pack is one run, or where nothing can be written
 */
export async function checkEvidenceDirectory(directory: string): Promise<void> {
  const present = await readdir(directory).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw new UsageError(`--evidence ${directory}: is no directory that can be read`);
  });
  if (present.length > 0) throw new UsageError(`--evidence ${directory}: is not empty; name a new directory`);
  try {
    await mkdir(unfinishedFor(directory), { recursive: true });
  } catch (error) {
    throw new UsageError(`--evidence ${directory}: cannot be written (${codeOf(error)})`);
  }
}

/** Takes away what was begun for a run that came to nothing; what has been written stays. */
export async function dropBegun(directory: string): Promise<void> {
  await rmdir(unfinishedFor(directory)).catch(() => undefined);
}

/**
 * Writes the pack of one run, whole or not at all: a file a case, a summary to print and an index.
 *
 * @throws PackElsewhere where it is whole and cannot be put in its place
 */
export async function writeEvidence(
  directory: string,
  environment: Environment,
  results: readonly CaseResult[],
): Promise<void> {
  const redact = redactionFor(environment);
  const showHeaders = headersShownFor(results, redact);
  const records = results.map((result) => caseRecord(result, environment, { redact, showHeaders }));
  const files = new Map<string, string>();
  files.set('summary.html', summaryHtml({ environment, results, records, redact }));
  for (const record of records) files.set(`${record.case}.json`, `${JSON.stringify(record, undefined, 2)}\n`);
  files.set('README.txt', indexText(environment, results, files, redact));

  const target = resolve(directory);
  const unfinished = unfinishedFor(directory);
  try {
    await mkdir(unfinished, { recursive: true });
    for (const [name, text] of files) await writeFile(join(unfinished, name), text);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
  try {
    await rmdir(target).catch(() => undefined);
    await rename(unfinished, target);
  } catch (error) {
    const why = `The evidence pack cannot be put into ${directory} (${codeOf(error)})`;
    throw new PackElsewhere(`${why}: it is whole, in ${unfinished}`, { cause: error });
  }
}

function unfinishedFor(directory: string): string {
  return join(dirname(resolve(directory)), `.${process.pid}-evidence`);
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}
