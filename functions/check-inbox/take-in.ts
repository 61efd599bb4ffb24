import { Readable } from 'node:stream';
import type { Files } from '../../shared/files.ts';
import { PermanentError } from '../../shared/errors.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { log } from '../../shared/log.ts';
import type { Mailbox } from '../../shared/mesh/mailbox.ts';
import { runFiles } from '../../shared/run-files.ts';

export interface TakeInDeps {
  readonly now: () => Date;
  readonly mesh: Pick<Mailbox, 'listInbox' | 'download' | 'acknowledge'>;
  readonly files: Pick<Files, 'writeStreamOnce'>;
  readonly ledger: Pick<MailboxLedger, 'recordMessage' | 'isRecorded'>;
}

/**
 * Empties the inbox: each message is stored, recorded, then acknowledged, whoever sent it and before anything is made
 * of it. A message that is recorded already only lost its acknowledgement; it is not fetched again.
 *
 * @returns how many messages were taken in
 */
export async function takeInMessages(deps: TakeInDeps): Promise<number> {
  let count = 0;
  for await (const messageId of deps.mesh.listInbox()) {
    if (!(await deps.ledger.isRecorded(messageId))) {
      if (!(await store(messageId, deps))) continue;
      count += 1;
    }
    await deps.mesh.acknowledge(messageId);
  }
  return count;
}

async function store(messageId: string, { mesh, files, ledger, now }: TakeInDeps): Promise<boolean> {
  try {
    const message = await mesh.download(messageId);
    const body = await files.writeStreamOnce(runFiles.messageBody(messageId), message.body);
    const receivedAt = now().toISOString();
    // Some of what MESH says beside a message, its date for one, differs with every reading: the first one stays.
    const said = JSON.stringify({ ...message.headers, raw: message.rawHeaders });
    const { key } = await files.writeStreamOnce(runFiles.messageHeaders(messageId), Readable.from([Buffer.from(said)]));
    await ledger.recordMessage({ messageId, headersKey: key, body, receivedAt });
    log.info('message.stored', { messageId, bytes: body.bytes, messageType: message.headers.messageType });
    return true;
  } catch (error) {
    if (!(error instanceof PermanentError && error.name === 'MeshMessageGone')) throw error;
    log.warn('message.gone', { messageId });
    return false;
  }
}
