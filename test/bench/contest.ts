import type { DataSet, FileKind } from './people/data-set.ts';

/** One task that the pipeline and its rivals do with the same files, to the same end. */
export interface Contest {
  readonly task: string;
  /** Files of the data set that the task reads. */
  readonly kinds: readonly FileKind[];
  /** Ours first: the others are compared with it. */
  readonly contenders: readonly Contender[];
  /** How many of the data set's rows the task takes; all by itself. */
  readonly rows?: (data: DataSet) => number;
  /** SHA-256 of what a contender wrote, in an order and a form that are the same for all. */
  readonly judge: (answer: string, kept?: string) => Promise<string>;
  readonly right: (data: DataSet) => string | Promise<string>;
}

export interface Contender {
  readonly name: string;
  readonly role: 'ours' | 'rival' | 'floor';
  /** Its program, by path. */
  readonly program: string;
  readonly args?: readonly string[];
  /** A rival that the bench installs; the program is told where. */
  readonly isInstalled?: boolean;
  /** A rival that is to be seen at every size, for a figure beside it is promised. */
  readonly runsAtAnySize?: boolean;
  /** What it cannot go beyond, and why. */
  readonly limit?: { readonly rows: number; readonly reason: string };
}

export const ours = 'NDOP pipeline';

/** A Set and a Map of V8 hold at most 2^24 entries. */
const csvParseLimit = { rows: 16_000_000, reason: 'a Set or Map holds at most 16.7 million entries' };

const rival = (file: string) => new URL(`rivals/${file}`, import.meta.url).pathname;

export const rivals = {
  csvParse: (task: string, name: string, isLimited = true): Contender => ({
    ...{ name, role: 'rival', program: rival('csv-parse.ts'), args: [task] },
    ...(isLimited ? { limit: csvParseLimit } : {}),
  }),
  shell: (task: string, name: string): Contender => ({
    ...{ name, role: 'rival', program: rival('sort.ts'), args: [task], runsAtAnySize: true },
  }),
  duckDb: (task: string): Contender => ({
    ...{ name: 'DuckDB', role: 'rival', program: rival('duckdb.ts'), args: [task], isInstalled: true },
  }),
  uuid: (): Contender => ({
    ...{ name: 'csv-parse + uuid v5', role: 'rival', program: rival('uuid.ts'), isInstalled: true },
  }),
  floor: (kinds: readonly FileKind[]): Contender => ({
    ...{ name: 'floor: reading the bytes', role: 'floor', program: rival('floor.ts'), args: kinds },
  }),
};
