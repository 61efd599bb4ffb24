import { type Authorize, refusalOf } from '../iam/access.ts';
import type { Asked } from '../iam/evaluate.ts';
import { ControlPlaneRefused } from './control-plane.ts';
import type { Call } from './interactions.ts';
import { Refused } from './refused.ts';

/** Who may do what with a data store. */
export interface HealthLakeGuard {
  readonly authorize: Authorize;
  readonly datastoreArn: string;
}

/** A call to the data plane that IAM does not allow: HTTP 403 and a message, before it is looked at as FHIR. */
export class CallForbidden extends Error {
  override readonly name = 'CallForbidden';
}

/**
 * What one caller may do. That a Bundle needs the right to each of its entries, and a PUT of what is not there yet the
 * right to create, is assumed, since nothing says so.
 * Source: "Actions, resources, and condition keys for AWS HealthLake", Service Authorization Reference.
 */
export class Rights {
  readonly #guard: HealthLakeGuard | undefined;
  readonly #caller: string;

  /** @param guard a caller may do everything where there is none */
  constructor(guard: HealthLakeGuard | undefined, caller: string) {
    this.#guard = guard;
    this.#caller = caller;
  }

  /** @throws ControlPlaneRefused AccessDeniedException */
  requireAction(action: string): void {
    const refused = this.#refused(action);
    if (refused) throw new ControlPlaneRefused('AccessDeniedException', refusalOf(refused));
  }

  /** @throws CallForbidden */
  requireCall(...actions: readonly string[]): void {
    for (const action of actions) {
      const refused = this.#refused(action);
      if (refused) throw new CallForbidden(refusalOf(refused));
    }
  }

  /** @throws Refused 403 */
  requireEntry(call: Call, isThere: (type: string, id: string) => boolean): void {
    for (const action of actionsOf(call, isThere)) {
      const refused = this.#refused(action);
      if (refused) throw new Refused(403, { code: 'forbidden', diagnostics: refusalOf(refused) });
    }
  }

  /** Whether the caller may hand a role to HealthLake. Source: "Granting a user permissions to pass a role", IAM User Guide. */
  mayPass(roleArn: string): boolean {
    const context = { 'iam:PassedToService': 'healthlake.amazonaws.com' };
    return this.#guard?.authorize(this.#caller, { action: 'iam:PassRole', resource: roleArn, context }) === undefined;
  }

  #refused(action: string): Asked | undefined {
    const { authorize, datastoreArn } = this.#guard ?? {};
    return authorize?.(this.#caller, { action: `healthlake:${action}`, resource: datastoreArn ?? '' });
  }
}

/** The actions that one FHIR request needs; none that is named for what the stand-in refuses anyway. */
export function actionsOf(
  { method, segments: [type = '', id, third, version] }: Pick<Call, 'method' | 'segments'>,
  isThere: (type: string, id: string) => boolean,
): readonly string[] {
  if (method === 'GET') {
    if (type === 'metadata') return ['GetCapabilities'];
    if (type === 'export') return ['DescribeFHIRExportJobWithGet'];
    if (id === undefined) return ['SearchWithGet'];
    if (third === '_history') return [version === undefined ? 'GetHistoryByResourceId' : 'VersionReadResource'];
    return ['ReadResource'];
  }
  if (method === 'POST' && id === '_search') return ['SearchWithPost'];
  if (method === 'POST' && id === '$validate') return ['ValidateResource'];
  if (method === 'POST') return ['CreateResource'];
  if (method === 'PUT') return isThere(type, id ?? '') ? ['UpdateResource'] : ['UpdateResource', 'CreateResource'];
  if (method === 'DELETE') return ['DeleteResource'];
  return [];
}
