import { z } from 'zod';
import type { Files } from '../../shared/files.ts';
import { takeInMessages, type TakeInDeps } from '../../shared/inbox/take-in.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { Part, Parts } from '../../shared/ledger/parts.ts';
import type { Mailbox } from '../../shared/mesh/mailbox.ts';
import type { SendOutcome } from '../../shared/mesh/message.ts';
import { PermanentError, RetryableError } from '../../shared/errors.ts';
import { handshakeIfDue } from '../../shared/mesh/handshake.ts';
import { log } from '../../shared/log.ts';
import { requestControl } from '../../shared/ndop/request.ts';

export const sendRequestsInput = z.object({
  runId: z.string(),
  parts: z.array(z.number()),
  execution: z.string(),
  /** How long the run's Wait states have waited so far. */
  waitedSeconds: z.number(),
});
export type SendRequestsInput = z.infer<typeof sendRequestsInput>;
type SendRequestInput = Omit<SendRequestsInput, 'parts'> & { readonly part: number };

export interface SendRequestsOutput {
  /** How many of the parts have their request on its way, whether sent now or before. */
  readonly sent: number;
}

export interface SendRequestDeps extends TakeInDeps {
  readonly mailboxes: { readonly from: string; readonly to: string };
  readonly leaseSeconds: number;
  readonly parts: Pick<Parts, 'read' | 'move'>;
  readonly ledger: TakeInDeps['ledger'] &
    Pick<MailboxLedger, 'keepLease' | 'lastHandshake' | 'recordHandshake' | 'recordSent'>;
  readonly files: TakeInDeps['files'] & Pick<Files, 'openVerified'>;
  readonly mesh: TakeInDeps['mesh'] & Pick<Mailbox, 'handshake' | 'send' | 'trackLocalId'>;
}

/** Sends staged requests one after another, in the order given: the service may check it. */
export async function sendRequests(input: SendRequestsInput, deps: SendRequestDeps): Promise<SendRequestsOutput> {
  const { parts, ...run } = input;
  let sent = 0;
  for (const part of parts) {
    const state = await sendRequest({ ...run, part }, deps);
    if (state === 'sent' || state === 'send-unknown') sent += 1;
  }
  return { sent };
}

/**
 * Sends a staged request, once, and looks at the inbox straight after, as MESH's assurance wants it. The intent is
 * recorded before and the message id after, so that a stop in between shows: such a request may have arrived. MESH is
 * asked about it by its LocalID; where MESH does not know, it is never sent again blindly, and its answer is waited for
 * all the same.
 *
 * @returns where the part stands
 * @throws LeaseLost, and what MESH refuses for good; a request that certainly never arrived is staged again for a retry
 */
export async function sendRequest(input: SendRequestInput, deps: SendRequestDeps): Promise<Part['state']> {
  const { runId, part, execution } = input;
  await deps.ledger.keepLease({ execution, runId }, deps.leaseSeconds);
  const { state, request, attempt } = await deps.parts.read(runId, part);
  if (state !== 'staged' && state !== 'sending') return state;
  if (!request) {
    throw new PermanentError('LedgerInconsistent', `Part ${part} of run ${runId} is ${state} without a request`);
  }
  if (state === 'sending') {
    const known = await whatBecameOf(request.localId, input, deps);
    await takeInMessages(deps);
    return known;
  }

  await handshakeIfDue(deps);
  const sending = { state: 'sending', sentAt: deps.now().toISOString(), waitedAtSend: input.waitedSeconds } as const;
  if (!(await deps.parts.move(runId, part, ['staged'], sending))) return 'sending';
  const control = requestControl(request.name, deps.mailboxes, { runId, part, attempt });
  const sent = await send(control, request, input, deps);
  if (sent.outcome === 'unknown') {
    log.warn('send.unknown', { runId, part, reason: sent.reason });
  }
  const known =
    sent.outcome === 'unknown'
      ? await whatBecameOf(request.localId, input, deps)
      : await recordSent(sent.messageId, input, deps);
  await takeInMessages(deps);
  return known;
}

async function send(
  control: Parameters<Mailbox['send']>[0],
  request: NonNullable<Part['request']>,
  { runId, part }: SendRequestInput,
  deps: SendRequestDeps,
): Promise<SendOutcome> {
  try {
    return await deps.mesh.send(control, { bytes: request.bytes, content: await deps.files.openVerified(request) });
  } catch (error) {
    // A failure that is thrown never reached the outbox: MESH said no, or was not there.
    await deps.parts.move(runId, part, ['sending'], { state: 'staged' });
    throw error;
  }
}

/** What finds the part by the message comes first: a part that is on record as sent is not looked at again. */
async function recordSent(
  messageId: string,
  { runId, part }: SendRequestInput,
  deps: SendRequestDeps,
): Promise<'sent'> {
  await deps.ledger.recordSent(messageId, { runId, part });
  await deps.parts.move(runId, part, ['sending'], { state: 'sent', messageId });
  return 'sent';
}

/** Looks for a request of which nobody knows whether MESH has it; an upload that broke off will never be delivered. */
async function whatBecameOf(localId: string, input: SendRequestInput, deps: SendRequestDeps): Promise<Part['state']> {
  const { runId, part } = input;
  const found = await tracked(localId, deps);
  if (found?.status === 'uploading') {
    await deps.parts.move(runId, part, ['sending'], { state: 'staged' });
    throw new RetryableError('MeshConnectionLost', `The upload of part ${part} broke off: it is sent again`);
  }
  if (found) return recordSent(found.messageId, input, deps);
  await deps.parts.move(runId, part, ['sending'], { state: 'send-unknown' });
  return 'send-unknown';
}

/** Undefined where MESH does not know the request, knows several, or does not say. */
async function tracked(localId: string, { mesh }: SendRequestDeps) {
  try {
    return await mesh.trackLocalId(localId);
  } catch (error) {
    if (!(error instanceof PermanentError && error.name === 'MeshRequestRefused')) throw error;
    return undefined;
  }
}
