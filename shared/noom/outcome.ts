import { randomUUID } from 'node:crypto';
import type { Refusal } from './refusal.ts';
import { outcomeCodes, outcomeProfile } from './vocabulary.ts';

interface Issue {
  readonly severity: 'error' | 'information';
  readonly code: string;
  readonly details: {
    readonly coding: readonly { readonly system: string; readonly code: string; readonly display: string }[];
  };
  readonly diagnostics?: string;
}

/** An OperationOutcome in the form of Spine-OperationOutcome-1; its id is for whoever has to look for it in the log. */
export interface OperationOutcome {
  readonly resourceType: 'OperationOutcome';
  readonly id: string;
  readonly meta: { readonly profile: readonly string[] };
  readonly issue: readonly Issue[];
}

export function refused({ code, issueType, display, message }: Refusal): OperationOutcome {
  return outcome({ severity: 'error', code: issueType, details: coded(code, display), diagnostics: message });
}

/** What a client that prefers an outcome to the resource is told of a success. */
export function written(code: 'RESOURCE_CREATED' | 'RESOURCE_UPDATED'): OperationOutcome {
  const display = code === 'RESOURCE_CREATED' ? 'New resource created' : 'Resource has been successfully updated';
  return outcome({ severity: 'information', code: 'informational', details: coded(code, display) });
}

function outcome(issue: Issue): OperationOutcome {
  return { resourceType: 'OperationOutcome', id: randomUUID(), meta: { profile: [outcomeProfile] }, issue: [issue] };
}

function coded(code: string, display: string): Issue['details'] {
  return { coding: [{ system: outcomeCodes, code, display }] };
}
