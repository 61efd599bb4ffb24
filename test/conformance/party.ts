import { settleMessages, storedHeaders } from '../../shared/inbox/settle.ts';
import { takeInMessages } from '../../shared/inbox/take-in.ts';
import type { Part } from '../../shared/ledger/parts.ts';
import { handshakeIfDue } from '../../shared/mesh/handshake.ts';
import { Mailbox, type MailboxOptions } from '../../shared/mesh/mailbox.ts';
import type { MessageHeaders, SendOutcome } from '../../shared/mesh/message.ts';
import { InMemoryMailboxLedger, InMemoryParts } from '../support/in-memory-ledger.ts';
import { eventually } from './checks.ts';
import type { Digest } from './digest.ts';
import type { Environment, MailboxAccess } from './environment.ts';
import type { Payload } from './payload.ts';
import { ReceivedFiles } from './received-files.ts';
import type { Recorder } from './recorder.ts';

/** How the client is set while a case uses it; otherwise as the pipeline has it. */
export type ClientSettings = Pick<MailboxOptions, 'compress' | 'chunkBytes'>;

export interface PartyOptions {
  readonly environment: Environment;
  readonly access: MailboxAccess & { readonly password: string };
  readonly recorder: Recorder;
  /** Opens the client under test. */
  readonly openMailbox?: ((options: MailboxOptions) => Mailbox) | undefined;
}

/** A message as it was taken in. */
export interface TakenMessage {
  readonly messageId: string;
  readonly headers: MessageHeaders;
  readonly rawHeaders: Readonly<Record<string, string>>;
  readonly body: Digest;
}

/**
 * One mailbox, used as the pipeline uses its own: the client of shared/mesh, the pipeline's own way of taking messages in
 * (list, store, acknowledge) and of making sense of them, over a ledger in memory.
 */
export class Party {
  readonly mailboxId: string;
  readonly ledger: InMemoryMailboxLedger;
  readonly parts = new InMemoryParts();
  readonly #options: PartyOptions;
  readonly #files = new ReceivedFiles();

  constructor(options: PartyOptions) {
    const { access, environment, recorder } = options;
    this.mailboxId = access.mailboxId;
    this.ledger = new InMemoryMailboxLedger(() => new Date());
    this.#options = options;
    recorder.tokens.add(this.mailboxId, { password: access.password, sharedKey: environment.sharedKey });
  }

  /** The client under test. */
  mailbox(settings: ClientSettings = {}): Mailbox {
    const { environment, access, recorder, openMailbox = openOurs } = this.#options;
    const { baseUrl } = environment;
    const { mailboxId } = this;
    const onCall = recorder.listenTo(mailboxId);
    return openMailbox({ baseUrl, mailboxId, credentials: credentialsOf(environment, access), onCall, ...settings });
  }

  /** Handshakes, unless that was done within the last day: MESH wants it about daily, neither never nor in bursts. */
  async authenticate(): Promise<void> {
    await handshakeIfDue({ now: () => new Date(), ledger: this.ledger, mesh: this.mailbox() });
  }

  /** The ids of what waits; nothing is taken in. */
  async waiting(mailbox = this.mailbox()): Promise<string[]> {
    const messageIds: string[] = [];
    for await (const messageId of mailbox.listInbox()) messageIds.push(messageId);
    return messageIds;
  }

  async send(
    payload: Payload,
    { to, subject, localId, ...settings }: ClientSettings & { to: string; subject: string; localId: string },
  ): Promise<SendOutcome> {
    const { workflowId } = this.#options.environment;
    const fileName = `${localId}.dat`;
    const message = { from: this.mailboxId, to, workflowId, subject, localId, fileName };
    return this.mailbox(settings).send(message, payload.body());
  }

  /** Takes in whatever waits, and returns what had not been taken in before. */
  async checkInbox(): Promise<TakenMessage[]> {
    const before = new Set(this.ledger.messages.keys());
    const deps = { now: () => new Date(), mesh: this.mailbox(), files: this.#files, ledger: this.ledger };
    await takeInMessages(deps);
    const fresh = [...this.ledger.messages.keys()].filter((messageId) => !before.has(messageId));
    return Promise.all(fresh.map((messageId) => this.#taken(messageId)));
  }

  /** Looks at the inbox until a message is taken in; undefined where it is not in time. */
  async receive(messageId: string): Promise<TakenMessage | undefined> {
    return eventually(this.#options.environment.delivery, async () => {
      await this.checkInbox();
      return this.taken(messageId);
    });
  }

  /** A message that was taken in before, at any time of this run. */
  async taken(messageId: string): Promise<TakenMessage | undefined> {
    return this.ledger.messages.has(messageId) ? this.#taken(messageId) : undefined;
  }

  async allTaken(): Promise<TakenMessage[]> {
    return Promise.all([...this.ledger.messages.keys()].map((messageId) => this.#taken(messageId)));
  }

  /** What the pipeline makes of the messages taken in: attached to the requests that they speak of. */
  async settle(): Promise<void> {
    const { workflowId, mailboxes } = this.#options.environment;
    const source = { mailbox: mailboxes.dormant.mailboxId, workflowId };
    await settleMessages({ source, parts: this.parts, files: this.#files, ledger: this.ledger });
  }

  /** Puts a request into the ledger as it stands there once it was sent. */
  async recordRequest(runId: string, messageId: string, localId: string): Promise<void> {
    const file = { key: `${runId}/request.dat`, sha256: '', bytes: 0 };
    const row: Part = {
      ...{ part: 1, state: 'sent', from: 0, to: 0, rows: 0, cohort: file, attempt: 1, messageId },
      request: { ...file, controlKey: `${runId}/request.ctl`, localId, name: 'request', sequence: 1 },
    };
    await this.parts.put(runId, row);
    await this.ledger.recordSent(messageId, { runId, part: 1 });
  }

  async #taken(messageId: string): Promise<TakenMessage> {
    const stored = this.ledger.messages.get(messageId)!;
    const text = (await this.#files.readHead(stored.headersKey, Number.MAX_SAFE_INTEGER)).toString('utf8');
    const { raw, ...headers } = storedHeaders.parse(JSON.parse(text));
    return { messageId, headers, rawHeaders: raw, body: this.#files.digest(stored.body.key) };
  }
}

function openOurs(options: MailboxOptions): Mailbox {
  return new Mailbox(options);
}

export function credentialsOf(
  { sharedKey, caBundle }: Pick<Environment, 'sharedKey' | 'caBundle'>,
  { password, clientCertificate, clientKey }: MailboxAccess & { readonly password: string },
) {
  return {
    ...{ password, sharedKey },
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    ...(clientKey === undefined ? {} : { clientKey }),
    ...(caBundle === undefined ? {} : { caBundle }),
  };
}
