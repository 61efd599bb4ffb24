import type { Deployment } from '../assembly/deployment.ts';
import { labelOf } from './table.ts';

/** The same deployment, in which a role has lost every statement that names an action. */
export function withoutStatement(deployment: Deployment, label: string, action: string): Deployment {
  const roles = deployment.roles.map((role) =>
    labelOf(deployment, role) === label
      ? { ...role, statements: role.statements.filter(({ actions }) => !actions.includes(action)) }
      : role,
  );
  return { ...deployment, roles };
}
