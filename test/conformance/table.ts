import type { CaseResult, Verdict } from './catalogue-run.ts';

/** How a verdict is called before an assessor. */
export const verdictNames: Readonly<Record<Verdict, string>> = {
  passed: 'passed',
  differs: 'differs as listed',
  waiting: 'waiting',
  failed: 'FAILED',
};

/** A line a case, and under it what did not hold or has to be done. */
export function table(results: readonly CaseResult[]): string {
  const header = ['case', 'title', 'verdict', 'checks', 'calls', 'seconds'];
  const rows = results.map((result) => [
    result.number,
    result.title + (result.isOptional === true ? ' (optional)' : ''),
    verdictNames[result.verdict],
    `${result.checks.filter(({ holds }) => holds).length}/${result.checks.length}`,
    String(result.calls.length),
    ((Date.parse(result.endedAt) - Date.parse(result.startedAt)) / 1000).toFixed(1),
  ]);
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0)));
  const text = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column < 3 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  const lines = results.flatMap((result, index) => [
    text(rows[index] ?? []),
    ...remarks(result).map((remark) => `     ${remark}`),
  ]);
  return `${[text(header), ...lines, '', summary(results)].join('\n')}\n`;
}

/** What a reader of one case has to know beside its verdict. */
export function remarks({ checks, remark, verdict }: CaseResult): string[] {
  const odd = checks.filter(({ holds }) => !holds);
  return [
    ...odd.map(({ claim, found, difference }) =>
      difference === undefined
        ? `does not hold: ${claim}${found === undefined ? '' : ` (${found})`}`
        : `differs: ${claim}: ${difference}`,
    ),
    ...(remark === undefined ? [] : [verdict === 'waiting' ? `waiting: ${remark}` : remark]),
  ];
}

export function summary(results: readonly CaseResult[]): string {
  const count = (verdict: Verdict) => results.filter((result) => result.verdict === verdict).length;
  const parts = (['passed', 'differs', 'waiting', 'failed'] as const)
    .map((verdict) => [count(verdict), verdictNames[verdict]] as const)
    .filter(([number, name]) => number > 0 || name === 'passed')
    .map(([number, name]) => `${number} ${name.toLowerCase()}`);
  return `${results.length} ${results.length === 1 ? 'case' : 'cases'}: ${parts.join(', ')}`;
}

/** 0 all passed or differ as listed, 1 one failed, 4 none failed and some wait. */
export function exitCode(results: readonly CaseResult[]): 0 | 1 | 4 {
  const verdicts = results.map(({ verdict }) => verdict);
  if (verdicts.length === 0 || verdicts.includes('failed')) return 1;
  return verdicts.includes('waiting') ? 4 : 0;
}
