import { z } from 'zod';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { Part, Parts } from '../../shared/ledger/parts.ts';
import { log } from '../../shared/log.ts';
import { halves, isToSplit, missingPieces } from '../../shared/ndop/pieces.ts';

export const splitRequestInput = z.object({ runId: z.string(), execution: z.string() });
export type SplitRequestInput = z.infer<typeof splitRequestInput>;

export interface SplitRequestOutput {
  /** Pieces to be asked about now. */
  readonly parts: readonly number[];
  /** People set aside so far: the service refused each of them alone. */
  readonly quarantined: number;
}

/** Beyond these something else is wrong than a few numbers, the line ending for one, and splitting would go on for days. */
export interface SplitLimits {
  readonly maxInvalidNumbers: number;
  /** Pieces of a run; the depth is bounded by the size of a part: 19 rounds for half a million people. */
  readonly maxPieces: number;
}

export interface SplitRequestDeps {
  readonly limits: SplitLimits;
  readonly leaseSeconds: number;
  readonly parts: Pick<Parts, 'list' | 'move' | 'put'>;
  readonly mailbox: Pick<MailboxLedger, 'keepLease'>;
}

/**
 * Splits every rejected request of a run into two pieces, and sets aside whoever was rejected alone. A split is on record
 * before its pieces are, so that a stop in between shows and a repeat makes the same ones.
 *
 * @throws LeaseLost. Where the limits are passed the requests fail as SplitExhausted, and other parts go on.
 */
export async function splitRequest(
  { runId, execution }: SplitRequestInput,
  deps: SplitRequestDeps,
): Promise<SplitRequestOutput> {
  await deps.mailbox.keepLease({ execution, runId }, deps.leaseSeconds);
  const rows = await deps.parts.list(runId);
  const rejected = rows.filter((row) => row.state !== 'split' && isToSplit(row, rows));
  const failure = exhausted(rows, rejected, deps.limits);
  let next = Math.max(0, ...rows.flatMap(({ part, pieces = [] }) => [part, ...pieces])) + 1;
  for (const { part, state, rows: people } of rejected) {
    if (failure) await deps.parts.move(runId, part, [state], { state: 'refused', failure });
    else if (people === 1) await deps.parts.move(runId, part, [state], { state: 'quarantined' });
    else {
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

/** Each rejected request holds an invalid number of its own, and so does each person set aside. */
function exhausted(
  rows: readonly Part[],
  rejected: readonly Part[],
  { maxInvalidNumbers, maxPieces }: SplitLimits,
): Part['failure'] {
  const invalid = rejected.length + rows.filter(({ state }) => state === 'quarantined').length;
  const pieces = rows.filter(({ pieceOf }) => pieceOf !== undefined).length;
  if (invalid > maxInvalidNumbers) {
    const message = `The service rejects ${rejected.length} requests, so at least ${invalid} NHS numbers, more than the ${maxInvalidNumbers} that splitting looks for: something is wrong with all rows, such as their line ending`;
    return { name: 'SplitExhausted', message };
  }
  if (pieces + 2 * rejected.length > maxPieces) {
    const message = `Splitting the rejected requests has taken ${pieces} further requests, and ${maxPieces} are allowed: correct the NHS numbers at their source`;
    return { name: 'SplitExhausted', message };
  }
  return undefined;
}
