import { Readable } from 'node:stream';
import type { Files } from '../files.ts';
import { PermanentError, RetryableError } from '../errors.ts';
import type { StoredFile } from '../ledger/parts.ts';
import type { MailboxLedger } from '../ledger/mailbox-ledger.ts';
import { log } from '../log.ts';
import type { Mailbox } from '../mesh/mailbox.ts';
import type { DownloadedMessage } from '../mesh/message.ts';
import { runFiles } from '../run-files.ts';

export interface TakeInDeps {
  readonly now: () => Date;
  readonly mesh: Pick<Mailbox, 'listInbox' | 'download' | 'acknowledge'>;
  readonly files: Pick<Files, 'writeStreamOnce'>;
  readonly ledger: Pick<MailboxLedger, 'recordMessage' | 'isRecorded'>;
}

/** So many messages in a row that break off mean that MESH is away, rather than that something is wrong with them. */
const brokenInARow = 3;

/**
 * Empties the inbox: each message is stored, recorded, then acknowledged, whoever sent it and before anything is made
 * of it. A message that is recorded already only lost its acknowledgement; it is not fetched again. One that breaks off
 * stays where it is until the next look, and does not keep those behind it waiting.
 *
 * @returns how many messages were taken in
 */
export async function takeInMessages(deps: TakeInDeps): Promise<number> {
  let count = 0;
  let broken = 0;
  for await (const messageId of deps.mesh.listInbox()) {
    if (!(await deps.ledger.isRecorded(messageId))) {
      const stored = await store(messageId, deps);
      broken = stored instanceof RetryableError ? broken + 1 : 0;
      if (stored instanceof RetryableError && broken === brokenInARow) throw stored;
      if (stored !== true) continue;
      count += 1;
    }
    await deps.mesh.acknowledge(messageId);
  }
  return count;
}

/** True once it is stored; false where it is gone, and the failure where it broke off. */
async function store(messageId: string, deps: TakeInDeps): Promise<boolean | RetryableError> {
  try {
    const message = await fetch(messageId, deps);
    await deps.ledger.recordMessage({ messageId, ...message, receivedAt: deps.now().toISOString() });
    const { body, damage } = message;
    log.info('message.stored', { messageId, bytes: body.bytes, ...(damage === undefined ? {} : { damage }) });
    return true;
  } catch (error) {
    if (isNamed(error, 'MeshMessageGone') || isNamed(error, 'MeshMessageUnknown')) {
      log.warn('message.gone', { messageId });
      return false;
    }
    if (error instanceof RetryableError && (error.name === 'MeshConnectionLost' || error.name === 'MeshTimedOut')) {
      log.warn('message.broken', { messageId, errorName: error.name });
      return error;
    }
    throw error;
  }
}

interface FetchedMessage {
  readonly headersKey: string;
  readonly body: StoredFile;
  readonly damage?: string;
}

/** A body that is not what its headers claim is fetched once more, as it travels, and kept so: it is the evidence. */
async function fetch(messageId: string, { mesh, files }: TakeInDeps): Promise<FetchedMessage> {
  const keepAs = (bodyKey: string) => async (message: DownloadedMessage) => {
    const body = await files.writeStreamOnce(bodyKey, message.body);
    return { headersKey: await storeHeaders(message, files), body };
  };
  try {
    return await mesh.download(messageId, keepAs(runFiles.messageBody(messageId)));
  } catch (error) {
    if (!isNamed(error, 'MeshBodyDamaged')) throw error;
    const kept = await mesh.download(messageId, keepAs(runFiles.damagedBody(messageId)), { asReceived: true });
    return { ...kept, damage: error.message };
  }
}

/** Some of what MESH says beside a message, its date for one, differs with every reading: the first one stays. */
async function storeHeaders({ headers, rawHeaders }: DownloadedMessage, files: TakeInDeps['files']): Promise<string> {
  const said = JSON.stringify({ ...headers, raw: rawHeaders });
  const { key } = await files.writeStreamOnce(
    runFiles.messageHeaders(headers.messageId),
    Readable.from([Buffer.from(said)]),
  );
  return key;
}

function isNamed(error: unknown, name: PermanentError['name']): error is PermanentError {
  return error instanceof PermanentError && error.name === name;
}
