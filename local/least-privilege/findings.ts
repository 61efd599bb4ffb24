import type { Role } from '../iam/roles.ts';
import type { StatementUse } from './uses.ts';

/** What roles and resources are called. */
export interface Names {
  readonly role: (role: Role) => string;
  readonly resource: (resource: string) => string;
}

/** What is granted and not needed, in sentences. */
export function findingsOf(uses: readonly StatementUse[], names: Names): string[] {
  return uses.flatMap((use) => {
    const role = names.role(use.role);
    const actions = use.actions.filter(({ isNecessary }) => !isNecessary);
    // Where nothing of a statement is needed, that is said of its actions.
    const isWhollyIdle = actions.length === use.actions.length;
    const resources = isWhollyIdle ? [] : use.resources.filter(({ isNecessary }) => !isNecessary);
    const on = use.statement.resources.map(names.resource).join(', ');
    return [
      ...actions.map(({ text }) => `${role} needs no ${text} on ${on}`),
      ...resources.map(({ text }) => `${role} needs nothing on ${names.resource(text)}`),
    ];
  });
}
