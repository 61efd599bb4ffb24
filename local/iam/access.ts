import { grantsOf, type Asked, type Grant } from './evaluate.ts';
import type { Role } from './roles.ts';

/** Whether a caller, known by its access key, may do all of what is asked; gives what it may not do, if anything. */
export type Authorize = (accessKeyId: string, ...asked: readonly Asked[]) => Asked | undefined;

/** What a role asked for, and everything that allowed it: nothing, where it was refused. */
export interface Decision extends Asked {
  readonly role: Role;
  readonly grants: readonly Grant[];
}

/** The largest number of decisions that are kept: resources of a data store are few, objects of a bucket are not. */
const mostDecisions = 10_000;

/** Decides by the policies of the roles who may do what, and tells each decision that it makes anew. */
export class Access {
  readonly #roles: ReadonlyMap<string, Role>;
  readonly #operator: string;
  readonly #onDecision: (decision: Decision) => void;
  readonly #decisions = new Map<string, boolean>();

  /**
   * @param roles by the access key id of whoever has taken them on
   * @param operator access key id of who may do everything
   */
  constructor(
    roles: ReadonlyMap<string, Role>,
    operator: string,
    onDecision: (decision: Decision) => void = () => undefined,
  ) {
    this.#roles = roles;
    this.#operator = operator;
    this.#onDecision = onDecision;
  }

  authorize: Authorize = (accessKeyId, ...asked) =>
    accessKeyId === this.#operator ? undefined : asked.find((each) => !this.#mayDo(accessKeyId, each));

  #mayDo(accessKeyId: string, asked: Asked): boolean {
    const key = `${accessKeyId} ${asked.action} ${asked.resource} ${JSON.stringify(asked.context ?? {})}`;
    const known = this.#decisions.get(key);
    if (known !== undefined) return known;
    const role = this.#roles.get(accessKeyId);
    const grants = role ? grantsOf(role.statements, asked) : [];
    if (role) this.#onDecision({ ...asked, role, grants });
    if (this.#decisions.size >= mostDecisions) this.#decisions.clear();
    this.#decisions.set(key, grants.length > 0);
    return grants.length > 0;
  }
}

/** In the words of AWS's own refusals. */
export function refusalOf({ action, resource }: Asked): string {
  return `User is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;
}
