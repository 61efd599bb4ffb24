import type { Decision } from '../iam/access.ts';
import type { Grant } from '../iam/evaluate.ts';
import type { Statement } from '../iam/policy.ts';
import type { Role } from '../iam/roles.ts';

/** An action or a resource of a statement, and what became of it in the runs that were recorded. */
export interface Part {
  readonly text: string;
  /** The actions that it allowed. */
  readonly uses: readonly string[];
  /** Whether something that was done would have been refused without it. */
  readonly isNecessary: boolean;
}

export interface StatementUse {
  readonly role: Role;
  readonly statement: Statement;
  readonly actions: readonly Part[];
  readonly resources: readonly Part[];
  readonly isNecessary: boolean;
}

/** Keeps what roles were allowed and refused, each kind of it once. */
export class Uses {
  readonly #allowed = new Map<Role, Map<string, Decision>>();
  readonly #refused = new Map<string, Decision>();

  record = (decision: Decision): void => {
    const { role, action, resource, grants } = decision;
    if (grants.length === 0) {
      this.#refused.set(`${role.name} ${action} ${resource}`, decision);
      return;
    }
    const ofRole = this.#allowed.get(role) ?? new Map<string, Decision>();
    this.#allowed.set(role, ofRole);
    const grantKeys = grants.map(
      (grant) => `${role.statements.indexOf(grant.statement)} ${grant.action} ${grant.resource}`,
    );
    ofRole.set(`${action} ${grantKeys.join(' ')}`, decision);
  };

  get refused(): readonly Decision[] {
    return [...this.#refused.values()];
  }

  /** What the runs used of each statement that allows something. */
  of(roles: readonly Role[]): StatementUse[] {
    return roles.flatMap((role) => {
      const decisions = [...(this.#allowed.get(role)?.values() ?? [])];
      return role.statements
        .filter(({ effect }) => effect === 'Allow')
        .map((statement) => useOf(role, statement, decisions));
    });
  }
}

/** Necessary is a part without which nothing is left that allows something that was done: proof by removal. */
function useOf(role: Role, statement: Statement, decisions: readonly Decision[]): StatementUse {
  const partOf = (text: string, isOf: (grant: Grant) => boolean): Part => {
    const allowed = decisions.filter(({ grants }) => grants.some(isOf));
    return {
      text,
      uses: [...new Set(allowed.map(({ action }) => action))],
      isNecessary: allowed.some(({ grants }) => grants.every(isOf)),
    };
  };
  return {
    role,
    statement,
    actions: statement.actions.map((action) =>
      partOf(action, (grant) => grant.statement === statement && grant.action === action),
    ),
    resources: statement.resources.map((resource) =>
      partOf(resource, (grant) => grant.statement === statement && grant.resource === resource),
    ),
    isNecessary: partOf('', (grant) => grant.statement === statement).isNecessary,
  };
}
