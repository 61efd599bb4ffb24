import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dataSetFile, type DataFile, type DataSet, type FileKind } from './people/data-set.ts';
import { measure } from './measure.ts';

/** What a contender is given: the files to read, and an empty directory for its answer. */
export interface Assignment {
  readonly data: DataSet;
  readonly answer: string;
  /** What else the contest says to it. */
  readonly args: readonly string[];
}

const warmUpMilliseconds = 500;

/**
 * A contender as a program: does its work and prints what that took as JSON. Before, and unmeasured, it does the work of
 * a small data set again and again for half a second, so that what is measured is the work and not V8 compiling it.
 */
export async function contend(work: (assignment: Assignment) => Promise<void>): Promise<void> {
  const { warmUp, ...assignment } = readAssignment();
  const answer = `${assignment.answer}.warm-up`;
  const began = performance.now();
  do await work({ ...assignment, data: warmUp, answer: emptied(answer) });
  while (performance.now() - began < warmUpMilliseconds);
  rmSync(answer, { recursive: true });
  process.stdout.write(JSON.stringify(await measure(() => work(assignment))));
}

/**
 * In Lambda every part has an invocation of its own and the next finds memory collected. A contender that goes through all
 * parts in one process lets go of a part's buffers before the next.
 */
export function endPart(): void {
  globalThis.gc?.({ type: 'minor' });
}

export function readAssignment(): Assignment & { readonly warmUp: DataSet } {
  const [warmUp = '', directory = '', answer = '', ...args] = process.argv.slice(2);
  return { warmUp: readDataSet(warmUp), data: readDataSet(directory), answer: emptied(answer), args };
}

function readDataSet(directory: string): DataSet {
  return JSON.parse(readFileSync(dataSetFile(directory), 'utf8')) as DataSet;
}

function emptied(directory: string): string {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** All files of a kind, those of the parts in order. */
export function filesOf({ parts, files }: DataSet, kind: FileKind): DataFile[] {
  return [files, ...parts.map((part) => part.files)].flatMap((some) => some[kind] ?? []);
}
