import type { Role } from '../iam/roles.ts';
import type { Unused } from './unused.ts';
import type { StatementUse } from './uses.ts';

/** What roles and resources are called. */
export interface Names {
  readonly role: (role: Role) => string;
  readonly resource: (resource: string) => string;
}

/** What is wrong with the grants, in sentences; none where every one is used and needed, or accounted for. */
export function findingsOf(uses: readonly StatementUse[], accounted: readonly Unused[], names: Names): string[] {
  const matched = new Set<Unused>();
  const findings = uses.flatMap((use) => {
    const role = names.role(use.role);
    const isUnaccounted = (part: string) => {
      const entry = accounted.find((each) => each.part === part && (each.role === '*' || each.role === role));
      if (entry) matched.add(entry);
      return entry === undefined;
    };
    const actions = use.actions.filter(({ isNecessary }) => !isNecessary).map(({ text }) => text);
    // Where nothing of a statement is needed, that is said of its actions.
    const isWhollyIdle = actions.length === use.actions.length;
    const resources = isWhollyIdle ? [] : use.resources.filter(({ isNecessary }) => !isNecessary);
    const on = use.statement.resources.map(names.resource).join(', ');
    return [
      ...actions.filter(isUnaccounted).map((action) => `${role} needs no ${action} on ${on}`),
      ...resources
        .map(({ text }) => names.resource(text))
        .filter(isUnaccounted)
        .map((resource) => `${role} needs nothing on ${resource}`),
    ];
  });
  return [
    ...findings,
    ...accounted.filter(({ reason }) => reason.trim() === '').map(({ part }) => `No reason is given for ${part}`),
    ...accounted
      .filter((each) => !matched.has(each))
      .map(({ role, part }) => `${part} of ${role} is accounted for as unused, and is not granted or is used`),
  ];
}
