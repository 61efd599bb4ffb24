import type { Unused } from './unused.ts';
import type { StatementUse } from './uses.ts';

/** What is wrong with the grants, in sentences; none where every one is used and needed, or accounted for. */
export function findingsOf(
  uses: readonly StatementUse[],
  labelOf: (use: StatementUse) => string,
  accounted: readonly Unused[],
): string[] {
  const matched = new Set<Unused>();
  const findings = uses.flatMap((use) => {
    const label = labelOf(use);
    const isAccounted = (action: string) => {
      const entry = accounted.find((each) => each.action === action && (each.role === '*' || each.role === label));
      if (entry) matched.add(entry);
      return entry !== undefined;
    };
    const idle = use.actions.filter(({ isNecessary }) => !isNecessary);
    const unaccounted = idle.filter(({ text }) => !isAccounted(text));
    const isWhollyIdle = idle.length === use.actions.length;
    return [
      ...unaccounted.map(({ text }) => `${label} needs no ${text} on ${use.statement.resources.join(', ')}`),
      // Where nothing of a statement is used, that has been said of its actions.
      ...use.resources
        .filter(({ isNecessary }) => !isNecessary && !isWhollyIdle)
        .map(({ text }) => `${label} needs nothing on ${text}`),
    ];
  });
  const stale = accounted.filter((each) => !matched.has(each));
  return [
    ...findings,
    ...accounted.filter(({ reason }) => reason.trim() === '').map(({ action }) => `No reason is given for ${action}`),
    ...stale.map(
      ({ role, action }) => `${action} of ${role} is accounted for as unused, and is not granted or is used`,
    ),
  ];
}
