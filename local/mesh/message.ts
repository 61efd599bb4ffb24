import { randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';

export type MessageType = 'DATA' | 'REPORT';
type MessageStatus = 'uploading' | 'accepted' | 'acknowledged' | 'undeliverable';

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
  /** The whole body, chunks joined and decompressed. */
  readonly body: Buffer;
}

/** Why a message failed: on the report that says so and on the message itself. */
export interface Failure {
  readonly code: string;
  readonly description: string;
}

/** A message as the stand-in keeps it. */
export interface StoredMessage extends Omit<MeshMessage, 'body' | 'status'> {
  status: MessageStatus;
  /** ISO time of the last change of status. */
  statusAt: string;
  /** ISO time of the first request that uploaded it. */
  readonly uploadedAt: string;
  /** Place in the order of acceptance over all mailboxes, 0 until accepted. */
  acceptedOrder: number;
  readonly contentType: string;
  readonly totalChunks: number;
  /** As sent: each a gzip stream of its own where `contentEncoding` says so. */
  readonly chunks: Buffer[];
  /** Headers that go to the recipient as they are, names in lower case. */
  readonly passedOn: Readonly<Record<string, string>>;
  failure: Failure | undefined;
  readonly linkedMessageId: string | undefined;
}

/** The decoded whole of a message; decompresses on each reading of `body`, so read it once. */
export function viewOf(message: StoredMessage): MeshMessage {
  const { messageId, messageType, status, from, to, workflowId, localId, subject, fileName, contentEncoding } = message;
  return {
    ...{ messageId, messageType, status, from, to, workflowId, localId, subject, fileName, contentEncoding },
    get body() {
      return Buffer.concat(message.chunks.map((chunk) => (contentEncoding === 'gzip' ? gunzipSync(chunk) : chunk)));
    },
  };
}

/**
 * Makes message ids of the production form: twenty digits `yyyyMMddHHmmss` and microseconds, an underscore, six hex
 * digits. Each is later than the one before, so ids sort in the order in which they were given out.
 */
export function messageIds(): () => string {
  let lastMicros = 0;
  return () => {
    lastMicros = Math.max(Date.now() * 1000, lastMicros + 1);
    const millis = new Date(Math.floor(lastMicros / 1000)).toISOString().replace(/\D/g, '');
    const micros = String(lastMicros % 1000).padStart(3, '0');
    return `${millis}${micros}_${randomBytes(3).toString('hex').toUpperCase()}`;
  };
}

/** `yyyyMMddHHmmss` in UTC, the form of MESH's status timestamps. */
export function secondsStamp(isoTime: string): string {
  return isoTime.replace(/\D/g, '').slice(0, 14);
}
