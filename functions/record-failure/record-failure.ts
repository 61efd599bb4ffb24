import { z } from 'zod';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { together, type ConsentWrites } from '../../shared/ledger/consent-writes.ts';
import type { LatestSnapshot } from '../../shared/ledger/latest.ts';
import type { Parts } from '../../shared/ledger/parts.ts';
import type { Runs } from '../../shared/ledger/runs.ts';
import { parseJson } from '../../shared/json.ts';
import { reportOf, type Report } from '../../shared/report/report.ts';

export const recordFailureInput = z.object({
  /** Null where the run failed before it had an id. */
  runId: z.string().nullable(),
  execution: z.string(),
  /** What failed, where it is no run of which the ledger knows. */
  what: z.string().default('the run'),
  startedAt: z.string(),
  stage: z.string(),
  error: z.object({ Error: z.string(), Cause: z.string().optional() }),
});
export type RecordFailureInput = z.input<typeof recordFailureInput>;

export interface RecordFailureOutput {
  readonly name: string;
  readonly message: string;
}

export interface RecordFailureDeps {
  readonly now: () => Date;
  readonly runs: Pick<Runs, 'find' | 'update'>;
  readonly parts: Pick<Parts, 'list'>;
  readonly mailbox: Pick<MailboxLedger, 'releaseLease'>;
  readonly writeReport: (report: Report) => Promise<{ readonly key: string }>;
  readonly consentWrites: Pick<ConsentWrites, 'list'>;
  readonly latest: Pick<LatestSnapshot, 'read' | 'unfinishedWriter'>;
  readonly notify: (subject: string, message: string) => Promise<void>;
}

/** Records why a run failed, frees the mailbox and tells the operators. What the run has learnt stays for a resume. */
export async function recordFailure(input: RecordFailureInput, deps: RecordFailureDeps): Promise<RecordFailureOutput> {
  const { runId, execution, stage, what = 'the run' } = input;
  const failure = { name: input.error.Error, stage, message: messageOf(input.error) };
  await deps.mailbox.releaseLease(execution);

  const run = runId === null ? undefined : await deps.runs.find(runId);
  let isPartlyWritten = false;
  // Another execution's run of the same id is none of this one's business.
  if (run?.executionArn === execution) {
    const parts = await deps.parts.list(run.runId);
    const writes = together(await deps.consentWrites.list(run.runId));
    const whoWrote = [await deps.latest.unfinishedWriter(), await deps.latest.read()];
    isPartlyWritten = writes.written > 0 || whoWrote.some((who) => who?.runId === run.runId);
    const closedAt = deps.now().toISOString();
    const ending = { closedAt, outcome: 'Failed', failure, written: writes.written, writes } as const;
    const { key: reportKey } = await deps.writeReport(reportOf(run, parts, ending));
    await deps.runs.update(run.runId, { state: 'failed', failure, reportKey });
  }
  const consequence = isPartlyWritten ? 'Some Consents may be written: resume the run.' : 'No Consent was written.';
  const named = run ? `run ${run.runId}` : `${what} started ${input.startedAt}`;
  await deps.notify(
    `NDOP ${named} failed: ${failure.name}`,
    [failure.message, `Stage: ${stage}`, ...(run ? [consequence] : [])].join('\n'),
  );
  return { name: failure.name, message: failure.message };
}

const lambdaCause = z.object({ errorMessage: z.string() });

/** Lambda gives the cause as JSON; a state that names its own failure gives a sentence. */
function messageOf({ Error: name, Cause: cause = '' }: RecordFailureInput['error']): string {
  const parsed = lambdaCause.safeParse(parseJson(cause));
  if (parsed.success) return parsed.data.errorMessage;
  return cause === '' ? name : cause;
}
