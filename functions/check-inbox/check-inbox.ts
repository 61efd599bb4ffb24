import { z } from 'zod';
import { settleMessages, type SettleDeps } from '../../shared/inbox/settle.ts';
import { takeInMessages, type TakeInDeps } from '../../shared/inbox/take-in.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { failedStates, waitingStates, type Part, type Parts } from '../../shared/ledger/parts.ts';
import { handshakeIfDue, type HandshakeDeps } from '../../shared/mesh/handshake.ts';
import type { Measured } from '../../shared/metrics.ts';
import { needsSplitting, reconcilableParts } from '../../shared/ndop/pieces.ts';

export const checkInboxInput = z.object({
  runId: z.string(),
  execution: z.string(),
  /** How long the run's Wait states have waited so far. */
  waitedSeconds: z.number(),
});
export type CheckInboxInput = z.infer<typeof checkInboxInput>;

/** How often to look while a reply is out; the last stretch is without end. */
export const pollPlan = z.array(z.object({ untilSeconds: z.number().optional(), everySeconds: z.number() })).min(1);
export type PollPlan = z.infer<typeof pollPlan>;

export interface CheckInboxOutput {
  /** Requests, whole parts and pieces alike, whose answer is out. */
  readonly waiting: number;
  /** Parts that can be reconciled. */
  readonly answered: readonly number[];
  /** Requests that are to be split. */
  readonly rejected: number;
  readonly waitSeconds: number;
  /** Why the first of the parts that failed did so; present where any did. */
  readonly failure?: { readonly name: string; readonly message: string };
}

export interface CheckInboxDeps extends TakeInDeps, SettleDeps {
  readonly mesh: TakeInDeps['mesh'] & HandshakeDeps['mesh'];
  readonly parts: SettleDeps['parts'] & Pick<Parts, 'list'>;
  readonly ledger: TakeInDeps['ledger'] &
    SettleDeps['ledger'] &
    HandshakeDeps['ledger'] &
    Pick<MailboxLedger, 'keepLease'>;
  readonly files: TakeInDeps['files'] & SettleDeps['files'];
  readonly leaseSeconds: number;
  readonly pollPlan: PollPlan;
  readonly replyDeadlineSeconds: number;
  readonly measure: (measured: Measured) => void;
}

/**
 * Takes in whatever waits in the inbox, attaches it to the parts it answers, and says what the run still waits for. A
 * part without a reply at the deadline is overdue and changes nobody's status.
 *
 * @throws LeaseLost
 */
export async function checkInbox(input: CheckInboxInput, deps: CheckInboxDeps): Promise<CheckInboxOutput> {
  const { runId, execution, waitedSeconds } = input;
  const lookedAt = deps.now();
  const secondsWaited = (await deps.parts.list(runId))
    .filter(({ state }) => waitingStates.includes(state))
    .map((part) => secondsOut(part, waitedSeconds, lookedAt));
  const waitSeconds = waitFor(secondsWaited.length > 0 ? Math.min(...secondsWaited) : waitedSeconds, deps.pollPlan);
  await deps.ledger.keepLease({ execution, runId }, deps.leaseSeconds + waitSeconds);

  await handshakeIfDue(deps);
  await takeInMessages(deps);
  await settleMessages(deps);
  await giveUpWaiting(input, lookedAt, deps);

  const parts = await deps.parts.list(runId);
  const waiting = parts.filter(({ state }) => waitingStates.includes(state));
  deps.measure({ ReplyWaitSeconds: Math.max(0, ...waiting.map((part) => secondsOut(part, waitedSeconds, lookedAt))) });
  const failed = parts.find((part) => failedStates.includes(part.state));
  return {
    waiting: waiting.length,
    answered: reconcilableParts(parts),
    rejected: parts.filter((part) => needsSplitting(part, parts)).length,
    waitSeconds,
    ...(failed?.failure ? { failure: failed.failure } : {}),
  };
}

async function giveUpWaiting(
  { runId, waitedSeconds }: CheckInboxInput,
  lookedAt: Date,
  { parts, replyDeadlineSeconds }: CheckInboxDeps,
): Promise<void> {
  for (const row of await parts.list(runId)) {
    const { part, state, noticeAt } = row;
    if (!waitingStates.includes(state) || secondsOut(row, waitedSeconds, lookedAt) < replyDeadlineSeconds) continue;
    const heard = noticeAt === undefined ? 'nothing was heard' : 'only the job notice came';
    const message = `No answer within ${replyDeadlineSeconds} seconds: ${heard}`;
    await parts.move(runId, part, waitingStates, { state: 'overdue', failure: { name: 'ReplyOverdue', message } });
  }
}

export function waitFor(waitedSeconds: number, plan: PollPlan): number {
  const stretch = plan.find(({ untilSeconds }) => untilSeconds === undefined || waitedSeconds < untilSeconds);
  return (stretch ?? plan.at(-1))?.everySeconds ?? 3600;
}

/**
 * How long a part's request has been out. A resumed run asks some parts again, each with a time of its own; the run's
 * waits count where they have got further than the clock, as in a run whose waits are cut short.
 */
function secondsOut({ sentAt, waitedAtSend = 0 }: Part, waitedSeconds: number, lookedAt: Date): number {
  const seconds = sentAt === undefined ? 0 : (lookedAt.getTime() - Date.parse(sentAt)) / 1000;
  return Math.max(waitedSeconds - waitedAtSend, seconds);
}
