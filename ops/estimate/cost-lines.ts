/** One thing that something costs. */
export interface CostLine {
  readonly what: string;
  readonly count: number;
  readonly dollarsEach: number;
}

/** The lines as a table in Markdown, with their sum. */
export function costTable(lines: readonly CostLine[]): string[] {
  const dollars = ({ count, dollarsEach }: CostLine) => count * dollarsEach;
  const all = lines.reduce((sum, line) => sum + dollars(line), 0);
  return [
    '| what | how many | each | dollars |',
    '| --- | ---: | ---: | ---: |',
    ...lines.map(
      (line) =>
        `| ${line.what} | ${line.count} | ${Number(line.dollarsEach.toPrecision(3))} | ${dollars(line).toFixed(2)} |`,
    ),
    `| all | | | ${all.toFixed(2)} |`,
  ];
}
