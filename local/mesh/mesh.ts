import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { serve, type StandIn } from '../stand-in.ts';
import { adminMethodsAt, answerAdmin } from './admin.ts';
import { type Answer, type ApiVersion, emptyAnswer, jsonAnswer } from './answer.ts';
import { TokenCheck } from './authorization.ts';
import { type Call, headerOf, versionAsked } from './call.ts';
import { Clock } from './clock.ts';
import type { Delivery } from './delivery.ts';
import { answerPublic } from './directory.ts';
import { Exchange } from './exchange.ts';
import { type Fault, Faults } from './faults.ts';
import { acknowledgeMessage, countInbox, downloadMessage, headMessage, listInbox } from './inbox.ts';
import { MailboxUse, type Violation } from './mailbox-use.ts';
import { type Mailbox, Mailboxes } from './mailboxes.ts';
import type { Failure, MeshMessage, StoredMessage } from './message.ts';
import { sendChunk, sendMessage } from './outbox.ts';
import { ReceivedBody } from './received-body.ts';
import { invalid, MeshRefusal, noSuchPath, otherMethod, refusal } from './refusal.ts';
import { logEntry, type MeshRequest } from './request-log.ts';
import { faultAnswer, writeAnswer } from './response.ts';
import { mailboxTarget, methodsAt, type Operation, publicTarget } from './route.ts';
import { serveSecurely, type Tls } from './secure-server.ts';
import { MessageStore } from './store.ts';
import { trackLocalId, trackMessage } from './tracking.ts';

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
  /** Where messages outlive the process; without it they do not, and lie in a temporary folder until `close`. */
  readonly directory?: string;
  /** HTTPS with client certificates demanded; plain HTTP where absent. */
  readonly tls?: Tls;
  /** From the acceptance of a sent message until its recipient can see it, by the stand-in's clock; 0 by default. */
  readonly deliveryDelaySeconds?: number;
  /** Called once for each request after it was answered. */
  readonly onRequest?: (entry: MeshRequest) => void;
}

/** The Message Exchange for Social Care and Health, both versions of its API, for any number of mailboxes. */
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
  /**
   * Moves the time of messages on. What nobody has collected for five days leaves its inbox, and its sender gets the
   * report with code 14. Tokens are still judged by the real time.
   */
  advanceClock(seconds: number): void;
  /** What is to go wrong, for calls that are otherwise right. */
  readonly faults: { add(fault: Fault): void; clear(): void };
  /** @throws Error where there is no such mailbox */
  setDisabled(mailboxId: string, disabled: boolean): void;
}

/** Starts MESH on 127.0.0.1, stricter than NHS England's own sandbox. @throws PortInUse */
export async function startMesh(options: MeshOptions): Promise<MeshStandIn> {
  const { sharedKey, port = 0, pageSize = 500, maxBodyBytes = 20 * 1024 * 1024, onRequest, tls } = options;
  const mailboxes = new Mailboxes(options.mailboxes);
  const tokens = new TokenCheck(mailboxes, sharedKey, options.timestampToleranceMs ?? 2 * 60 * 60 * 1000);
  const clock = new Clock();
  const store = new MessageStore(options.directory, clock);
  const exchange = new Exchange(store, mailboxes, clock);
  const use = new MailboxUse();
  let dropConnections = (): void => undefined;
  const faults = new Faults(tls !== undefined, () => {
    dropConnections();
  });
  const controls = { store, mailboxes, exchange, clock, faults };
  const outbox = {
    store,
    clock,
    deliveryDelaySeconds: options.deliveryDelaySeconds ?? 0,
    newMessageId: exchange.newMessageId,
    isKnownMailbox: (mailboxId: string) => mailboxes.get(mailboxId) !== undefined,
    onAccepted: (message: StoredMessage) => {
      exchange.tellAccepted(message);
    },
  };
  const operations: Readonly<Record<Operation, (call: Call) => Answer | Promise<Answer>>> = {
    handshake,
    validate,
    list: (call) => listInbox(store, pageSize, call),
    count: (call) => countInbox(store, call),
    head: (call) => headMessage(store, call),
    download: (call) => downloadMessage(store, call),
    acknowledge: (call) => acknowledgeMessage(store, call),
    send: (call) => sendMessage(outbox, call),
    sendChunk: (call) => sendChunk(outbox, call),
    track: (call) => trackMessage(store, mailboxes, call),
    trackLocalId: (call) => trackLocalId(store, mailboxes, call),
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const started = performance.now();
    const { method = '', headers } = request;
    const { pathname, searchParams: query } = new URL(`http://mesh${request.url ?? '/'}`);
    exchange.expire();
    const target = mailboxTarget(method, pathname);
    const open = target ? undefined : publicTarget(method, pathname);
    // Taken before the body is read: an upload in progress is a call too.
    const leave = target ? use.enter(target.mailboxId, request, response) : () => undefined;
    const body = new ReceivedBody(request, maxBodyBytes);
    const operation = target?.operation ?? open?.operation;
    const fault = leave && operation !== undefined ? faults.take(operation, target?.mailboxId) : undefined;
    let responseBytes = 0;
    let remark: string | undefined;
    let isLogged = false;
    const log = (): void => {
      if (isLogged) return;
      isLogged = true;
      onRequest?.(
        logEntry(request, response, started, { requestBytes: body.bytes, responseBytes, fault: fault?.kind, remark }),
      );
    };
    // A response closes without having finished where the connection broke.
    response.once('finish', log).once('close', log);
    if (fault?.kind === 'reset-before') {
      breakConnection(request);
      return;
    }

    const decide = async (): Promise<Answer> => {
      if (!leave) throw refusal('concurrentUse');
      if (fault?.kind === 'status') return faultAnswer(fault);
      if (!target) {
        if (open) return answerPublic(open, headers, mailboxes);
        const answer = await answerAdmin(controls, method, pathname, () => body.text());
        if (answer) return answer;
        const allowed = [...methodsAt(pathname), ...adminMethodsAt(pathname)];
        const refused = allowed.length === 0 ? noSuchPath() : otherMethod(allowed);
        remark = refused.message;
        throw refused;
      }
      const { mailboxId, captures } = target;
      tokens.verify(mailboxId, headers.authorization);
      if (fault?.kind === 'duplicate-token') throw refusal('duplicateToken');
      const version = versionAsked(headers);
      return await operations[target.operation]({ mailboxId, version, captures, query, headers, body });
    };
    const answer = await answerOrRefusal(decide, headers);
    await body.drain();
    // Nothing real answers at once: without this, two calls made together could each find the mailbox at rest.
    await pause(2);
    if (fault?.kind === 'reset-after') {
      breakConnection(request);
      return;
    }
    const isHead = method === 'HEAD';
    await writeAnswer(response, isHead ? { ...answer, body: Buffer.alloc(0) } : answer, fault, (bytes, isLast) => {
      responseBytes += bytes;
      // A client may call again once it has the last byte, before this side has learnt that it went out.
      if (isLast) leave?.();
    });
  };

  const start = async (): Promise<StandIn> => {
    if (!tls) return serve(handle, port);
    const secure = await serveSecurely(handle, tls, port, () => faults.takeConnection());
    dropConnections = secure.drop;
    return secure;
  };
  const standIn = await start().catch((error: unknown) => {
    store.close();
    throw error;
  });
  return {
    url: standIn.url,
    close: async () => {
      await standIn.close();
      store.close();
    },
    deliver: (delivery) => exchange.deliver(delivery),
    reportNonDelivery: (messageId, failure) => exchange.reportNonDelivery(messageId, failure),
    acknowledge: (messageId) => {
      exchange.acknowledge(messageId);
    },
    onAccepted: (listener) => exchange.onAccepted(listener),
    messages: () => store.all().map((message) => store.view(message)),
    violations: use.violations,
    advanceClock: (seconds) => {
      exchange.advanceClock(seconds);
    },
    faults,
    setDisabled: (mailboxId, disabled) => {
      mailboxes.setDisabled(mailboxId, disabled);
    },
  };
}

/** Proves reachability and credentials; the client has to say what it is. */
function handshake(call: Call): Answer {
  for (const name of ['mex-clientversion', 'mex-osname', 'mex-osversion']) {
    if (headerOf(call.headers, name) === undefined) throw invalid('header', name, 'Field required');
  }
  return validate(call);
}

function validate({ version, mailboxId }: Call): Answer {
  return version === 1 ? jsonAnswer(200, { mailboxId }) : emptyAnswer();
}

async function answerOrRefusal(decide: () => Promise<Answer>, headers: Call['headers']): Promise<Answer> {
  try {
    return await decide();
  } catch (error) {
    if (error instanceof MeshRefusal) return error.answer(errorVersion(headers));
    throw error;
  }
}

/** A client whose Accept cannot be read is told so in the newer shape. */
function errorVersion(headers: Call['headers']): ApiVersion {
  try {
    return versionAsked(headers);
  } catch {
    return 2;
  }
}

/** Over TCP with a reset; over TLS, which has no such thing, by closing without a word. */
function breakConnection({ socket }: IncomingMessage): void {
  if (socket.constructor === Socket) socket.resetAndDestroy();
  else socket.destroy();
}
