import { randomBytes } from 'node:crypto';
import { type Answer, type ApiVersion, emptyAnswer, jsonAnswer, meshV1, meshV2, type StoredBody } from './answer.ts';
import type { Call } from './call.ts';
import { secondsStamp, type StoredMessage } from './message.ts';
import { invalid, notImplemented, refusal } from './refusal.ts';
import type { MessageStore } from './store.ts';

/**
 * One page of message ids, in the order of acceptance. The page is cut before the workflow filter is applied, as in
 * production: a page may be empty and still have a next one.
 */
export function listInbox(store: MessageStore, pageSize: number, { mailboxId, version, query }: Call): Answer {
  const size = Math.min(maxResults(query.get('max_results')) ?? pageSize, pageSize);
  const isWanted = workflowFilter(query.get('workflow_filter'));
  const after = placeOf(store, mailboxId, query.get('continue_from'), version);
  const waiting = store.inbox(mailboxId);
  const rest = waiting.filter((message) => message.acceptedOrder > after);
  const page = rest.slice(0, size);
  const last = page.at(-1);

  const messages = page.filter((message) => isWanted(message.workflowId)).map(({ messageId }) => messageId);
  if (version === 1) return jsonAnswer(200, { messages }, meshV1);

  const path = `/messageexchange/${mailboxId}/inbox`;
  const linkTo = (continueFrom?: string): string => {
    const link = new URLSearchParams(query);
    link.delete('continue_from');
    if (continueFrom !== undefined) link.set('continue_from', continueFrom);
    return link.size === 0 ? path : `${path}?${link.toString()}`;
  };
  const links = {
    self: linkTo(),
    ...(last && rest.length > size ? { next: linkTo(continueFromToken(mailboxId, last.acceptedOrder)) } : {}),
  };
  return jsonAnswer(200, { messages, links, approx_inbox_count: waiting.length }, meshV2);
}

export function countInbox(store: MessageStore, { mailboxId, version }: Call): Answer {
  const count = store.inbox(mailboxId).length;
  if (version === 2) return jsonAnswer(200, { count });
  return jsonAnswer(200, { count, internalID: randomBytes(16).toString('hex'), allResultsIncluded: true });
}

/** The headers that a download would have, without its body, for the recipient or the sender. */
export function headMessage(store: MessageStore, call: Call): Answer {
  const {
    mailboxId,
    version,
    captures: [id = ''],
  } = call;
  const message = store.get(id);
  const isSender = message?.from === mailboxId;
  if (!message || (message.to !== mailboxId && !isSender)) throw refusal('unknownMessage', id);
  if (!isSender && isOnItsWay(store, message)) throw refusal('unknownMessage', id);
  const isGone = message.status === 'uploading' || (isFailed(message) && !isSender);
  if (isGone) throw refusal('gone', id);
  return emptyAnswer(200, { ...downloadHeaders(message, 1, version), ...passageOf(message, call).headers });
}

/** A whole message or one of its chunks: 206 while more chunks follow, 200 on the last. */
export function downloadMessage(store: MessageStore, call: Call): Answer {
  const { mailboxId, version, captures } = call;
  const [id = '', chunk] = captures;
  const message = store.get(id);
  if (!message) throw refusal('unknownMessage', id);
  const { messageId, totalChunks } = message;
  if (message.to !== mailboxId) throw refusal('notYours', messageId);
  if (isOnItsWay(store, message)) throw refusal('unknownMessage', messageId);
  if (message.status !== 'accepted') throw refusal('gone', messageId);

  const number = chunk === undefined ? 1 : Number(chunk);
  const { coding, headers: passage } = passageOf(message, call);
  const headers = { ...downloadHeaders(message, number, version), ...passage };
  if (message.messageType === 'REPORT') return emptyAnswer(200, headers);
  const stored = message.chunks[number - 1];
  if (!stored) throw refusal('unknownMessage', messageId);
  const status = number < totalChunks ? 206 : 200;
  const { bytes, decodedBytes } = stored;
  const bytesOnTheWire = { 'as stored': bytes, gunzip: decodedBytes, gzip: undefined }[coding];
  return {
    status,
    headers,
    body: { file: store.chunkFile(messageId, number), coding, bytes: bytesOnTheWire, decodedBytes },
  };
}

/**
 * How a body goes to the client that asks for it. Version 2 compresses for one that accepts it, whatever the sender did,
 * and then says so twice.
 */
function passageOf(
  { messageType, contentEncoding }: StoredMessage,
  { version, headers }: Call,
): { coding: StoredBody['coding']; headers: Readonly<Record<string, string>> } {
  const isStoredGzip = contentEncoding === 'gzip';
  const acceptsGzip = headers['accept-encoding']?.includes('gzip') === true;
  if (messageType === 'REPORT' || (!isStoredGzip && (!acceptsGzip || version === 1))) {
    return { coding: 'as stored', headers: {} };
  }
  if (!acceptsGzip) return { coding: 'gunzip', headers: {} };
  return {
    coding: isStoredGzip ? 'as stored' : 'gzip',
    headers: { 'content-encoding': 'gzip', 'mex-content-compressed': 'Y' },
  };
}

/** Ends a message's life in the inbox; a second time changes nothing and is no error. */
export function acknowledgeMessage(store: MessageStore, { mailboxId, version, captures: [id = ''] }: Call): Answer {
  const message = store.get(id);
  if (!message) throw refusal('unknownMessage', id);
  const { messageId } = message;
  if (message.to !== mailboxId) throw refusal('notYours', messageId);
  if (isOnItsWay(store, message)) throw refusal('unknownMessage', messageId);
  if (message.status === 'accepted') store.changeStatus(message, 'acknowledged');
  return version === 1 ? jsonAnswer(200, { messageId }) : emptyAnswer();
}

/** Accepted and not yet delivered: its recipient cannot know of it. */
function isOnItsWay(store: MessageStore, message: StoredMessage): boolean {
  return message.status === 'accepted' && !store.isWaiting(message);
}

function isFailed({ status }: StoredMessage): boolean {
  return status === 'undeliverable' || status === 'error';
}

/** Response headers of a download, lower-case as version 2 sends them, empty ones left out. */
function downloadHeaders(message: StoredMessage, chunkNumber: number, version: ApiVersion): Record<string, string> {
  const isReport = message.messageType === 'REPORT';
  // A report has no chunk at all, and MESH says so with a range that counts to nought.
  const total = isReport ? 0 : message.totalChunks;
  const isTyped = version === 2 && total === 1;
  const all: Record<string, string | undefined> = {
    'content-type': isTyped ? message.contentType : 'application/octet-stream',
    'mex-content-type': isReport ? undefined : message.contentType,
    'mex-from': message.from,
    'mex-to': message.to,
    'mex-workflowid': message.workflowId,
    'mex-chunk-range': `${chunkNumber}:${total}`,
    'mex-total-chunks': String(total),
    'mex-addresstype': 'ALL',
    'mex-localid': message.localId,
    'mex-filename': message.fileName,
    'mex-subject': message.subject,
    'mex-version': '1.0',
    'mex-messagetype': message.messageType,
    'mex-messageid': message.messageId,
    'mex-statuscode': isReport ? message.failure?.code : '00',
    'mex-statusevent': isReport ? (message.failure?.event ?? 'SEND') : 'TRANSFER',
    'mex-statusdescription': isReport ? message.failure?.description : 'Transferred to recipient mailbox',
    'mex-statussuccess': isReport ? 'ERROR' : 'SUCCESS',
    'mex-statustimestamp': secondsStamp(message.statusAt),
    'mex-linkedmsgid': message.linkedMessageId,
    'last-modified': new Date(message.statusAt).toUTCString(),
    ...message.passedOn,
  };
  const present: Record<string, string> = {};
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined && value !== '') present[name] = value;
  }
  return present;
}

function maxResults(text: string | null): number | undefined {
  if (text === null) return undefined;
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(count >= 10 && count <= 5000)) throw invalid('query', 'max_results', 'Input should be from 10 to 5000');
  return count;
}

/** `WF`, `WF*` and `*PART*` mean equals, begins and contains; a `!` before any of them means not. */
function workflowFilter(text: string | null): (workflowId: string) => boolean {
  if (text === null) return () => true;
  if (text.length < 2 || text.length > 255) {
    throw invalid('query', 'workflow_filter', 'String should have from 2 to 255 characters');
  }
  const [, not = '', leading = '', part = '', trailing = ''] = /^(!?)(\*?)([^*]*)(\*?)$/.exec(text) ?? [];
  if (part === '' || (leading !== '' && trailing === '')) throw notImplemented('this form of workflow_filter');
  const matches = (workflowId: string): boolean => {
    if (leading !== '') return workflowId.includes(part);
    return trailing === '' ? workflowId === part : workflowId.startsWith(part);
  };
  return (workflowId) => matches(workflowId) !== (not !== '');
}

function continueFromToken(mailboxId: string, acceptedOrder: number): string {
  return Buffer.from(`mailbox=${mailboxId};after=${acceptedOrder}`).toString('base64url');
}

/** The link of version 2 carries a token of ours; a client of version 1 names the last message that it has. */
function placeOf(store: MessageStore, mailboxId: string, from: string | null, version: ApiVersion): number {
  if (from === null) return 0;
  const last = version === 1 ? store.get(from) : undefined;
  if (last?.to === mailboxId) return last.acceptedOrder;
  const match = /^mailbox=(.+);after=(\d+)$/.exec(Buffer.from(from, 'base64url').toString());
  if (match?.[1] !== mailboxId) throw invalid('query', 'continue_from', 'Not a value from links.next of this mailbox');
  return Number(match[2]);
}
