import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesOf, filesBelow } from './answers.ts';
import type { Contender, Contest } from './contest.ts';
import { writeDataSet, type DataSet } from './people/data-set.ts';
import { race } from './race.ts';

let directory: string;
let data: DataSet;
let writesRight: string;
let writesWrong: string;
let dies: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ndop-race-'));
  data = writeDataSet({ directory, rows: 100, partRows: 50, seed: 1, kinds: new Set(['cohort']) });
  const program = async (name: string, work: string): Promise<string> => {
    const path = join(directory, `${name}.ts`);
    const contendPath = JSON.stringify(join(import.meta.dirname, 'contend.ts'));
    await writeFile(
      path,
      `import { writeFileSync } from 'node:fs';
       import { contend } from ${contendPath};
       await contend(async ({ answer }) => { ${work} });`,
    );
    return path;
  };
  writesRight = await program('right', `writeFileSync(answer + '/a.txt', 'right');`);
  writesWrong = await program('wrong', `writeFileSync(answer + '/a.txt', 'wrong');`);
  dies = await program('dies', `throw new RangeError('A Set has no room');`);
});

afterAll(() => rm(directory, { recursive: true }));

describe('a race', () => {
  it('gives the medians of so many runs, and the time in times of ours', async () => {
    const [ours, rival] = await run([
      { name: 'ours', role: 'ours', program: writesRight },
      { name: 'rival', role: 'rival', program: writesRight },
    ]);
    expect(ours).toMatchObject({ task: 'write', contender: 'ours', rows: 100, runs: 2, ratio: 1 });
    expect(rival).toMatchObject({ contender: 'rival', runs: 2, ratio: expect.any(Number), bytes: 1200 });
  });

  it('ends with an error where any answer is wrong', async () => {
    const racing = run([
      { name: 'ours', role: 'ours', program: writesRight },
      { name: 'rival', role: 'rival', program: writesWrong },
    ]);
    await expect(racing).rejects.toThrow('write: the answer of rival is wrong. No figure of this run counts');
  });

  it('says why a rival died, and ends where ours did', async () => {
    const rivalDies: Contender[] = [
      { name: 'ours', role: 'ours', program: writesRight },
      { name: 'rival', role: 'rival', program: dies },
    ];
    expect((await run(rivalDies))[1]).toMatchObject({ failure: 'failed: RangeError: A Set has no room', runs: 0 });
    await expect(run([{ name: 'ours', role: 'ours', program: dies }])).rejects.toThrow('A Set has no room');
  });

  it('does not run a rival beyond its limit, without its installation, or beyond the rows asked for', async () => {
    const rival = { role: 'rival', program: dies } as const;
    const lines = await run(
      [
        { name: 'ours', role: 'ours', program: writesRight },
        { ...rival, name: 'limited', limit: { rows: 99, reason: 'too many' } },
        { ...rival, name: 'installed', isInstalled: true },
        { ...rival, name: 'slow' },
        { ...rival, name: 'quick', program: writesRight, runsAtAnySize: true },
      ],
      { rivalRows: 99 },
    );
    expect(lines.map((line) => ('failure' in line ? line.failure : 'ran'))).toEqual([
      'ran',
      'failed: too many',
      'could not be installed: no network',
      'not run beyond --rival-rows 99',
      'ran',
    ]);
  });

  it('runs nobody once more who has used up the patience', async () => {
    const [ours] = await run([{ name: 'ours', role: 'ours', program: writesRight }], { patienceSeconds: 0 });
    expect(ours).toMatchObject({ runs: 1 });
  });
});

async function run(contenders: readonly Contender[], options: { patienceSeconds?: number; rivalRows?: number } = {}) {
  const right = 'right';
  await writeFile(join(directory, 'right.txt'), right);
  const contest: Contest = {
    task: 'write',
    kinds: ['cohort'],
    contenders,
    judge: (answer) => bytesOf(filesBelow(answer)),
    right: () => bytesOf([join(directory, 'right.txt')]),
  };
  return race(contest, {
    ...{ data, warmUp: data, runs: 2, patienceSeconds: 120, rivalRows: 1000, isKept: false, say: () => undefined },
    installed: { failure: 'could not be installed: no network' },
    ...options,
  });
}
