import type { FhirResource } from './fhir.ts';

/** The codes of the R4 value set `issue-type` that this store uses. */
export type IssueCode =
  | 'business-rule'
  | 'code-invalid'
  | 'conflict'
  | 'deleted'
  | 'duplicate'
  | 'forbidden'
  | 'informational'
  | 'invalid'
  | 'invariant'
  | 'not-found'
  | 'not-supported'
  | 'required'
  | 'structure'
  | 'throttled'
  | 'too-costly'
  | 'too-long'
  | 'value';

/** One thing wrong with a request; its diagnostics never repeat what a resource says. */
export interface Issue {
  readonly code: IssueCode;
  readonly diagnostics: string;
  /** Where in the resource, as a FHIRPath. */
  readonly expression?: string;
}

/** A request answered with an HTTP error status and an OperationOutcome. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly issues: readonly Issue[];
  /** `Type/id/_history/n` of the resource that stands in the way, where there is one. */
  readonly location: string | undefined;

  constructor(status: number, issues: Issue | readonly Issue[], location?: string) {
    super(`HTTP ${status}`);
    this.status = status;
    this.issues = 'code' in issues ? [issues] : issues;
    this.location = location;
  }
}

/** An operation that HealthLake may know but this stand-in does not imitate. */
export function notImplemented(operation: string): Refused {
  const diagnostics = `The local HealthLake stand-in does not implement ${operation}`;
  return new Refused(501, { code: 'not-supported', diagnostics });
}

/** AWS does not say what a throttled data plane call looks like: 429 is assumed, and the body names the exception. */
export function throttled(): Refused {
  return new Refused(429, { code: 'throttled', diagnostics: 'ThrottlingException: Rate exceeded' });
}

export function badRequest(diagnostics: string, code: IssueCode = 'invalid'): Refused {
  return new Refused(400, { code, diagnostics });
}

export function operationOutcome(issues: readonly Issue[], severity: 'error' | 'information' = 'error'): FhirResource {
  return {
    resourceType: 'OperationOutcome',
    issue: issues.map(({ code, diagnostics, expression }) => ({
      severity,
      code,
      diagnostics,
      ...(expression === undefined ? {} : { expression: [expression] }),
    })),
  };
}
