/** One contender's figures: medians of its runs. */
export interface BenchLine {
  /** What is measured, the same for all rivals. */
  readonly task: string;
  readonly contender: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly megabytesPerSecond: number;
  /** Of the contender's own process, in MiB. */
  readonly peakMemoryMiB: number;
  /** How its speed compares with that of the first contender of the same task. */
  readonly ratio: number;
}

/** Figures in columns, a line a contender. */
export function table(lines: readonly BenchLine[]): string {
  const header = ['task', 'contender', 'MB', 'seconds', 'MB/s', 'peak MiB', 'ratio'];
  const rows = lines.map((line) => [
    line.task,
    line.contender,
    (line.bytes / 1e6).toFixed(0),
    line.seconds.toFixed(2),
    line.megabytesPerSecond.toFixed(0),
    line.peakMemoryMiB.toFixed(0),
    line.ratio.toFixed(2),
  ]);
  const widths = header.map((title, column) =>
    Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0), title.length),
  );
  const text = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return `${[header, ...rows].map((row) => text(row).trimEnd()).join('\n')}\n`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : sorted.slice(middle - 1);
  return (low + high) / 2;
}
