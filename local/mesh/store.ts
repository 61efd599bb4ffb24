import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import type { Clock } from './clock.ts';
import { type MeshMessage, messageStatuses, type StoredMessage } from './message.ts';

/** What a message file says; its chunks lie beside it. */
const messageFile = z.object({
  messageId: z.string(),
  messageType: z.enum(['DATA', 'REPORT']),
  status: z.enum(messageStatuses),
  statusAt: z.string(),
  uploadedAt: z.string(),
  availableAt: z.string().optional(),
  acknowledgedAt: z.string().optional(),
  acceptedOrder: z.number(),
  from: z.string().optional(),
  to: z.string(),
  workflowId: z.string(),
  localId: z.string().optional(),
  subject: z.string().optional(),
  fileName: z.string(),
  contentType: z.string(),
  contentEncoding: z.literal('gzip').optional(),
  totalChunks: z.number(),
  chunks: z.array(z.object({ bytes: z.number(), decodedBytes: z.number() })),
  passedOn: z.record(z.string(), z.string()),
  failure: z.object({ code: z.string(), description: z.string(), event: z.string().optional() }).optional(),
  linkedMessageId: z.string().optional(),
});

/**
 * Every message of every mailbox: what is said about it in memory and as `<message id>.json`, its chunks on disk only,
 * as `<message id>.<number>`. An upload that is not complete ends with the process. Where no directory is given, it is
 * a temporary one that goes with the store.
 */
export class MessageStore {
  readonly #messages = new Map<string, StoredMessage>();
  readonly #directory: string;
  readonly #isTemporary: boolean;
  readonly #clock: Clock;
  #lastAccepted = 0;

  readonly #removeDirectory = (): void => {
    rmSync(this.#directory, { recursive: true, force: true });
  };

  constructor(directory: string | undefined, clock: Clock) {
    this.#clock = clock;
    this.#isTemporary = directory === undefined;
    this.#directory = directory ?? mkdtempSync(join(tmpdir(), `mesh-standin-${process.pid}-`));
    mkdirSync(this.#directory, { recursive: true });
    // For a process that ends without closing what it started.
    if (this.#isTemporary) process.once('exit', this.#removeDirectory);
    const names = readdirSync(this.#directory).sort();
    for (const name of names) if (name.endsWith('.json')) this.#load(name);
    for (const name of names) this.#removeLitter(name);
    // A clock that was moved on stays so: what happened under it must not lie in the future.
    const last = Math.max(0, ...this.all().map(({ statusAt }) => Date.parse(statusAt)));
    clock.advance(Math.max(0, last - clock.now().getTime()) / 1000);
  }

  get(messageId: string): StoredMessage | undefined {
    return this.#messages.get(messageId.toUpperCase());
  }

  all(): StoredMessage[] {
    return [...this.#messages.values()];
  }

  /** Whether a message has been delivered, and not collected since. */
  isWaiting(message: StoredMessage): boolean {
    return message.status === 'accepted' && Date.parse(message.availableAt ?? '') <= this.#clock.now().getTime();
  }

  /** What waits in a mailbox, in the order of acceptance. */
  inbox(mailboxId: string): StoredMessage[] {
    return this.all()
      .filter((message) => message.to === mailboxId && this.isWaiting(message))
      .sort((a, b) => a.acceptedOrder - b.acceptedOrder);
  }

  sentBy(mailboxId: string): StoredMessage[] {
    return this.all().filter((message) => message.from === mailboxId);
  }

  /** Where a chunk lies, or is to be put before the message has it. Numbers begin at 1. */
  chunkFile(messageId: string, number: number): string {
    return join(this.#directory, `${messageId}.${number}`);
  }

  add(message: StoredMessage): void {
    this.#messages.set(message.messageId, message);
  }

  /** Adds a message whose whole body is at hand. */
  addWhole(message: StoredMessage, body: Buffer): void {
    writeFileSync(this.chunkFile(message.messageId, 1), body);
    message.chunks.push({ bytes: body.length, decodedBytes: body.length });
    this.add(message);
  }

  /**
   * Puts a message that is complete on its way to its recipient's inbox.
   *
   * @param delaySeconds how long it is on its way
   */
  accept(message: StoredMessage, delaySeconds: number): void {
    this.#lastAccepted += 1;
    message.acceptedOrder = this.#lastAccepted;
    message.availableAt = new Date(this.#clock.now().getTime() + delaySeconds * 1000).toISOString();
    this.changeStatus(message, 'accepted');
  }

  changeStatus(message: StoredMessage, status: StoredMessage['status']): void {
    message.status = status;
    message.statusAt = this.#clock.now().toISOString();
    if (status === 'acknowledged') message.acknowledgedAt = message.statusAt;
    const path = join(this.#directory, `${message.messageId}.json`);
    writeFileSync(`${path}.new`, JSON.stringify(message));
    renameSync(`${path}.new`, path);
  }

  /** Forgets messages and what lies on disk of them. */
  remove(isWanted: (message: StoredMessage) => boolean): void {
    for (const message of this.all()) {
      const { messageId, chunks } = message;
      if (!isWanted(message)) continue;
      this.#messages.delete(messageId);
      for (const name of ['json', ...chunks.map((_, index) => index + 1)]) {
        rmSync(join(this.#directory, `${messageId}.${name}`), { force: true });
      }
    }
  }

  /** A message with its body decoded, which is read when it is asked for. */
  view(message: StoredMessage): MeshMessage {
    const { messageId, messageType, status, from, to, workflowId, localId, subject } = message;
    const { fileName, contentEncoding, chunks } = message;
    const read = (number: number): Buffer => {
      const stored = readFileSync(this.chunkFile(messageId, number));
      return contentEncoding === 'gzip' ? gunzipSync(stored) : stored;
    };
    return {
      ...{ messageId, messageType, status, from, to, workflowId, localId, subject, fileName, contentEncoding },
      get body() {
        return Buffer.concat(chunks.map((_, index) => read(index + 1)));
      },
    };
  }

  close(): void {
    if (!this.#isTemporary) return;
    process.off('exit', this.#removeDirectory);
    this.#removeDirectory();
  }

  #load(name: string): void {
    const json: unknown = JSON.parse(readFileSync(join(this.#directory, name), 'utf8'));
    const message = messageFile.parse(json);
    this.#lastAccepted = Math.max(this.#lastAccepted, message.acceptedOrder);
    this.add({
      ...message,
      availableAt: message.availableAt,
      acknowledgedAt: message.acknowledgedAt,
      from: message.from,
      localId: message.localId,
      subject: message.subject,
      contentEncoding: message.contentEncoding,
      failure: message.failure,
      linkedMessageId: message.linkedMessageId,
    });
  }

  /** Files of uploads that were not complete, and of writes that were not. */
  #removeLitter(name: string): void {
    const [messageId = '', kind = ''] = name.split('.');
    const isKnown = this.#messages.has(messageId) && /^(json|\d+)$/.test(kind) && name.split('.').length === 2;
    const isOurs = /^\d{20}_[0-9A-F]{6}\.(\d+(\.part)?|json\.new)$/.test(name);
    if (isOurs && !isKnown) rmSync(join(this.#directory, name), { force: true });
  }
}
