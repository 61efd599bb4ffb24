import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { PermanentError } from '../errors.ts';
import { type MailboxEntry, parseInboxPage, parseMailboxEntries, parseTracking } from './parse-answer.ts';
import { attemptRepeatedly, type Pause } from './attempts.ts';
import type { Call, MeshCall } from './call.ts';
import type { MeshCredentials } from './credentials.ts';
import { Download, expectMessage } from './download.ts';
import { Exchange } from './exchange.ts';
import {
  type DownloadedMessage,
  messageHeaders,
  type MessageHeaders,
  type OutgoingBody,
  type OutgoingMessage,
  type SendOutcome,
  type Tracking,
} from './message.ts';
import { chunkBytes, OutgoingChunks } from './outgoing-chunks.ts';
import { Transport } from './transport.ts';
import { upload } from './upload.ts';

export interface MailboxOptions {
  /** `https:`, or `http:` on this machine. */
  readonly baseUrl: string;
  /** In capitals, as MESH compares it. */
  readonly mailboxId: string;
  readonly credentials: MeshCredentials;
  /** How much of a body goes into one chunk before it is compressed: one of `chunkBytes`, the internet's by default. */
  readonly chunkBytes?: number;
  /** Whether bodies are sent gzipped; they are unless said otherwise. */
  readonly compress?: boolean;
  /** How long MESH may give no sign of life in one call. */
  readonly timeoutMilliseconds?: number;
  /** A downloaded body that is longer, decompressed, is not taken. */
  readonly largestBodyBytes?: number;
  readonly now?: () => Date;
  readonly nonce?: () => string;
  /** How to wait between attempts. */
  readonly pause?: Pause;
  /** Told of every attempt at a call once it is over. */
  readonly onCall?: (call: MeshCall) => void;
}

/**
 * One MESH mailbox over the MESH API, version 2. Calls follow one another: the compliance catalogue (801) allows one
 * thread per mailbox. Every attempt carries a token of its own, since MESH refuses one that it has seen. All calls but
 * the sending of a message are attempted up to three times.
 */
export class Mailbox {
  readonly #options: Required<Omit<MailboxOptions, 'onCall'>>;
  readonly #transport: Transport;
  readonly #exchange: Exchange;
  /** `/messageexchange/{mailbox}` */
  readonly #path: string;
  #previous: Promise<unknown> = Promise.resolve();

  /** @throws PermanentError ConfigurationInvalid where it could never reach MESH */
  constructor({ onCall, ...options }: MailboxOptions) {
    this.#options = {
      chunkBytes: chunkBytes.internet,
      compress: true,
      timeoutMilliseconds: 60_000,
      largestBodyBytes: 2 ** 31,
      now: () => new Date(),
      nonce: randomUUID,
      pause: wait,
      ...options,
    };
    const { baseUrl, mailboxId, credentials } = options;
    if (!/^[A-Z0-9]{1,20}$/.test(mailboxId)) {
      throw new PermanentError('ConfigurationInvalid', 'A MESH mailbox id consists of capitals and digits: correct it');
    }
    if (!(Number.isSafeInteger(this.#options.chunkBytes) && this.#options.chunkBytes > 0)) {
      throw new PermanentError('ConfigurationInvalid', 'chunkBytes has to be a number of bytes above zero');
    }
    this.#path = `/messageexchange/${mailboxId}`;
    this.#transport = new Transport(baseUrl, credentials);
    this.#exchange = new Exchange(this.#transport, { ...this.#options, onCall });
  }

  /** Proves reach and credentials and marks the mailbox as in use: about once a day, not before each call. */
  async handshake(): Promise<void> {
    await this.#ask({
      name: 'Handshake',
      method: 'POST',
      path: this.#path,
      headers: { 'mex-clientversion': 'ndop-consent-pipeline==1', 'mex-osname': 'Linux', 'mex-osversion': 'N/A' },
    });
  }

  /**
   * Sends a message, in as many chunks as it needs. An unknown outcome is a result, not an error, so that no retry
   * repeats it; what is thrown was certainly not delivered and never will be.
   *
   * @throws PermanentError MeshRecipientUnknown and other refusals; FileAltered where the content is not as long as said
   * @throws RetryableError where MESH did not get the message, or not all of it
   */
  async send(message: OutgoingMessage, body: OutgoingBody): Promise<SendOutcome> {
    const { chunkBytes, compress, pause } = this.#options;
    if (body.bytes === 0) {
      throw new PermanentError('MeshRequestRefused', 'Send: MESH carries no empty message: send none');
    }
    return this.#serial(async () => {
      const chunks = new OutgoingChunks(body, { chunkBytes, compress });
      try {
        return await upload(message, chunks, {
          exchange: this.#exchange,
          outbox: `${this.#path}/outbox`,
          isCompressed: compress,
          pause,
          track: async (messageId) => parseTracking(await this.#attempt(this.#trackCall(messageId))),
        });
      } finally {
        await chunks.close();
      }
    });
  }

  /**
   * The ids of every message that waits, page after page, each asked for when it is needed.
   *
   * @param options.workflowFilter `WF`, `WF*` or `*PART*`, a `!` before it for all others
   * @param options.maxResults ids to a page, 10 to 500
   */
  async *listInbox(options: { workflowFilter?: string; maxResults?: number } = {}): AsyncGenerator<string> {
    const query = new URLSearchParams();
    if (options.workflowFilter !== undefined) query.set('workflow_filter', options.workflowFilter);
    if (options.maxResults !== undefined) query.set('max_results', String(options.maxResults));
    const followed = new Set<string>();
    let path: string | undefined = `${this.#path}/inbox${query.size === 0 ? '' : `?${query.toString()}`}`;
    while (path !== undefined) {
      followed.add(path);
      const page = parseInboxPage(await this.#ask({ name: 'List the inbox', method: 'GET', path }));
      // With a filter a page may be empty and others follow.
      yield* page.messages;
      path = page.next === undefined ? undefined : this.#nextPage(page.next, followed);
    }
  }

  /** What a download would say about a message, without its body; also of a message that we sent. */
  async head(messageId: string): Promise<MessageHeaders> {
    const path = this.#inboxPath(messageId);
    return this.#serial(() =>
      attemptRepeatedly(this.#options.pause, async () => {
        const answer = await this.#exchange.open({ name: 'Head', method: 'HEAD', path, about: messageId });
        try {
          await answer.text();
          expectMessage(answer, messageId, 'Head');
          return messageHeaders(messageId, answer.headers);
        } finally {
          await answer.close();
        }
      }),
    );
  }

  /**
   * Hands a message over as it arrives. The mailbox is held until `take` ends, so that `take` must not call it.
   *
   * @param take may leave the body unread; reading it throws RetryableError where the connection fails, and
   *   PermanentError MeshBodyDamaged where the body is not what its headers claim
   * @param options.asReceived the bytes as they travelled, never found damaged: the evidence
   * @throws PermanentError MeshMessageGone where the message was acknowledged before or has expired, MeshMessageUnknown
   */
  async download<Result>(
    messageId: string,
    take: (message: DownloadedMessage) => Promise<Result>,
    { asReceived = false }: { readonly asReceived?: boolean } = {},
  ): Promise<Result> {
    const { largestBodyBytes, pause } = this.#options;
    const path = this.#inboxPath(messageId);
    const exchange = this.#exchange;
    return this.#serial(async () => {
      const download = new Download({ exchange, path, messageId, largestBodyBytes, asReceived, pause });
      try {
        const result = await take(await download.open());
        await download.close();
        return result;
      } catch (error) {
        await download.close(error);
        throw error;
      }
    });
  }

  /** Removes a message from the inbox for good. One that is not there any more was acknowledged before. */
  async acknowledge(messageId: string): Promise<void> {
    const path = `${this.#inboxPath(messageId)}/status/acknowledged`;
    try {
      await this.#ask({ name: 'Acknowledge', method: 'PUT', path, about: messageId });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /**
   * How far a message of ours has got. Not to be asked often: delivery may take hours.
   *
   * @throws PermanentError MeshMessageUnknown where the outbox has none of this id
   */
  async track(messageId: string): Promise<Tracking> {
    return parseTracking(await this.#ask(this.#trackCall(messageId)));
  }

  /**
   * Looks a message of ours up by the local id it was sent with; undefined where the outbox has none.
   *
   * @throws PermanentError MeshRequestRefused where it has several
   */
  async trackLocalId(localId: string): Promise<Tracking | undefined> {
    const path = `${this.#path}/outbox/tracking/${encodeURIComponent(localId)}`;
    try {
      return parseTracking(await this.#ask({ name: 'Track by local id', method: 'GET', path, about: localId }));
    } catch (error) {
      if (!isGone(error)) throw error;
      return undefined;
    }
  }

  /** The mailboxes of an organisation that take messages of a workflow. */
  async lookUp(odsCode: string, workflowId: string): Promise<readonly MailboxEntry[]> {
    const [ods, workflow] = [encodeURIComponent(odsCode), encodeURIComponent(workflowId)];
    const path = `/messageexchange/endpointlookup/${ods}/${workflow}`;
    return parseMailboxEntries(await this.#ask({ name: 'Look up', method: 'GET', path }));
  }

  /** Every mailbox that takes messages of a workflow. */
  async searchWorkflow(workflowId: string): Promise<readonly MailboxEntry[]> {
    const path = `/messageexchange/workflowsearch/${encodeURIComponent(workflowId)}`;
    return parseMailboxEntries(await this.#ask({ name: 'Search the workflow', method: 'GET', path }));
  }

  #inboxPath(messageId: string): string {
    return `${this.#path}/inbox/${encodeURIComponent(messageId)}`;
  }

  #trackCall(messageId: string): Call {
    const path = `${this.#path}/outbox/tracking?messageID=${encodeURIComponent(messageId)}`;
    return { name: 'Track', method: 'GET', path, about: messageId };
  }

  /** `links.next` is a path without a host, and leads nowhere but on through our own mailbox. */
  #nextPage(next: string, followed: ReadonlySet<string>): string {
    const url = this.#transport.resolve(next);
    if (!url?.pathname.startsWith(`${this.#path}/`)) {
      throw new PermanentError(
        'MeshRequestRefused',
        'List the inbox: MESH named a next page outside our mailbox: report it to the MESH service desk',
      );
    }
    const path = url.pathname + url.search;
    if (followed.has(path)) {
      throw new PermanentError(
        'MeshRequestRefused',
        'List the inbox: MESH named a next page that was read before: report it to the MESH service desk',
      );
    }
    return path;
  }

  #ask(call: Call): Promise<string> {
    return this.#serial(() => this.#attempt(call));
  }

  #attempt(call: Call): Promise<string> {
    return attemptRepeatedly(this.#options.pause, () => this.#exchange.text(call));
  }

  /** Queues behind the call before, whether that one succeeded or not. */
  #serial<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#previous.then(run, run);
    this.#previous = result.catch(() => undefined);
    return result;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof PermanentError && (error.name === 'MeshMessageGone' || error.name === 'MeshMessageUnknown');
}
