import type { CaseContext, Undelivered } from '../case.ts';
import { Waiting } from '../checks.ts';
import { makePayload } from '../payload.ts';

/**
 * The message that nobody collects (703), and MESH's report about it; 705 and 803 speak of the same.
 *
 * @throws Waiting where five days have to go by first
 */
export function findUndelivered(context: CaseContext): Promise<Undelivered> {
  context.session.undelivered ??= find(context);
  return context.session.undelivered;
}

async function find(context: CaseContext): Promise<Undelivered> {
  const { environment, ours, settings } = context;
  const { dormant } = environment.mailboxes;
  if (settings.undeliveredMessage !== undefined) return reported(context, settings.undeliveredMessage, true);

  const localId = context.localId('undelivered');
  await ours.authenticate();
  const payload = await makePayload('text', 2_000, 'undelivered');
  const outcome = await ours.send(payload, { to: dormant.mailboxId, subject: 'Case 703', localId });
  await ours.checkInbox();
  if (outcome.outcome !== 'accepted') throw new Error('MESH did not say that it took the message');
  const { messageId } = outcome;
  if (!environment.admin) {
    const day = new Date(Date.now() + 5 * 24 * 3600_000).toISOString().slice(0, 16);
    throw new Waiting(
      `Message ${messageId} waits in mailbox ${dormant.mailboxId}, which nobody may open. After ${day} UTC run again with --only 703,705,803 --undelivered-message ${messageId}`,
    );
  }
  const { workflowId } = environment;
  const how = await environment.admin.letExpire({ messageId, sender: ours.mailboxId, workflowId, localId });
  return reported(context, messageId, how === 'by itself');
}

async function reported(
  { environment, ours }: CaseContext,
  messageId: string,
  isReportedByItself: boolean,
): Promise<Undelivered> {
  await ours.authenticate();
  await ours.checkInbox();
  const report = (await ours.allTaken()).find(({ headers }) => headers.linkedMessageId === messageId);
  if (!report && !environment.admin) {
    throw new Waiting(`No report about message ${messageId} has come yet: run again later, with the same options`);
  }
  return {
    messageId,
    localId: report?.headers.localId ?? '',
    reportId: report?.messageId,
    isReportedByItself,
  };
}
