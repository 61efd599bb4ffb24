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

/** What became of the messages that waited. */
export interface TakenIn {
  readonly stored: number;
  /** Messages that could not be had, and wait for the next look. */
  readonly left: number;
}

/** So many messages in a row that cannot be had mean that MESH is away, rather than that something is wrong with them. */
const leftInARow = 3;

/**
 * Empties the inbox: each message is stored, recorded, then acknowledged, whoever sent it and before anything is made
 * of it. A message that is recorded already only lost its acknowledgement; it is not fetched again. One that cannot be
 * had stays where it is until the next look, and does not keep those behind it waiting.
 */
export async function takeInMessages(deps: TakeInDeps): Promise<TakenIn> {
  const taken = { stored: 0, left: 0 };
  let inARow = 0;
  for await (const messageId of deps.mesh.listInbox()) {
    try {
      if (await takeIn(messageId, deps)) taken.stored += 1;
      inARow = 0;
    } catch (error) {
      if (!isOfOneMessage(error)) throw error;
      inARow += 1;
      if (inARow === leftInARow) throw error;
      taken.left += 1;
      log.warn('message.left', { messageId, errorName: error.name, reason: error.message });
    }
  }
  return taken;
}

/** Whether the message was new. */
async function takeIn(messageId: string, deps: TakeInDeps): Promise<boolean> {
  const isNew = !(await deps.ledger.isRecorded(messageId));
  if (isNew && !(await store(messageId, deps))) return false;
  await deps.mesh.acknowledge(messageId);
  return isNew;
}

/** False where it is gone. */
async function store(messageId: string, deps: TakeInDeps): Promise<boolean> {
  try {
    const message = await fetch(messageId, deps);
    await deps.ledger.recordMessage({ messageId, ...message, receivedAt: deps.now().toISOString() });
    const { body, damage } = message;
    log.info('message.stored', { messageId, bytes: body.bytes, ...(damage === undefined ? {} : { damage }) });
    return true;
  } catch (error) {
    if (!isNamed(error, 'MeshMessageGone') && !isNamed(error, 'MeshMessageUnknown')) throw error;
    log.warn('message.gone', { messageId });
    return false;
  }
}

/** MESH let us list, so that what it refuses or fails at now may lie with this message. */
const ofOneMessage: readonly string[] = [
  'MeshAuthenticationRefused',
  'MeshConnectionLost',
  'MeshRequestRefused',
  'MeshTimedOut',
  'MeshUnavailable',
];

function isOfOneMessage(error: unknown): error is RetryableError | PermanentError {
  return (error instanceof RetryableError || error instanceof PermanentError) && ofOneMessage.includes(error.name);
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
