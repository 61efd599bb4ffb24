import type { MailboxLedger } from '../ledger/mailbox-ledger.ts';
import type { Mailbox } from './mailbox.ts';

export interface HandshakeDeps {
  readonly now: () => Date;
  readonly ledger: Pick<MailboxLedger, 'lastHandshake' | 'recordHandshake'>;
  readonly mesh: Pick<Mailbox, 'handshake'>;
}

const everyMilliseconds = 24 * 3_600_000;

/** Handshakes where the last one is a day old: MESH wants about one a day for each mailbox, neither none nor bursts. */
export async function handshakeIfDue({ now, ledger, mesh }: HandshakeDeps): Promise<void> {
  const last = await ledger.lastHandshake();
  if (last && now().getTime() - last.getTime() < everyMilliseconds) return;
  await mesh.handshake();
  await ledger.recordHandshake();
}
