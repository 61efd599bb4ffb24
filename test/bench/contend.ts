import { mkdirSync, readFileSync } from 'node:fs';
import { dataSetFile, type DataFile, type DataSet, type FileKind } from './people/data-set.ts';
import { measure, type Figures } from './measure.ts';

/** What a contender is given: the files to read, and an empty directory for its answer. */
export interface Assignment {
  readonly data: DataSet;
  readonly answer: string;
  /** What else the contest says to it. */
  readonly args: readonly string[];
}

/** A contender as a program: does its work once and prints what that took as JSON. */
export async function contend(
  work: (assignment: Assignment) => Promise<void>,
  measured: (work: () => Promise<void>) => Promise<Figures> = measure,
): Promise<void> {
  const [directory = '', answer = '', ...args] = process.argv.slice(2);
  const data = JSON.parse(readFileSync(dataSetFile(directory), 'utf8')) as DataSet;
  mkdirSync(answer, { recursive: true });
  process.stdout.write(JSON.stringify(await measured(() => work({ data, answer, args }))));
}

/** All files of a kind, those of the parts in order. */
export function filesOf({ parts, files }: DataSet, kind: FileKind): DataFile[] {
  return [files, ...parts.map((part) => part.files)].flatMap((some) => some[kind] ?? []);
}
