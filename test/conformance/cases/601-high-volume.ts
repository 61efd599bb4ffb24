import type { CaseContext, ConformanceCase } from '../case.ts';
import { eventually, Waiting } from '../checks.ts';
import { makePayload } from '../payload.ts';
import { checkAuthentication, orderOf } from './order.ts';

const messages = 600;
/** MESH lists no more at once. */
const pageOf = 500;

export const highVolume: ConformanceCase = {
  number: '601',
  title: '600 messages waiting',
  asks: 'With 600 messages in the inbox: list, 500 x (download, acknowledge), list, 100 x (download, acknowledge).',
  passes: 'The other mailbox sends 600 different messages; our client takes them in; each is compared by its SHA-256.',
  async run(context) {
    const { ours, checks, calls, note } = context;
    await ours.authenticate();
    const sent = await context.recorder.preparing(() => fillInbox(context));
    const taken = await ours.checkInbox();
    note('Messages', `${messages} sent, ${taken.length} taken in`);

    checkAuthentication(context);
    const order = orderOf(calls()).replace(/^handshake, /, '');
    const rest = messages - pageOf;
    const wanted = `list, ${pageOf} x (download, acknowledge), list, ${rest} x (download, acknowledge)`;
    checks.that(`The order is ${wanted}`, order === wanted || order === `${wanted}, list`, order);
    const fetched = calls().filter(({ operation }) => operation === 'download');
    const ids = new Set(fetched.map(({ messageId }) => messageId));
    checks.equal('No message is fetched twice', fetched.length - ids.size, 0);
    checks.equal('As many are taken in as were sent', taken.length, messages);
    if (!sent) throw new Waiting(`Have the owner of the other mailbox confirm that it sent these ${messages} messages`);
    const unaltered = taken.filter(({ messageId, body }) => sent.get(messageId) === body.sha256).length;
    checks.equal('Every one is unaltered: the same SHA-256', unaltered, messages);
    const left = await ours.waiting();
    checks.equal('Nothing is left in the inbox', left.length, 0);
  },
};

/** Waits until all of them lie in the inbox, and only lists it meanwhile. Undefined where somebody else sent them. */
async function fillInbox(context: CaseContext): Promise<ReadonlyMap<string, string> | undefined> {
  const { ours, other, environment, localId } = context;
  const sent = new Map<string, string>();
  for (let number = 1; other && number <= messages; number += 1) {
    const payload = await makePayload('text', 200, `case 601, message ${number}`);
    const subject = `Case 601, message ${number}`;
    const outcome = await other.send(payload, { to: ours.mailboxId, subject, localId: localId(String(number)) });
    if (outcome.outcome === 'accepted') sent.set(outcome.messageId, payload.sha256);
  }
  const isFull = await eventually(environment.delivery, async () => {
    const waiting = new Set(await ours.waiting());
    const wanted = other ? [...sent.keys()].filter((messageId) => waiting.has(messageId)).length : waiting.size;
    return wanted >= messages ? true : undefined;
  });
  if (isFull) return other && sent;
  if (other) throw new Error(`The ${messages} messages did not arrive in time`);
  throw new Waiting(
    `Have mailbox ${environment.mailboxes.other.mailboxId} send ${messages} messages to ${ours.mailboxId}, then run this case again`,
  );
}
