/** One contender's figures at MESH: medians of its runs. */
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

/** One contender's figures at a task of the whole cohort: medians of its runs, or why there are none. */
export type TaskLine = {
  readonly task: string;
  readonly contender: string;
  readonly role: 'ours' | 'rival' | 'floor';
  readonly rows: number;
  /** What is read. */
  readonly bytes: number;
  readonly runs: number;
} & (
  | { readonly failure: string }
  | {
      readonly seconds: number;
      /** Of all threads and processes, user and system. */
      readonly processorSeconds: number;
      readonly peakMemoryMiB: number;
      /** Its time in times of the first contender of the same task. */
      readonly ratio: number;
    }
);

/** One way of writing the same Consents to a HealthLake store: medians of its runs. */
export interface HealthLakeLine {
  readonly contender: string;
  readonly runs: number;
  readonly consents: number;
  readonly seconds: number;
  /** Of the contender's own process. */
  readonly processorSeconds: number;
  readonly peakMemoryMiB: number;
  /** Its time in times of ours. */
  readonly ratio: number;
}

/** How much of a store's write quota was made use of. */
export interface QuotaLine {
  readonly unitsPerSecond: number;
  readonly consents: number;
  readonly seconds: number;
  readonly throttledEntries: number;
  /** Of what the store would have let through in that time. */
  readonly share: number;
}

export function healthLakeTable(lines: readonly HealthLakeLine[]): string {
  return columns(
    ['task', 'contender', 'runs', 'Consents', 'seconds', 'processor s', 'Consents/s', 'peak MiB', 'time ratio'],
    lines.map((line) => [
      'Consents written',
      line.contender,
      String(line.runs),
      grouped(line.consents),
      line.seconds.toFixed(2),
      line.processorSeconds.toFixed(2),
      grouped(Math.round(line.consents / line.seconds)),
      line.peakMemoryMiB.toFixed(0),
      line.ratio.toFixed(2),
    ]),
  );
}

export function quotaText({ unitsPerSecond, consents, seconds, throttledEntries, share }: QuotaLine): string {
  return `At ${grouped(unitsPerSecond)} write units a second: ${grouped(consents)} Consents in ${seconds.toFixed(1)} s, ${(share * 100).toFixed(1)} % of the quota, ${grouped(throttledEntries)} entries throttled on the way, none left out\n`;
}

/** One way of stating or finding preferences: medians of its runs. */
export interface NoomLine {
  readonly task: string;
  readonly contender: string;
  readonly runs: number;
  readonly calls: number;
  readonly seconds: number;
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
  /** Its time in times of ours. */
  readonly ratio: number;
}

export function noomTable(lines: readonly NoomLine[]): string {
  return columns(
    ['task', 'contender', 'runs', 'calls', 'seconds', 'calls/s', 'p50 ms', 'p99 ms', 'time ratio'],
    lines.map((line) => [
      line.task,
      line.contender,
      String(line.runs),
      grouped(line.calls),
      line.seconds.toFixed(2),
      grouped(Math.round(line.calls / line.seconds)),
      line.p50Milliseconds.toFixed(1),
      line.p99Milliseconds.toFixed(1),
      line.ratio.toFixed(2),
    ]),
  );
}

export function meshTable(lines: readonly BenchLine[]): string {
  return columns(
    ['task', 'contender', 'MB', 'seconds', 'MB/s', 'peak MiB', 'ratio'],
    lines.map((line) => [
      line.task,
      line.contender,
      (line.bytes / 1e6).toFixed(0),
      line.seconds.toFixed(2),
      line.megabytesPerSecond.toFixed(0),
      line.peakMemoryMiB.toFixed(0),
      line.ratio.toFixed(2),
    ]),
  );
}

export function taskTable(lines: readonly TaskLine[]): string {
  return columns(
    ['task', 'contender', 'rows', 'MB', 'runs', 'seconds', 'processor s', 'rows/s', 'peak MiB', 'time ratio'],
    lines.map((line) => {
      const { task, contender, rows, bytes, runs } = line;
      const start = [task, contender, grouped(rows), (bytes / 1e6).toFixed(0), String(runs)];
      if ('failure' in line) return [...start, line.failure];
      const { seconds, processorSeconds, peakMemoryMiB, ratio } = line;
      const rate = grouped(Math.round(rows / seconds));
      return [
        ...start,
        seconds.toFixed(2),
        processorSeconds.toFixed(2),
        rate,
        peakMemoryMiB.toFixed(0),
        ratio.toFixed(2),
      ];
    }),
  );
}

/** Cells under their titles: the first two columns to the left, figures to the right, a sentence in place of figures as it is. */
export function columns(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const whole = rows.filter((row) => row.length === header.length);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...(column < 2 ? rows : whole).map((row) => row[column]?.length ?? 0)),
  );
  const text = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return `${[header, ...rows].map((row) => text(row).trimEnd()).join('\n')}\n`;
}

export function grouped(count: number): string {
  return count.toLocaleString('en-GB');
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : sorted.slice(middle - 1);
  return (low + high) / 2;
}
