import { SendTaskFailureCommand, SendTaskSuccessCommand, type SFNClient } from '@aws-sdk/client-sfn';
import { PermanentError } from './errors.ts';
import type { Runs } from './ledger/runs.ts';

export interface ReviewVerdict {
  readonly approve: boolean;
  readonly by: string;
  readonly reason: string;
}

/**
 * Answers a run that is held for review; the answer and its reason go into the run's report.
 *
 * @throws PermanentError RunUnknown where no such run waits for a review
 */
export async function answerReview(
  runId: string,
  { approve, by, reason }: ReviewVerdict,
  { runs, sfn }: { readonly runs: Pick<Runs, 'read'>; readonly sfn: SFNClient },
): Promise<void> {
  const { state, review } = await runs.read(runId);
  if (state !== 'held' || !review)
    throw new PermanentError('RunUnknown', `Run ${runId} is not held for review: it is ${state}`);
  const { taskToken } = review;
  if (approve) {
    await sfn.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify({ by, reason }) }));
  } else {
    await sfn.send(
      new SendTaskFailureCommand({ taskToken, error: 'ReviewRejected', cause: `Rejected by ${by}: ${reason}` }),
    );
  }
}
