import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { UsageError } from '../../shared/command-line.ts';
import { cohortBuild } from './cohort/contest.ts';
import { consentGeneration } from './consents/contest.ts';
import type { Contest } from './contest.ts';
import { checkDirtyFiles } from './dirty/check.ts';
import { growthOf, type Growth } from './growth.ts';
import type { Options, TableName } from './options.ts';
import { writeDataSet, type DataSet } from './people/data-set.ts';
import { race } from './race.ts';
import { reconcile } from './reconcile/contest.ts';
import { installRivals } from './rivals/install.ts';
import { reconcileAndSnapshot } from './snapshot/contest.ts';
import { stage } from './stage/contest.ts';
import { grouped, type TaskLine } from './table.ts';

export interface CohortFigures {
  readonly tasks: readonly TaskLine[];
  readonly growth: readonly Growth[];
  /** What the files with faults in them showed, in sentences. */
  readonly dirty: readonly string[];
}

const mostDirtyPeople = 20_000;
const warmUpRows = 20_000;

/**
 * What the pipeline does with the whole cohort, beside rivals that do the same.
 *
 * @throws Error where any answer is wrong
 */
export async function benchCohort(options: Options, say: (progress: string) => void): Promise<CohortFigures> {
  const { only, rows, partRows, isGrowth, keep } = options;
  const contests = contestsOf(only, partRows);
  const directory = keep === undefined ? await mkdtemp(join(tmpdir(), 'ndop-bench-')) : await emptyDirectory(keep);
  const installDirectory = await mkdtemp(join(tmpdir(), 'ndop-rivals-'));
  try {
    const dirty = await checkDirtyFiles(join(directory, 'dirty'), Math.min(rows, mostDirtyPeople), options.seed);
    for (const seen of dirty) say(seen);
    const needsRivals = contests.some(({ contenders }) => contenders.some(({ isInstalled }) => isInstalled));
    const installed = needsRivals ? await installRivals(installDirectory) : { failure: 'not installed' };
    const warmUp = await write(join(directory, 'warm-up'), warmUpRows, contests, options, say);
    const raceOptions = { ...options, warmUp, installed, isKept: keep !== undefined, say };
    const smaller: TaskLine[] = [];
    for (const size of isGrowth ? [Math.ceil(rows / 16), Math.ceil(rows / 4)] : []) {
      const data = await write(join(directory, `rows-${size}`), size, contests, options, say);
      for (const contest of contests) smaller.push(...(await race(oursOf(contest), { ...raceOptions, data })));
      if (keep === undefined) await rm(data.directory, { recursive: true });
    }
    const data = await write(join(directory, `rows-${rows}`), rows, contests, options, say);
    const tasks: TaskLine[] = [];
    for (const contest of contests) tasks.push(...(await race(contest, { ...raceOptions, data })));
    const growth = isGrowth ? growthOf([...smaller, ...tasks.filter(({ role }) => role === 'ours')]) : [];
    return { tasks, growth, dirty };
  } finally {
    await rm(installDirectory, { recursive: true, force: true });
    if (keep === undefined) await rm(directory, { recursive: true, force: true });
  }
}

/** @throws UsageError where it holds anything: another run's files would pass for this one's */
async function emptyDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  if ((await readdir(path)).length > 0) throw new UsageError(`--keep ${path}: must be a new or an empty directory`);
  return resolve(path);
}

function contestsOf(only: ReadonlySet<TableName>, partRows: number): Contest[] {
  const contests: [TableName, Contest][] = [
    ['cohort', cohortBuild(partRows)],
    ['stage', stage],
    ['reconcile', reconcile],
    ['snapshot', reconcileAndSnapshot],
    ['consents', consentGeneration],
  ];
  return contests.filter(([name]) => only.has(name)).map(([, contest]) => contest);
}

function oursOf(contest: Contest): Contest {
  return { ...contest, contenders: contest.contenders.filter(({ role }) => role === 'ours') };
}

async function write(
  directory: string,
  rows: number,
  contests: readonly Contest[],
  { partRows, seed }: Options,
  say: (progress: string) => void,
): Promise<DataSet> {
  await mkdir(directory, { recursive: true });
  const began = performance.now();
  const kinds = new Set(contests.flatMap((contest) => contest.kinds));
  const data = writeDataSet({ directory, rows, partRows, seed, kinds });
  say(`${grouped(rows)} people written in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  return data;
}
