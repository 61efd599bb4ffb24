import type { IncomingHttpHeaders } from 'node:http';
import { type Answer, jsonAnswer } from './answer.ts';
import { type Call, headerOf } from './call.ts';
import type { Clock } from './clock.ts';
import type { StoredMessage } from './message.ts';
import { invalid, refusal } from './refusal.ts';
import type { MessageStore } from './store.ts';

/** What sending needs beside the call. */
export interface Outbox {
  readonly store: MessageStore;
  readonly clock: Clock;
  /** From acceptance until a message lies in its recipient's inbox. */
  readonly deliveryDelaySeconds: number;
  readonly newMessageId: () => string;
  readonly isKnownMailbox: (mailboxId: string) => boolean;
  /** Called with each message whose last chunk has come, before the request is answered. */
  readonly onAccepted: (message: StoredMessage) => void;
}

/** Longest value of each header, in characters. Source: mesh-sandbox. */
const limits = {
  'mex-to': 100,
  'mex-workflowid': 300,
  'mex-chunk-range': 20,
  'mex-subject': 500,
  'mex-localid': 300,
  'mex-partnerid': 500,
  'mex-filename': 300,
  'mex-content-encrypted': 20,
  'mex-content-compressed': 20,
  'mex-content-checksum': 100,
  'mex-content-type': 100,
} as const;

const passedOnNames = [
  'mex-partnerid',
  'mex-content-encrypted',
  'mex-content-compressed',
  'mex-content-checksum',
  'mex-content-type',
] as const;

/** A whole message, or the first of its chunks. */
export async function sendMessage(outbox: Outbox, call: Call): Promise<Answer> {
  const { mailboxId, version, headers, body } = call;
  checkHeaders(headers, mailboxId);
  const to = headerOf(headers, 'mex-to')?.trim().toUpperCase();
  const workflowId = headerOf(headers, 'mex-workflowid')?.trim();
  if (to === undefined) throw invalid('header', 'mex-to', 'Field required');
  if (workflowId === undefined) throw invalid('header', 'mex-workflowid', 'Field required');
  const contentEncoding = encodingOf(headers);
  const range = chunkRange(headers) ?? { number: 1, total: 1 };
  if (range.number !== 1) throw refusal('invalidChunks');
  if (!outbox.isKnownMailbox(to)) throw refusal('unknownRecipient');

  const now = outbox.clock.now().toISOString();
  const messageId = outbox.newMessageId();
  const chunk = await body.saveTo(outbox.store.chunkFile(messageId, 1), contentEncoding);
  const passedOn: Record<string, string> = {};
  for (const name of passedOnNames) {
    const value = headerOf(headers, name);
    if (value !== undefined) passedOn[name] = value;
  }
  const message: StoredMessage = {
    messageId,
    messageType: 'DATA',
    status: 'uploading',
    statusAt: now,
    uploadedAt: now,
    availableAt: undefined,
    acknowledgedAt: undefined,
    acceptedOrder: 0,
    from: mailboxId,
    to,
    workflowId,
    localId: headerOf(headers, 'mex-localid'),
    subject: headerOf(headers, 'mex-subject'),
    fileName: headerOf(headers, 'mex-filename') ?? `${messageId}.dat`,
    contentType:
      headerOf(headers, 'mex-content-type') ?? headerOf(headers, 'content-type') ?? 'application/octet-stream',
    contentEncoding,
    totalChunks: range.total,
    chunks: [chunk],
    passedOn,
    failure: undefined,
    linkedMessageId: undefined,
  };
  outbox.store.add(message);
  if (range.total === 1) accept(outbox, message);
  return jsonAnswer(202, version === 1 ? { messageID: messageId } : { message_id: messageId });
}

/** Chunk 2 or later. The last one received may be sent again, as after a lost answer; none may be left out. */
export async function sendChunk(outbox: Outbox, call: Call): Promise<Answer> {
  const { mailboxId, version, captures, headers, body } = call;
  const [id = '', chunk = ''] = captures;
  const messageId = id.toUpperCase();
  const number = Number(chunk);
  const range = chunkRange(headers);
  if (range?.number !== number || number < 2) throw refusal('invalidChunks', messageId);
  const message = outbox.store.get(messageId);
  if (!message) throw refusal('unknownMessage', messageId);
  if (message.from !== mailboxId) throw refusal('notYours', messageId);
  if (message.status !== 'uploading') throw refusal('uploadComplete', messageId);
  if (number > message.totalChunks) throw refusal('tooManyChunks', messageId);
  if (range.total !== message.totalChunks) throw refusal('invalidChunks', messageId);
  if (number > message.chunks.length + 1) throw refusal('invalidChunks', messageId);
  const contentEncoding = encodingOf(headers);
  if (contentEncoding !== message.contentEncoding) throw refusal('encodingChanged', messageId);

  message.chunks[number - 1] = await body.saveTo(outbox.store.chunkFile(messageId, number), contentEncoding);
  if (message.chunks.length === message.totalChunks) accept(outbox, message);
  return jsonAnswer(202, version === 1 ? { messageID: messageId, blockID: number } : null);
}

function accept({ store, deliveryDelaySeconds, onAccepted }: Outbox, message: StoredMessage): void {
  store.accept(message, deliveryDelaySeconds);
  onAccepted(message);
}

function checkHeaders(headers: IncomingHttpHeaders, mailboxId: string): void {
  for (const [name, limit] of Object.entries(limits)) {
    const value = headerOf(headers, name) ?? '';
    if (value.length > limit) throw invalid('header', name, `String should have at most ${limit} characters`);
    // HTTP itself lets only the tab through.
    if (value.includes('\t')) throw refusal('malformedHeader');
  }
  for (const name of ['mex-to', 'mex-workflowid', 'mex-content-checksum']) {
    if (/^https?:\/\//i.test(headerOf(headers, name) ?? '')) throw refusal('malformedHeader');
  }
  if (!/^[A-Za-z0-9\s:/-]*$/.test(headerOf(headers, 'mex-content-checksum') ?? '')) throw refusal('invalidChecksum');
  const from = headerOf(headers, 'mex-from');
  if (from !== undefined && from !== mailboxId) throw refusal('invalidFrom');
}

function encodingOf(headers: IncomingHttpHeaders): 'gzip' | undefined {
  const encoding = headerOf(headers, 'content-encoding');
  if (encoding !== undefined && encoding !== 'gzip') throw refusal('unsupportedEncoding');
  return encoding;
}

function chunkRange(headers: IncomingHttpHeaders): { number: number; total: number } | undefined {
  const text = headerOf(headers, 'mex-chunk-range');
  if (text === undefined) return undefined;
  // Blanks do not matter: NHS England's sandbox reads each part as a number by itself.
  const match = /^\s*(\d+)\s*:\s*(\d+)\s*$/.exec(text);
  const [number, total] = [Number(match?.[1]), Number(match?.[2])];
  if (!(number >= 1 && number <= total)) throw refusal('invalidChunks');
  return { number, total };
}
