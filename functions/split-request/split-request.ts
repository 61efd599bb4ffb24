import { z } from 'zod';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { Part, Parts } from '../../shared/ledger/parts.ts';
import { log } from '../../shared/log.ts';
import { halves, invalidNumbersIn, missingPieces, needsSplitting } from '../../shared/ndop/pieces.ts';

export const splitRequestInput = z.object({
  runId: z.string(),
  execution: z.string(),
  /** How often this execution has split before. */
  splits: z.number(),
});
export type SplitRequestInput = z.infer<typeof splitRequestInput>;

export interface SplitRequestOutput {
  /** Pieces to be asked about now. */
  readonly parts: readonly number[];
  /** People set aside so far: the service refused each of them alone. */
  readonly quarantined: number;
}

/** Beyond these something else is wrong than a few numbers, the line ending for one, or there is no end in sight. */
export interface SplitLimits {
  readonly maxInvalidNumbers: number;
  /** Pieces of a run; the depth is bounded by the size of a part: 19 rounds for half a million people. */
  readonly maxPieces: number;
  /** From the sending of a part's first request to its last splitting. */
  readonly splittingSeconds: number;
}

export interface SplitRequestDeps {
  readonly limits: SplitLimits;
  readonly now: () => Date;
  readonly leaseSeconds: number;
  readonly parts: Pick<Parts, 'list' | 'move' | 'put'>;
  readonly mailbox: Pick<MailboxLedger, 'keepLease'>;
}

/** A pass through the state machine takes some 36 events, of the 25,000 that an execution has room for. */
const maxSplits = 300;

/**
 * Splits every rejected request of a run into two pieces, and sets aside whoever was rejected alone. A split is on record
 * before its pieces are, so that a stop in between shows and a repeat makes the same ones.
 *
 * @throws LeaseLost. Where the limits are passed the requests fail as SplitExhausted, and other parts go on.
 */
export async function splitRequest(input: SplitRequestInput, deps: SplitRequestDeps): Promise<SplitRequestOutput> {
  const { runId, execution } = input;
  await deps.mailbox.keepLease({ execution, runId }, deps.leaseSeconds);
  const rows = await deps.parts.list(runId);
  const rejected = rows.filter((row) => row.state !== 'split' && needsSplitting(row, rows));
  const tally = tallyOf(rows, rejected);
  let next = Math.max(0, ...rows.flatMap(({ part, pieces = [] }) => [part, ...pieces])) + 1;
  for (const row of rejected) {
    const { part, state } = row;
    const message = reasonToGiveUp(row, tally, input, deps);
    if (message !== undefined) {
      const failure = { name: 'SplitExhausted', message };
      await deps.parts.move(runId, part, [state], { state: 'refused', failure });
    } else if (row.rows === 1) {
      await deps.parts.move(runId, part, [state], { state: 'quarantined' });
    } else {
      await deps.parts.move(runId, part, [state], { state: 'split', pieces: [next, next + 1] });
      next += 2;
    }
  }
  await addPieces(runId, deps);
  const after = await deps.parts.list(runId);
  const parts = after.filter(({ pieceOf, state }) => pieceOf && (state === 'built' || state === 'staged'));
  const quarantined = after.filter(({ state }) => state === 'quarantined').length;
  log.info('requests.split', { runId, rejected: rejected.length, pieces: parts.length, quarantined });
  return { parts: parts.map(({ part }) => part), quarantined };
}

async function addPieces(runId: string, { parts }: SplitRequestDeps): Promise<void> {
  const rows = await parts.list(runId);
  for (const row of rows.filter(({ state }) => state === 'split')) {
    const missing = missingPieces(row, rows);
    for (const piece of halves(row, row.pieces ?? [])) {
      if (!missing.includes(piece.part)) continue;
      const { from, to, cohort } = row;
      await parts.put(runId, { ...piece, state: 'built', from, to, cohort, attempt: 0 });
    }
  }
}

/** What a run's splitting has come to before this pass. */
interface Tally {
  readonly byNumber: ReadonlyMap<number, Part>;
  readonly invalidNumbers: number;
  readonly pieces: number;
  /** Pieces that this pass would add at most. */
  readonly more: number;
}

function tallyOf(rows: readonly Part[], rejected: readonly Part[]): Tally {
  const byNumber = new Map(rows.map((row) => [row.part, row]));
  const parts = rows.filter(({ pieceOf }) => pieceOf === undefined);
  return {
    byNumber,
    invalidNumbers: parts.reduce((sum, part) => sum + invalidNumbersIn(part, byNumber), 0),
    pieces: rows.length - parts.length,
    more: 2 * rejected.length,
  };
}

/**
 * Undefined where splitting goes on. What was refused for one of these reasons counts on, so that a repeat after a stop,
 * and rejections that come later, end the same way.
 */
function reasonToGiveUp(
  row: Part,
  { byNumber, invalidNumbers, pieces, more }: Tally,
  { splits }: SplitRequestInput,
  { limits, now }: SplitRequestDeps,
): string | undefined {
  const { maxInvalidNumbers, maxPieces, splittingSeconds } = limits;
  const whole = byNumber.get(row.pieceOf?.part ?? row.part) ?? row;
  const inPart = invalidNumbersIn(whole, byNumber);
  const seconds = (now().getTime() - Date.parse(whole.sentAt ?? now().toISOString())) / 1000;
  const lookAtRows = 'something is wrong with all rows, such as their line ending';
  if (invalidNumbers > maxInvalidNumbers) {
    return `The service rejects at least ${invalidNumbers} NHS numbers, more than the ${maxInvalidNumbers} that splitting looks for: ${lookAtRows}`;
  }
  if (whole.rows > 1 && inPart === whole.rows) {
    return `The service rejects all ${inPart} people of part ${whole.part}: ${lookAtRows}`;
  }
  if (pieces + more > maxPieces || splits >= maxSplits) {
    return `Splitting the rejected requests has taken ${pieces} further requests in ${splits} passes, and ${maxPieces} in ${maxSplits} are allowed: correct the NHS numbers at their source`;
  }
  if (seconds > splittingSeconds) {
    return `Part ${whole.part} was first asked about more than ${splittingSeconds} seconds ago: the other answers cannot wait for its splitting`;
  }
  return undefined;
}
