import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { serve, type StandIn } from '../stand-in.ts';
import { type Answer, emptyAnswer, meshV2 } from './answer.ts';
import { type Mailbox, TokenCheck } from './authorization.ts';
import { type Call, headerOf } from './call.ts';
import { type Delivery, deliveredMessage, nonDeliveryReport } from './delivery.ts';
import { answerPublic } from './directory.ts';
import { acknowledgeMessage, countInbox, downloadMessage, headMessage, listInbox } from './inbox.ts';
import { MailboxUse, type Violation } from './mailbox-use.ts';
import { type Failure, type MeshMessage, messageIds, type StoredMessage, viewOf } from './message.ts';
import { sendChunk, sendMessage, trackLocalId, trackMessage } from './outbox.ts';
import { invalid, MeshRefusal, notImplemented, refusal } from './refusal.ts';
import { logEntry, type MeshRequest, readLimitedBody } from './request-log.ts';
import { mailboxTarget, type Operation } from './route.ts';
import { MessageStore } from './store.ts';

export interface MeshOptions {
  /** Ids in upper case. */
  readonly mailboxes: readonly Mailbox[];
  /** The HMAC key of the environment. */
  readonly sharedKey: string;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** Most ids in one list, 500 as in production. */
  readonly pageSize?: number;
  /** Largest request body; 20 MiB, the class of limit that the internet gateway has. */
  readonly maxBodyBytes?: number;
  /** How far a token's timestamp may lie from now; nothing official is published, so 2 hours. */
  readonly timestampToleranceMs?: number;
  /** Where messages outlive the process; without it they do not. */
  readonly directory?: string;
  /** Called once for each request after it was answered. */
  readonly onRequest?: (entry: MeshRequest) => void;
}

/** The Message Exchange for Social Care and Health, version 2 of its API, for any number of mailboxes. */
export interface MeshStandIn extends StandIn {
  /**
   * Puts a message straight into an inbox, as if someone had sent it, and returns its id.
   *
   * @throws Error where the recipient has no mailbox here
   */
  deliver(delivery: Delivery): string;
  /**
   * Puts a non-delivery report into the sender's inbox, takes the message out of the recipient's, and returns the
   * report's id.
   *
   * @throws Error where no such message was sent through an outbox
   */
  reportNonDelivery(messageId: string, failure: Failure): string;
  /** Takes a message out of its recipient's inbox, as the recipient's own acknowledgement would. */
  acknowledge(messageId: string): void;
  /**
   * Tells a listener of each message that was sent through an outbox and is complete, before the sender gets its
   * answer; delivered messages and reports are not told. Returns what ends it.
   */
  onAccepted(listener: (message: MeshMessage) => void): () => void;
  /** All messages of all mailboxes, oldest first, whatever their status. */
  messages(): readonly MeshMessage[];
  readonly violations: readonly Violation[];
}

/** Starts MESH on 127.0.0.1, stricter than NHS England's own sandbox. @throws PortInUse */
export async function startMesh(options: MeshOptions): Promise<MeshStandIn> {
  const { sharedKey, port = 0, pageSize = 500, maxBodyBytes = 20 * 1024 * 1024, onRequest } = options;
  const mailboxes = byId(options.mailboxes);
  const tokens = new TokenCheck(mailboxes, sharedKey, options.timestampToleranceMs ?? 2 * 60 * 60 * 1000);
  const store = new MessageStore(options.directory);
  const use = new MailboxUse();
  const newMessageId = messageIds();
  const listeners = new Set<(message: MeshMessage) => void>();
  const outbox = {
    store,
    newMessageId,
    isKnownMailbox: (mailboxId: string) => mailboxes.has(mailboxId),
    onAccepted: (message: StoredMessage) => {
      for (const listener of listeners) listener(viewOf(message));
    },
  };
  const operations: Readonly<Record<Operation, (call: Call) => Answer>> = {
    handshake,
    validate: () => emptyAnswer(),
    list: (call) => listInbox(store, pageSize, call),
    count: (call) => countInbox(store, call),
    head: (call) => headMessage(store, call),
    download: (call) => downloadMessage(store, call),
    acknowledge: (call) => acknowledgeMessage(store, call),
    send: (call) => sendMessage(outbox, call),
    sendChunk: (call) => sendChunk(outbox, call),
    track: (call) => trackMessage(store, call),
    trackLocalId: (call) => trackLocalId(store, call),
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const started = performance.now();
    const { method = '', headers } = request;
    const { pathname, searchParams: query } = new URL(`http://mesh${request.url ?? '/'}`);
    const target = mailboxTarget(method, pathname);
    // Taken before the body is read: an upload in progress is a call too.
    const isFree = target === undefined || use.enter(target.mailboxId, request, response);
    const { bytes, body } = await readLimitedBody(request, maxBodyBytes);
    const answer = answerOrRefusal(() => {
      if (!target) return answerPublic(method, pathname, [...mailboxes.keys()]);
      if (!isFree) throw refusal('concurrentUse');
      const { operation, mailboxId, captures } = target;
      tokens.verify(mailboxId, headers.authorization);
      checkAccept(headers);
      if (!body) throw refusal('tooLarge');
      return operations[operation]({ mailboxId, captures, query, headers, body });
    });
    // Nothing real answers at once: without this, two calls made together could each find the mailbox at rest.
    await pause(2);
    const sent = method === 'HEAD' ? Buffer.alloc(0) : answer.body;
    for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
    response.setHeader('content-length', sent.length);
    response.once('finish', () => {
      onRequest?.(logEntry(request, response, started, { requestBytes: bytes, responseBytes: sent.length }));
    });
    response.writeHead(answer.status).end(sent);
  };

  const standIn = await serve(handle, port);
  return {
    ...standIn,
    deliver: (delivery) => {
      if (!mailboxes.has(delivery.to)) throw new Error(`The MESH stand-in has no mailbox ${delivery.to}`);
      const message = deliveredMessage(delivery, newMessageId());
      store.add(message);
      store.accept(message);
      return message.messageId;
    },
    reportNonDelivery: (messageId, failure) => {
      const original = sentMessage(store, messageId);
      const report = nonDeliveryReport(original, failure, newMessageId());
      original.failure = failure;
      store.changeStatus(original, 'undeliverable');
      store.add(report);
      store.accept(report);
      return report.messageId;
    },
    acknowledge: (messageId) => {
      const message = sentMessage(store, messageId);
      if (message.status === 'accepted') store.changeStatus(message, 'acknowledged');
    },
    onAccepted: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    messages: () => store.all().map(viewOf),
    violations: use.violations,
  };
}

function byId(mailboxes: readonly Mailbox[]): ReadonlyMap<string, Mailbox> {
  const map = new Map<string, Mailbox>();
  for (const mailbox of mailboxes) {
    const { mailboxId } = mailbox;
    if (mailboxId !== mailboxId.toUpperCase()) throw new Error(`Mailbox id ${mailboxId} is not in upper case`);
    if (map.has(mailboxId)) throw new Error(`Mailbox ${mailboxId} is given twice`);
    map.set(mailboxId, mailbox);
  }
  return map;
}

/** Proves reachability and credentials; the client has to say what it is. */
function handshake({ headers }: Call): Answer {
  for (const name of ['mex-clientversion', 'mex-osname', 'mex-osversion']) {
    if (headerOf(headers, name) === undefined) throw invalid('header', name, 'Field required');
  }
  return emptyAnswer();
}

/** Version 2 is chosen by its one media type; version 1's shapes are not spoken here. */
function checkAccept(headers: Call['headers']): void {
  const accept = headerOf(headers, 'accept') ?? '';
  if (accept === meshV2) return;
  if (accept.includes('vnd.mesh') && accept !== 'application/vnd.mesh.v1+json') throw refusal('acceptHeader');
  throw notImplemented(`version 1 of the API: send Accept: ${meshV2}`);
}

function answerOrRefusal(decide: () => Answer): Answer {
  try {
    return decide();
  } catch (error) {
    if (error instanceof MeshRefusal) return error.answer;
    throw error;
  }
}

function sentMessage(store: MessageStore, messageId: string): StoredMessage {
  const message = store.get(messageId);
  if (message?.from === undefined) throw new Error(`Nobody sent a message ${messageId}`);
  return message;
}
