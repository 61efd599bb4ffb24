import { z } from 'zod';
import type { Files } from '../../shared/files.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { Parts } from '../../shared/ledger/parts.ts';
import type { Mailbox, SendOutcome } from '../../shared/mesh/mailbox.ts';
import { PermanentError } from '../../shared/errors.ts';
import { handshakeIfDue } from '../../shared/mesh/handshake.ts';
import { log } from '../../shared/log.ts';
import { requestControl } from '../../shared/ndop/request.ts';

export const sendRequestInput = z.object({ runId: z.string(), part: z.number(), execution: z.string() });
export type SendRequestInput = z.infer<typeof sendRequestInput>;

export interface SendRequestOutput {
  readonly part: number;
  readonly state: string;
}

export interface SendRequestDeps {
  readonly mailboxes: { readonly from: string; readonly to: string };
  readonly leaseSeconds: number;
  readonly now: () => Date;
  readonly parts: Pick<Parts, 'read' | 'move'>;
  readonly ledger: Pick<MailboxLedger, 'keepLease' | 'lastHandshake' | 'recordHandshake'>;
  readonly files: Pick<Files, 'readVerified'>;
  readonly mesh: Pick<Mailbox, 'handshake' | 'send'>;
}

/**
 * Sends a staged request, once. The intent is recorded before and the message id after, so that a stop in between shows:
 * such a request may have arrived, is never sent again blindly, and its answer is waited for all the same.
 *
 * @throws LeaseLost, and what MESH refuses for good; a request that certainly never arrived is staged again for a retry
 */
export async function sendRequest(input: SendRequestInput, deps: SendRequestDeps): Promise<SendRequestOutput> {
  const { runId, part, execution } = input;
  await deps.ledger.keepLease({ execution, runId }, deps.leaseSeconds);
  const { state, request, attempt } = await deps.parts.read(runId, part);
  if (state === 'sending') {
    await deps.parts.move(runId, part, ['sending'], { state: 'send-unknown' });
    return { part, state: 'send-unknown' };
  }
  if (state !== 'staged') return { part, state };
  if (!request)
    throw new PermanentError('LedgerInconsistent', `Part ${part} of run ${runId} is staged without a request`);

  const body = await deps.files.readVerified(request);
  await handshakeIfDue(deps);
  if (!(await deps.parts.move(runId, part, ['staged'], { state: 'sending', sentAt: deps.now().toISOString() }))) {
    return { part, state: 'sending' };
  }
  const sent = await send(requestControl(request.name, deps.mailboxes, { runId, part, attempt }), body, input, deps);
  if (sent.outcome === 'unknown') {
    log.warn('send.outcome-unknown', { runId, part, reason: sent.reason });
    await deps.parts.move(runId, part, ['sending'], { state: 'send-unknown' });
    return { part, state: 'send-unknown' };
  }
  await deps.parts.move(runId, part, ['sending'], { state: 'sent', messageId: sent.messageId });
  return { part, state: 'sent' };
}

async function send(
  control: Parameters<Mailbox['send']>[0],
  body: Buffer,
  { runId, part }: SendRequestInput,
  deps: SendRequestDeps,
): Promise<SendOutcome> {
  try {
    return await deps.mesh.send(control, body);
  } catch (error) {
    // A failure that is thrown never reached the outbox: MESH said no, or was not there.
    await deps.parts.move(runId, part, ['sending'], { state: 'staged' });
    throw error;
  }
}
