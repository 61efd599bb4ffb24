import { describe, expect, it, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { linesOf, sortedNumbersOf } from './answers.ts';
import { growthOf } from './growth.ts';
import { readOptions } from './options.ts';
import { measureChildren } from './rivals/measure-children.ts';
import { taskTable, type TaskLine } from './table.ts';

const line = (rows: number, processorSeconds: number, peakMemoryMiB: number): TaskLine => ({
  ...{ task: 'reconcile', contender: 'ours', role: 'ours', rows, bytes: rows * 12, runs: 3 },
  ...{ seconds: processorSeconds, processorSeconds, peakMemoryMiB, ratio: 1 },
});

test.each([
  { power: 1, slope: 1 },
  { power: 2, slope: 2 },
  { power: 0.5, slope: 0.5 },
])('time that grows with the rows to the power of $power has the slope $slope', ({ power, slope }) => {
  const sizes = [1e6, 4e6, 16e6].map((rows, index) => line(rows, 3 * (rows / 1e6) ** power, 100 + index));
  const [growth] = growthOf(sizes);
  expect(growth?.slope).toBeCloseTo(slope, 10);
  expect(growth?.moreMemoryMiB).toBe(2);
});

it('shows a rival without figures with the reason, in the line of the others', () => {
  const failed = { ...line(1e6, 1, 1), contender: 'rival', failure: 'failed: no room', runs: 0 };
  expect(
    taskTable([line(1e6, 0.5, 90), failed])
      .split('\n')
      .slice(1, 3),
  ).toEqual([
    'reconcile  ours       1,000,000  12     3     0.50         0.50  2,000,000        90        1.00',
    'reconcile  rival      1,000,000  12     0  failed: no room',
  ]);
});

describe('answers', () => {
  const inFile = async <Result>(text: string, look: (path: string, directory: string) => Promise<Result>) => {
    const directory = await mkdtemp(join(tmpdir(), 'ndop-answers-'));
    try {
      await writeFile(join(directory, 'a.txt'), text);
      return await look(join(directory, 'a.txt'), directory);
    } finally {
      await rm(directory, { recursive: true });
    }
  };
  const numbers = (text: string) => inFile(text, (path) => sortedNumbersOf([path]));

  it('of numbers are the same in any order and with any line end, and are kept sorted', async () => {
    const sorted = await numbers('9000000009\n9000000017\n');
    expect(await numbers('9000000017,\r\n9000000009,\r\n')).toBe(sorted);
    expect(await numbers('9000000009\n')).not.toBe(sorted);
    const kept = await inFile('9000000017\n9000000009\n', async (path, directory) => {
      await sortedNumbersOf([path], join(directory, 'kept.txt'));
      return readFile(join(directory, 'kept.txt'), 'utf8');
    });
    expect(kept).toBe('9000000009\n9000000017\n');
  });

  test.each([
    { text: '900000000\n', reason: 'a line has 9 bytes' },
    { text: '90000000x9\n', reason: 'a line is no NHS number' },
    { text: '9000000009\n9000000017,\n', reason: 'a line has 11 bytes' },
    { text: '9000000009\n9000', reason: 'ends in the middle of a line' },
  ])('of numbers are refused: $reason', async ({ text, reason }) => {
    await expect(numbers(text)).rejects.toThrow(reason);
  });

  it('of lines are what is taken of each', async () => {
    const second = (line: string) => line.split(',')[1] ?? '';
    const one = await inFile('a,1\nb,2\n', (path) => linesOf([path], second));
    expect(await inFile('c,1\nd,2\n', (path) => linesOf([path], second))).toBe(one);
    await expect(inFile('a,1\nb,2', (path) => linesOf([path], second))).rejects.toThrow('in the middle of a line');
  });
});

const onLinux = process.platform === 'linux' ? it : it.skip;

onLinux('the time and memory of work in other processes are theirs', async () => {
  const script =
    'const bytes = Buffer.alloc(64 * 2 ** 20, 1); while (process.cpuUsage().user < 200_000) bytes.fill(2);';
  const { seconds, processorSeconds, peakMemoryMiB } = await measureChildren(async () => {
    await promisify(execFile)(process.execPath, ['-e', script]);
  });
  expect(processorSeconds).toBeGreaterThanOrEqual(0.2);
  expect(seconds).toBeGreaterThan(0.1);
  expect(peakMemoryMiB).toBeGreaterThan(64);
});

test.each([
  { args: ['--only', 'reconcil'], message: '--only reconcil: must be of cohort, stage' },
  { args: ['--rows', '0'], message: '--rows 0: must be a whole number from 16' },
  { args: ['--rows', '100000000'], message: '--rows 100000000: must be a whole number from 16' },
])('$args is refused', ({ args, message }) => {
  expect(() => readOptions(args)).toThrow(message);
});
