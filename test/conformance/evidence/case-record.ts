import type { CaseResult, JudgedCheck, Verdict } from '../catalogue-run.ts';
import type { Environment } from '../environment.ts';
import type { RecordedCall } from '../recorder.ts';
import type { Redact, ShowHeaders } from './redaction.ts';

/** One call as an assessor sees it. */
export interface CallRecord extends RecordedCall {
  readonly mailbox: 'under test' | 'other' | 'dormant';
}

/** One case as it is written to a file. */
export interface CaseRecord {
  readonly case: string;
  readonly title: string;
  readonly isOptional: boolean;
  readonly asks: string;
  readonly passes: string;
  readonly verdict: Verdict;
  readonly remark?: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly checks: readonly JudgedCheck[];
  readonly notes: readonly { readonly name: string; readonly value: string }[];
  readonly calls: readonly CallRecord[];
}

/** What is shown of a case: everything but secrets and what may be a person. */
export function caseRecord(
  result: CaseResult,
  { mailboxes }: Environment,
  { redact, showHeaders }: { readonly redact: Redact; readonly showHeaders: ShowHeaders },
): CaseRecord {
  const { number, title, asks, passes, verdict, remark, startedAt, endedAt } = result;
  const shownCheck = ({ claim, holds, found, difference }: JudgedCheck): JudgedCheck => ({
    ...{ claim, holds },
    ...(found === undefined ? {} : { found: redact(found) }),
    ...(difference === undefined ? {} : { difference }),
  });
  const whose = (mailboxId: string): CallRecord['mailbox'] => {
    if (mailboxId === mailboxes.ours.mailboxId) return 'under test';
    return mailboxId === mailboxes.other.mailboxId ? 'other' : 'dormant';
  };
  return {
    ...{ case: number, title, isOptional: result.isOptional === true, asks, passes, verdict },
    ...(remark === undefined ? {} : { remark: redact(remark) }),
    ...{ startedAt, endedAt },
    checks: result.checks.map(shownCheck),
    notes: result.notes.map(({ name, value }) => ({ name, value: redact(value) })),
    calls: result.calls.map((call) => ({
      ...call,
      mailbox: whose(call.mailboxId),
      path: redact(call.path),
      requestHeaders: showHeaders(call.requestHeaders),
      ...(call.responseHeaders === undefined ? {} : { responseHeaders: showHeaders(call.responseHeaders) }),
    })),
  };
}
