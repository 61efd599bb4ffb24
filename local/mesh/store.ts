import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { StoredMessage } from './message.ts';

/** What a message file says; the chunks lie joined in the body file beside it. */
const messageFile = z.object({
  messageId: z.string(),
  messageType: z.enum(['DATA', 'REPORT']),
  status: z.enum(['uploading', 'accepted', 'acknowledged', 'undeliverable']),
  statusAt: z.string(),
  uploadedAt: z.string(),
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
  chunkLengths: z.array(z.number()),
  passedOn: z.record(z.string(), z.string()),
  failure: z.object({ code: z.string(), description: z.string() }).optional(),
  linkedMessageId: z.string().optional(),
});

/**
 * Every message of every mailbox, in memory and, where a directory is given, also as `<message id>.json` and
 * `<message id>.body` in it. An upload that is not complete is not written: it ends with the process.
 */
export class MessageStore {
  readonly #messages = new Map<string, StoredMessage>();
  readonly #directory: string | undefined;
  #lastAccepted = 0;

  constructor(directory: string | undefined) {
    this.#directory = directory;
    if (directory === undefined) return;
    mkdirSync(directory, { recursive: true });
    for (const name of readdirSync(directory).sort()) {
      if (name.endsWith('.json')) this.#load(directory, name);
    }
  }

  get(messageId: string): StoredMessage | undefined {
    return this.#messages.get(messageId);
  }

  all(): StoredMessage[] {
    return [...this.#messages.values()];
  }

  /** What waits in a mailbox, in the order of acceptance. */
  inbox(mailboxId: string): StoredMessage[] {
    return this.all()
      .filter((message) => message.to === mailboxId && message.status === 'accepted')
      .sort((a, b) => a.acceptedOrder - b.acceptedOrder);
  }

  sentBy(mailboxId: string): StoredMessage[] {
    return this.all().filter((message) => message.from === mailboxId);
  }

  add(message: StoredMessage): void {
    this.#messages.set(message.messageId, message);
  }

  /** Puts a message that is complete into its recipient's inbox. */
  accept(message: StoredMessage): void {
    this.#lastAccepted += 1;
    message.acceptedOrder = this.#lastAccepted;
    if (this.#directory !== undefined) {
      writeFileSync(join(this.#directory, `${message.messageId}.body`), Buffer.concat(message.chunks));
    }
    this.changeStatus(message, 'accepted');
  }

  changeStatus(message: StoredMessage, status: StoredMessage['status']): void {
    message.status = status;
    message.statusAt = new Date().toISOString();
    if (this.#directory === undefined) return;
    const { chunks, ...rest } = message;
    const path = join(this.#directory, `${message.messageId}.json`);
    writeFileSync(`${path}.new`, JSON.stringify({ ...rest, chunkLengths: chunks.map((chunk) => chunk.length) }));
    renameSync(`${path}.new`, path);
  }

  #load(directory: string, name: string): void {
    const json: unknown = JSON.parse(readFileSync(join(directory, name), 'utf8'));
    const { chunkLengths, ...rest } = messageFile.parse(json);
    const body = readFileSync(join(directory, `${rest.messageId}.body`));
    const chunks: Buffer[] = [];
    let start = 0;
    for (const length of chunkLengths) {
      chunks.push(body.subarray(start, start + length));
      start += length;
    }
    this.#lastAccepted = Math.max(this.#lastAccepted, rest.acceptedOrder);
    this.add({
      ...rest,
      chunks,
      from: rest.from,
      localId: rest.localId,
      subject: rest.subject,
      contentEncoding: rest.contentEncoding,
      failure: rest.failure,
      linkedMessageId: rest.linkedMessageId,
    });
  }
}
