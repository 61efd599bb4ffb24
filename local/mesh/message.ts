import { randomBytes } from 'node:crypto';

export type MessageType = 'DATA' | 'REPORT';
export const messageStatuses = ['uploading', 'accepted', 'acknowledged', 'undeliverable', 'error'] as const;
export type MessageStatus = (typeof messageStatuses)[number];

/** A message as the runner and the tests see it. */
export interface MeshMessage {
  readonly messageId: string;
  readonly messageType: MessageType;
  readonly status: MessageStatus;
  /** Undefined on a REPORT: those come from MESH itself. */
  readonly from: string | undefined;
  readonly to: string;
  readonly workflowId: string;
  readonly localId: string | undefined;
  readonly subject: string | undefined;
  readonly fileName: string;
  readonly contentEncoding: 'gzip' | undefined;
  /** The whole body, chunks joined and decompressed; read from disk each time, so only for what fits into memory. */
  readonly body: Buffer;
}

/** Why a message failed: on the report that says so and on the message itself. */
export interface Failure {
  readonly code: string;
  readonly description: string;
  /** SEND where absent. */
  readonly event?: string | undefined;
}

/** One stored chunk: as it came, a gzip stream of its own where the message's `contentEncoding` says so. */
export interface Chunk {
  readonly bytes: number;
  readonly decodedBytes: number;
}

/** A message as the stand-in keeps it; all times are ISO and by the stand-in's clock. */
export interface StoredMessage extends Omit<MeshMessage, 'body' | 'status'> {
  status: MessageStatus;
  /** Time of the last change of status. */
  statusAt: string;
  /** Time of the first request that uploaded it. */
  readonly uploadedAt: string;
  /** From when on it lies in its recipient's inbox; undefined until accepted. */
  availableAt: string | undefined;
  acknowledgedAt: string | undefined;
  /** Place in the order of acceptance over all mailboxes, 0 until accepted. */
  acceptedOrder: number;
  readonly contentType: string;
  readonly totalChunks: number;
  readonly chunks: Chunk[];
  /** Headers that go to the recipient as they are, names in lower case. */
  readonly passedOn: Readonly<Record<string, string>>;
  failure: Failure | undefined;
  linkedMessageId: string | undefined;
}

const inboxDays = 5;

/** MESH drops what the recipient has not collected after five days. */
export function expiryOf(message: StoredMessage): Date {
  return new Date(Date.parse(message.uploadedAt) + inboxDays * 24 * 60 * 60 * 1000);
}

/** Why nobody collected a message, in the words of NHS England's sandbox for its two forms of code 14. */
export function notCollected(isRecipientDisabled: boolean): Failure {
  return {
    code: '14',
    description: isRecipientDisabled
      ? 'Message was not collected as the mailbox is deactivated'
      : `Message not collected by recipient after ${inboxDays} days`,
  };
}

/**
 * Makes message ids of the production form: twenty digits `yyyyMMddHHmmss` and microseconds, an underscore, six hex
 * digits. Each is later than the one before, so ids sort in the order in which they were given out.
 */
export function messageIds(now: () => Date): () => string {
  let lastMicros = 0;
  return () => {
    lastMicros = Math.max(now().getTime() * 1000, lastMicros + 1);
    const millis = new Date(Math.floor(lastMicros / 1000)).toISOString().replace(/\D/g, '');
    const micros = String(lastMicros % 1000).padStart(3, '0');
    return `${millis}${micros}_${randomBytes(3).toString('hex').toUpperCase()}`;
  };
}

/** `yyyyMMddHHmmss` in UTC, the form of MESH's status timestamps. */
export function secondsStamp(isoTime: string): string {
  return isoTime.replace(/\D/g, '').slice(0, 14);
}
