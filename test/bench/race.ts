import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Alone } from './alone.ts';
import { bytesOf, filesBelow } from './answers.ts';
import type { Contender, Contest } from './contest.ts';
import { figures, type Figures } from './measure.ts';
import type { DataSet } from './people/data-set.ts';
import { filesOf } from './contend.ts';
import type { Installed } from './rivals/install.ts';
import { median, type TaskLine } from './table.ts';

export interface RaceOptions {
  readonly data: DataSet;
  /** Few people in the same kinds of files. */
  readonly warmUp: DataSet;
  readonly runs: number;
  /** A contender that took longer in all its runs isn't run again. */
  readonly patienceSeconds: number;
  readonly rivalRows: number;
  readonly installed: Installed;
  /** Whether what the contenders wrote is to stay. */
  readonly isKept: boolean;
  readonly say: (progress: string) => void;
}

/** What became of one contender so far. */
interface Standing {
  readonly contender: Contender;
  readonly runs: Figures[];
  failure?: string;
  /** Bytes of an answer that was found right: the same again need no second look. */
  rightBytes?: string;
}

/**
 * Runs the contenders of a task by turns, each in a process of its own and never two at once, and looks at every answer.
 *
 * @throws Error where an answer is wrong, or where ours fails: no figure counts then
 */
export async function race(contest: Contest, options: RaceOptions): Promise<TaskLine[]> {
  const right = await contest.right(options.data);
  const standings: Standing[] = contest.contenders.map((contender) => {
    const failure = reasonToSkip(contender, rowsOf(contest, options.data), options);
    return { contender, runs: [], ...(failure === undefined ? {} : { failure }) };
  });
  const programs = new Map<string, Alone>();
  try {
    for (let count = 1; count <= options.runs; count += 1) {
      for (const standing of standings) {
        if (standing.failure !== undefined || isOutOfPatience(standing, options)) continue;
        const { program, role } = standing.contender;
        // Rivals run as Node starts by itself: the functions' small space for young objects would slow them down.
        const alone = programs.get(program) ?? (await Alone.bundle(program, role === 'rival' ? [] : undefined));
        programs.set(program, alone);
        await runOnce(contest, standing, { ...options, alone, right });
      }
    }
  } finally {
    for (const program of programs.values()) await program.remove();
  }
  return linesOf(contest, standings, options.data);
}

function rowsOf({ rows }: Contest, data: DataSet): number {
  return rows?.(data) ?? data.rows;
}

function reasonToSkip(
  contender: Contender,
  rows: number,
  { rivalRows, installed }: Pick<RaceOptions, 'rivalRows' | 'installed'>,
): string | undefined {
  const { role, limit, isInstalled, runsAtAnySize } = contender;
  if (limit && rows > limit.rows) return `failed: ${limit.reason}`;
  if (isInstalled && 'failure' in installed) return installed.failure;
  if (role === 'rival' && !runsAtAnySize && rows > rivalRows) return `not run beyond --rival-rows ${rivalRows}`;
  return undefined;
}

function isOutOfPatience({ runs }: Standing, { patienceSeconds }: RaceOptions): boolean {
  return runs.reduce((total, { seconds }) => total + seconds, 0) > patienceSeconds;
}

async function runOnce(
  { task, judge }: Contest,
  standing: Standing,
  options: RaceOptions & { readonly alone: Alone; readonly right: string },
): Promise<void> {
  const { contender, runs } = standing;
  const { data, warmUp, installed, alone, right, isKept, say } = options;
  const answers = join(data.directory, 'answers', task.replaceAll(' ', '-'));
  const answer = join(answers, contender.name.replaceAll(/\W+/g, '-'));
  await mkdir(answers, { recursive: true });
  const args = [
    ...(contender.args ?? []),
    ...(contender.isInstalled && 'directory' in installed ? [installed.directory] : []),
  ];
  let printed: string;
  try {
    printed = await alone.run(warmUp.directory, data.directory, answer, ...args);
  } catch (error) {
    if (contender.role === 'ours') throw error;
    standing.failure = `failed: ${reasonOf(error)}`;
    say(`${task}: ${contender.name} ${standing.failure}`);
    return;
  }
  const taken = figures.parse(JSON.parse(printed));
  say(`${task}: ${contender.name}, run ${runs.length + 1}: ${taken.seconds.toFixed(2)} s`);
  runs.push(taken);
  if (contender.role !== 'floor') {
    const bytes = await bytesOf(filesBelow(answer));
    if (bytes !== standing.rightBytes) {
      const kept = `${answer}.sorted.txt`;
      await rm(kept, { force: true });
      const judged = await judge(answer, isKept ? kept : undefined);
      if (judged !== right)
        throw new Error(`${task}: the answer of ${contender.name} is wrong. No figure of this run counts`);
      standing.rightBytes = bytes;
    }
  }
  if (!isKept) await rm(answer, { recursive: true });
}

/** The line in which a program says why it died, or the signal that ended it. */
function reasonOf(error: unknown): string {
  const { stderr = '', signal } = error as { stderr?: string; signal?: string };
  const [line] = /^(?:FATAL ERROR|\[?\w*Error)\b.*$/m.exec(stderr) ?? [];
  return line?.trim() ?? (signal ? `ended by ${signal}` : 'it did not say why');
}

function linesOf(contest: Contest, standings: readonly Standing[], data: DataSet): TaskLine[] {
  const { task, kinds } = contest;
  const bytes = kinds.flatMap((kind) => filesOf(data, kind)).reduce((sum, file) => sum + file.bytes, 0);
  const rows = rowsOf(contest, data);
  const middle = ({ runs }: Standing, figure: keyof Figures) => median(runs.map((run) => run[figure]));
  const [first] = standings;
  return standings.map((standing) => {
    const { contender, runs, failure } = standing;
    const line = { task, contender: contender.name, role: contender.role, rows, bytes, runs: runs.length };
    if (failure !== undefined) return { ...line, failure };
    const seconds = middle(standing, 'seconds');
    return {
      ...line,
      seconds,
      processorSeconds: middle(standing, 'processorSeconds'),
      peakMemoryMiB: middle(standing, 'peakMemoryMiB'),
      ratio: first ? seconds / middle(first, 'seconds') : 1,
    };
  });
}
