import { columns, grouped, type TaskLine } from './table.ts';

/** How a task's time and memory grow with its rows. */
export interface Growth {
  readonly task: string;
  readonly sizes: readonly {
    readonly rows: number;
    readonly processorSeconds: number;
    readonly peakMemoryMiB: number;
  }[];
  /** The exponent of the power of the rows that fits processor time best: 1 is linear. */
  readonly slope: number;
  /** Peak memory at the largest size above that at the smallest. */
  readonly moreMemoryMiB: number;
}

/** @param lines of one contender, by rising rows */
export function growthOf(lines: readonly TaskLine[]): Growth[] {
  const tasks = Map.groupBy(lines, ({ task }) => task);
  return [...tasks].flatMap(([task, ofTask]) => {
    // A task that takes only so many rows has had them all at a smaller size.
    const sizes = ofTask
      .filter(({ rows }, index) => rows !== ofTask[index - 1]?.rows)
      .flatMap((line) => ('failure' in line ? [] : [line]));
    const [first, last] = [sizes[0], sizes.at(-1)];
    if (!first || !last || first.rows === last.rows) return [];
    return [{ task, sizes, slope: slopeOf(sizes), moreMemoryMiB: last.peakMemoryMiB - first.peakMemoryMiB }];
  });
}

/** Least squares through the logarithms of both. */
function slopeOf(sizes: Growth['sizes']): number {
  const points = sizes.map(({ rows, processorSeconds }) => ({ x: Math.log(rows), y: Math.log(processorSeconds) }));
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length;
  const above = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0);
  return above / points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
}

export function growthTable(growths: readonly Growth[]): string {
  const header = ['task', 'growing with', 'processor s', 'peak MiB', 'slope', 'more MiB'];
  const rows = growths.map(({ task, sizes, slope, moreMemoryMiB }) => [
    task,
    sizes.map((size) => grouped(size.rows)).join(' > '),
    sizes.map(({ processorSeconds }) => processorSeconds.toFixed(2)).join(' > '),
    sizes.map(({ peakMemoryMiB }) => peakMemoryMiB.toFixed(0)).join(' > '),
    slope.toFixed(2),
    moreMemoryMiB.toFixed(0),
  ]);
  return columns(header, rows);
}
