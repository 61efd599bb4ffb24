import type { IncomingHttpHeaders } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { type Answer, jsonAnswer, meshV2 } from './answer.ts';
import { type Call, headerOf } from './call.ts';
import { secondsStamp, type StoredMessage } from './message.ts';
import { invalid, refusal } from './refusal.ts';
import type { MessageStore } from './store.ts';

/** What sending needs beside the call. */
export interface Outbox {
  readonly store: MessageStore;
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
export function sendMessage(outbox: Outbox, { mailboxId, headers, body }: Call): Answer {
  checkHeaders(headers, mailboxId);
  const to = headerOf(headers, 'mex-to')?.trim().toUpperCase();
  const workflowId = headerOf(headers, 'mex-workflowid')?.trim();
  if (to === undefined) throw invalid('header', 'mex-to', 'Field required');
  if (workflowId === undefined) throw invalid('header', 'mex-workflowid', 'Field required');
  const contentEncoding = encodingOf(headers);
  const range = chunkRange(headers) ?? { number: 1, total: 1 };
  if (range.number !== 1) throw refusal('invalidChunks');
  if (!outbox.isKnownMailbox(to)) throw refusal('unknownRecipient');
  checkBody(body, contentEncoding);

  const now = new Date().toISOString();
  const messageId = outbox.newMessageId();
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
    acceptedOrder: 0,
    from: mailboxId,
    to,
    workflowId,
    localId: headerOf(headers, 'mex-localid'),
    subject: headerOf(headers, 'mex-subject'),
    fileName: headerOf(headers, 'mex-filename') ?? `${messageId}.dat`,
    contentType: headerOf(headers, 'content-type') ?? 'application/octet-stream',
    contentEncoding,
    totalChunks: range.total,
    chunks: [body],
    passedOn,
    failure: undefined,
    linkedMessageId: undefined,
  };
  outbox.store.add(message);
  if (range.total === 1) accept(outbox, message);
  return jsonAnswer(202, { message_id: messageId });
}

/** Chunk 2 or later. The last one received may be sent again, as after a lost answer; none may be left out. */
export function sendChunk(outbox: Outbox, { mailboxId, captures, headers, body }: Call): Answer {
  const [messageId = '', chunk = ''] = captures;
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
  checkBody(body, contentEncoding);

  message.chunks[number - 1] = body;
  if (message.chunks.length === message.totalChunks) accept(outbox, message);
  return jsonAnswer(202, null);
}

/** Where a sent message has got to. One that is not in this outbox is 404, never 403. */
export function trackMessage(store: MessageStore, { mailboxId, query }: Call): Answer {
  const messageId = query.get('messageID');
  if (messageId === null) throw invalid('query', 'messageID', 'Field required');
  const message = store.get(messageId);
  if (message?.from !== mailboxId) throw refusal('unknownMessage', messageId);
  const { failure } = message;
  const tracking = {
    message_id: message.messageId,
    local_id: message.localId,
    workflow_id: message.workflowId,
    filename: message.fileName,
    expiry_time: expiryOf(message),
    upload_timestamp: message.uploadedAt,
    recipient: message.to,
    status_success: failure === undefined,
    status: message.status,
    status_timestamp: message.statusAt,
    ...(failure ? { status_event: 'SEND', status_code: failure.code, status_description: failure.description } : {}),
  };
  return jsonAnswer(200, tracking, meshV2);
}

/** Tracking by local id is deprecated and answers in version 1's words whatever the client accepts. */
export function trackLocalId(store: MessageStore, { mailboxId, captures: [localId] }: Call): Answer {
  const [message, ...more] = store.sentBy(mailboxId).filter((sent) => sent.localId === localId);
  if (!message) throw refusal('unknownMessage');
  if (more.length > 0) throw refusal('ambiguousLocalId');
  return jsonAnswer(200, {
    addressType: 'ALL',
    chunkCount: message.totalChunks,
    dtsId: message.messageId,
    expiryTime: secondsStamp(expiryOf(message)),
    fileName: message.fileName,
    fileSize: message.chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    localId: message.localId,
    messageId: message.messageId,
    messageType: 'Data',
    recipient: message.to,
    sender: message.from,
    status: message.status.charAt(0).toUpperCase() + message.status.slice(1),
    statusSuccess: message.failure ? 'ERROR' : 'SUCCESS',
    subject: message.subject,
    uploadTimestamp: secondsStamp(message.uploadedAt),
    version: '1.0',
    workflowId: message.workflowId,
  });
}

function accept({ store, onAccepted }: Outbox, message: StoredMessage): void {
  store.accept(message);
  onAccepted(message);
}

/** MESH drops what the recipient has not collected after five days. */
function expiryOf(message: StoredMessage): string {
  return new Date(Date.parse(message.uploadedAt) + 5 * 24 * 60 * 60 * 1000).toISOString();
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
  const match = /^(\d+):(\d+)$/.exec(text);
  const [number, total] = [Number(match?.[1]), Number(match?.[2])];
  if (!(number >= 1 && number <= total)) throw refusal('invalidChunks');
  return { number, total };
}

/** Each chunk must be a gzip stream by itself: one stream cut into chunks cannot be served to every client. */
function checkBody(body: Buffer, contentEncoding: 'gzip' | undefined): void {
  if (body.length === 0) throw refusal('emptyBody');
  if (contentEncoding !== 'gzip') return;
  try {
    gunzipSync(body);
  } catch {
    throw refusal('invalidFile');
  }
}
