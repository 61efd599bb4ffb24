import { type CaseContext } from '../case.ts';
import { Waiting } from '../checks.ts';
import { described } from '../digest.ts';
import type { ClientSettings, TakenMessage } from '../party.ts';
import type { Payload } from '../payload.ts';
import { checkAuthentication, orderOf } from './order.ts';

interface Receiving extends ClientSettings {
  readonly subject: string;
  /** What the other side is to send, for where a person has to do it. */
  readonly wanted: string;
  /** More claims about the message and the calls that fetched it. */
  readonly checkMessage?: (message: TakenMessage) => void;
}

/**
 * Receives what the other mailbox sends to ours: authenticate, check the inbox, download, acknowledge; and compares it.
 *
 * @throws Waiting where the other mailbox is somebody else's
 */
export async function receiveAndCompare(context: CaseContext, payload: Payload, receiving: Receiving): Promise<void> {
  const { ours, other, checks, environment, note } = context;
  const { wanted, checkMessage, ...settings } = receiving;
  const from = environment.mailboxes.other.mailboxId;
  await ours.authenticate();
  if (!other) {
    const [message] = (await ours.checkInbox()).filter(({ headers }) => headers.from === from);
    if (!message)
      throw new Waiting(`Have mailbox ${from} send ${wanted} to ${ours.mailboxId}, then run this case again`);
    checkReceiving(context, message);
    checkMessage?.(message);
    throw new Waiting(`Have the owner of mailbox ${from} confirm that it sent ${described(message.body)}`);
  }
  const outcome = await context.recorder.preparing(() =>
    other.send(payload, { to: ours.mailboxId, localId: context.localId(), ...settings }),
  );
  const messageId = outcome.outcome === 'accepted' ? outcome.messageId : '';
  note('Sent', described(payload));
  const message = await ours.receive(messageId);
  if (!checks.that('The message arrives', message !== undefined) || !message) return;
  checkReceiving(context, message);
  checkMessage?.(message);
  checks.equal('The bytes are unaltered: the same SHA-256', message.body.sha256, payload.sha256);
  checks.equal('They have the same MD5', message.body.md5, payload.md5);
}

function checkReceiving(context: CaseContext, { messageId, body }: TakenMessage): void {
  const { checks, calls, note } = context;
  note('Message id', messageId);
  note('Received', described(body));
  checkAuthentication(context);
  const order = orderOf(calls()).replace(/^handshake, /, '');
  const isInOrder = /^list, (?:\(download, acknowledge\)|download, (?:\d+ x )?download chunk, acknowledge)/.test(order);
  checks.that('The order is authenticate, check the inbox, download, acknowledge', isInOrder, order);
  const about = calls().filter((call) => call.messageId === messageId);
  checks.equal('It is fetched once', about.filter(({ operation }) => operation === 'download').length, 1);
  const acknowledged = about.find(({ operation }) => operation === 'acknowledge');
  checks.equal('MESH took the acknowledgement with 200', acknowledged?.status, 200);
}
