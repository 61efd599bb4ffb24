import { type CaseContext } from '../case.ts';
import { Waiting } from '../checks.ts';
import { described } from '../digest.ts';
import type { ClientSettings } from '../party.ts';
import type { Payload } from '../payload.ts';
import type { RecordedCall } from '../recorder.ts';
import { checkAuthentication, orderOf } from './order.ts';

interface Sending extends ClientSettings {
  readonly subject: string;
  /** Claims about the calls that carry the message. */
  readonly checkCalls: (sends: readonly RecordedCall[]) => void;
}

/**
 * Sends a payload from our mailbox to the other one: authenticate, send, look at the inbox straight after; and compares
 * what arrives there.
 *
 * @throws Waiting where the other mailbox is somebody else's
 */
export async function sendAndCompare(context: CaseContext, payload: Payload, sending: Sending): Promise<void> {
  const { ours, other, checks, environment, note, calls, localId } = context;
  const { checkCalls, ...settings } = sending;
  const to = environment.mailboxes.other.mailboxId;
  await ours.authenticate();
  const outcome = await ours.send(payload, { to, localId: localId(), ...settings });
  await ours.checkInbox();
  note('Sent', described(payload));

  const sends = calls().filter(({ operation }) => operation === 'send' || operation === 'send chunk');
  const [first] = sends;
  checks.equal('MESH accepted the message with 202', sends.find(({ status }) => status !== 202)?.status ?? 202, 202);
  checkAuthentication(context);
  const order = orderOf(calls()).replace(/^handshake, /, '');
  const wanted = sends.length > 2 ? `send, ${sends.length - 1} x send chunk, list` : 'send, list';
  checks.that(
    'The order is authenticate, send, check the inbox straight after',
    order.startsWith(sends.length === 2 ? 'send, send chunk, list' : wanted),
    order,
  );
  checkMandatoryHeaders(context, first);
  checkCalls(sends);
  if (!checks.that('The client knows the message id', outcome.outcome === 'accepted')) return;
  const messageId = outcome.outcome === 'accepted' ? outcome.messageId : '';
  note('Message id', messageId);

  if (!other) {
    throw new Waiting(
      `Have the owner of mailbox ${to} confirm that message ${messageId} arrived as ${described(payload)}`,
    );
  }
  const arrived = await context.recorder.preparing(() => other.receive(messageId));
  if (!checks.that('The message arrives at the other mailbox', arrived !== undefined)) return;
  note('Arrived', described(arrived!.body));
  checks.equal('It arrives unaltered: the same SHA-256', arrived?.body.sha256, payload.sha256);
  checks.equal('It arrives with the same MD5', arrived?.body.md5, payload.md5);
  checks.equal('It arrives under our mailbox', arrived?.headers.from, ours.mailboxId);
}

function checkMandatoryHeaders({ checks, ours, environment }: CaseContext, call: RecordedCall | undefined): void {
  const headers = call?.requestHeaders ?? {};
  checks.equal('Mex-From is our mailbox', headers['mex-from'], ours.mailboxId);
  checks.equal('Mex-To is the other mailbox', headers['mex-to'], environment.mailboxes.other.mailboxId);
  checks.equal('Mex-WorkflowID is the workflow', headers['mex-workflowid'], environment.workflowId);
  checks.equal('Content-Type is application/octet-stream', headers['content-type'], 'application/octet-stream');
}
