import { z } from 'zod';
import { settleMessages, type SettleDeps } from '../../shared/inbox/settle.ts';
import { takeInMessages, type TakeInDeps } from '../../shared/inbox/take-in.ts';
import { drainHolder, type MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { log } from '../../shared/log.ts';
import { handshakeIfDue, type HandshakeDeps } from '../../shared/mesh/handshake.ts';
import type { Measured } from '../../shared/metrics.ts';

export const drainMailboxInput = z.object({ execution: z.string() });
export type DrainMailboxInput = z.infer<typeof drainMailboxInput>;

export interface DrainMailboxOutput {
  readonly disposition: 'drained' | 'stepped-aside';
  /** The run that has the mailbox, where the drain stepped aside. */
  readonly holder: string;
  /** Messages taken in now. */
  readonly stored: number;
  /** Messages that could not be had. */
  readonly left: number;
  /** How many stored messages came to what: `answer`, `orphan`, `foreign` and so on. */
  readonly settled: Readonly<Record<string, number>>;
}

export interface DrainMailboxDeps extends TakeInDeps, SettleDeps {
  readonly leaseSeconds: number;
  readonly mesh: TakeInDeps['mesh'] & HandshakeDeps['mesh'];
  readonly ledger: TakeInDeps['ledger'] &
    SettleDeps['ledger'] &
    HandshakeDeps['ledger'] &
    Pick<MailboxLedger, 'holdLease' | 'releaseLease'>;
  readonly files: TakeInDeps['files'] & SettleDeps['files'];
  /** Of the certificate that we show MESH; undefined where it is reached without. */
  readonly certificateDaysLeft: number | undefined;
  readonly measure: (measured: Measured) => void;
}

/**
 * Empties the mailbox between runs: MESH drops what nobody has collected for five days, replies among it, and wants a
 * handshake a day. What belongs to an earlier run is attached to its part, where a resume finds it; all else is kept as an
 * orphan. The drain steps aside for a run that has the mailbox: that one empties it while it waits for replies.
 */
export async function drainMailbox(
  { execution }: DrainMailboxInput,
  deps: DrainMailboxDeps,
): Promise<DrainMailboxOutput> {
  if (deps.certificateDaysLeft !== undefined) deps.measure({ MeshCertDaysToExpiry: deps.certificateDaysLeft });
  const lease = await deps.ledger.holdLease({ execution, runId: drainHolder }, deps.leaseSeconds);
  if (!lease.held) return { disposition: 'stepped-aside', holder: lease.holder, stored: 0, left: 0, settled: {} };
  try {
    await handshakeIfDue(deps);
    const taken = await takeInMessages(deps);
    const settled = await settleMessages(deps);
    log.info('mailbox.drained', { ...taken, ...settled });
    return { disposition: 'drained', holder: '', ...taken, settled };
  } finally {
    // A drain that fails tries again later, and a run need not wait for it meanwhile.
    await deps.ledger.releaseLease(execution);
  }
}
