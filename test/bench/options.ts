import { readArguments, UsageError, wholeNumber } from '../../shared/command-line.ts';
import { mostPeople } from './people/people.ts';

export const tableNames = [
  'cohort',
  'stage',
  'reconcile',
  'snapshot',
  'consents',
  'healthlake',
  'noom',
  'mesh',
] as const;
export type TableName = (typeof tableNames)[number];

export const usage = `Usage: npm run bench -- [options]

  --rows N         people of the cohort (default 1000000, with --growth 16000000; at most ${mostPeople})
  --part-rows N    people of a part (default 100000, the pipeline's own)
  --only NAMES     of ${tableNames.join(', ')}: those alone, separated by commas
  --growth         ours at a sixteenth, at a quarter and at all of the rows as well: is time linear, is memory flat?
  --runs N         runs of each contender, of which the median counts (default 3)
  --patience N     seconds after which a contender isn't run once more (default 120); the table says how often it ran
  --rival-rows N   rows beyond which rivals other than sort are left out (default 16000000)
  --seed N         other people (default 1)
  --megabytes N    bytes that MESH carries each way, in MB (default 200)
  --keep DIR       keep the files, what has to come of them and every answer
  --json FILE      the same figures for machines

Each contender runs in a process of its own, beside its rivals, on the same files. What counts is the ratio in one run.
A wrong answer ends the bench before any figure is printed.`;

export interface Options {
  readonly rows: number;
  readonly partRows: number;
  readonly only: ReadonlySet<TableName>;
  readonly isGrowth: boolean;
  readonly runs: number;
  readonly patienceSeconds: number;
  readonly rivalRows: number;
  readonly seed: number;
  readonly megabytes: number;
  readonly keep?: string;
  readonly json?: string;
}

/** @throws UsageError */
export function readOptions(args: string[]): Options | 'help' {
  const { values } = readArguments({
    args,
    allowPositionals: false,
    options: {
      rows: { type: 'string' },
      'part-rows': { type: 'string' },
      only: { type: 'string' },
      growth: { type: 'boolean' },
      runs: { type: 'string' },
      patience: { type: 'string' },
      'rival-rows': { type: 'string' },
      seed: { type: 'string' },
      megabytes: { type: 'string' },
      keep: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return 'help';
  const isGrowth = values.growth === true;
  return {
    rows: wholeNumber('--rows', values.rows ?? (isGrowth ? '16000000' : '1000000'), 16, mostPeople),
    partRows: wholeNumber('--part-rows', values['part-rows'] ?? '100000', 1, 10_000_000),
    only: new Set((values.only ?? tableNames.join(',')).split(',').map(tableName)),
    isGrowth,
    runs: wholeNumber('--runs', values.runs ?? '3', 1, 1000),
    patienceSeconds: wholeNumber('--patience', values.patience ?? '120', 0),
    rivalRows: wholeNumber('--rival-rows', values['rival-rows'] ?? '16000000', 0),
    seed: wholeNumber('--seed', values.seed ?? '1', 0, 1_000_000),
    megabytes: wholeNumber('--megabytes', values.megabytes ?? '200', 1, 100_000),
    ...(values.keep === undefined ? {} : { keep: values.keep }),
    ...(values.json === undefined ? {} : { json: values.json }),
  };
}

function tableName(text: string): TableName {
  const name = tableNames.find((known) => known === text);
  if (!name) throw new UsageError(`--only ${text}: must be of ${tableNames.join(', ')}`);
  return name;
}
