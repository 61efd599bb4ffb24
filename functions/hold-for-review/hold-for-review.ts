import { z } from 'zod';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { Runs } from '../../shared/ledger/runs.ts';

export const holdForReviewInput = z.object({ runId: z.string(), execution: z.string(), taskToken: z.string() });
export type HoldForReviewInput = z.infer<typeof holdForReviewInput>;

export interface HoldForReviewDeps {
  readonly now: () => Date;
  /** How long a reviewer has; the mailbox stays taken until then, so that no other run overtakes this one. */
  readonly reviewSeconds: number;
  readonly leaseSeconds: number;
  readonly runs: Pick<Runs, 'read' | 'update'>;
  readonly mailbox: Pick<MailboxLedger, 'keepLease'>;
  readonly notify: (subject: string, message: string) => Promise<void>;
}

/** Records that the run waits for a person, and tells them why and how to answer. The answer comes by task token. */
export async function holdForReview(input: HoldForReviewInput, deps: HoldForReviewDeps): Promise<{ runId: string }> {
  const { runId, execution, taskToken } = input;
  await deps.mailbox.keepLease({ execution, runId }, deps.reviewSeconds + deps.leaseSeconds);
  const heldAt = deps.now();
  const until = new Date(heldAt.getTime() + deps.reviewSeconds * 1000).toISOString();
  await deps.runs.update(runId, { state: 'held', review: { taskToken, heldAt: heldAt.toISOString(), until } });
  const { verdict } = await deps.runs.read(runId);
  await deps.notify(
    `NDOP run ${runId} is held for review`,
    [
      `Nothing is written yet. The results are unusual:`,
      ...(verdict?.reasons ?? []).map((reason) => `- ${reason}`),
      `Approve: npm run ops -- approve ${runId} --reason "..."`,
      `Reject:  npm run ops -- reject ${runId} --reason "..."`,
      `Without an answer the run ends at ${until} and changes nothing.`,
    ].join('\n'),
  );
  return { runId };
}
