import type { Failure, MessageType, StoredMessage } from './message.ts';

/** A message that appears in an inbox without anyone's outbox. */
export interface Delivery {
  readonly from: string;
  readonly to: string;
  readonly workflowId: string;
  readonly localId?: string;
  readonly subject?: string;
  /** `<message id>.dat` where absent. */
  readonly fileName?: string;
  readonly body: Buffer;
  /** Added to the download's headers, or put in place of them. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly messageType?: MessageType;
}

export function deliveredMessage(delivery: Delivery, messageId: string): StoredMessage {
  const { from, to, workflowId, localId, subject, fileName, body, headers = {}, messageType = 'DATA' } = delivery;
  const now = new Date().toISOString();
  return {
    ...{ messageId, messageType, from, to, workflowId, localId, subject },
    ...{
      fileName: fileName ?? `${messageId}.dat`,
      contentType: 'application/octet-stream',
      contentEncoding: undefined,
    },
    ...{ status: 'uploading', statusAt: now, uploadedAt: now, acceptedOrder: 0, totalChunks: 1, chunks: [body] },
    passedOn: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    failure: undefined,
    linkedMessageId: undefined,
  };
}

/** What MESH itself puts into the sender's inbox when a message failed after it had been accepted: no sender, no body. */
export function nonDeliveryReport(original: StoredMessage, failure: Failure, messageId: string): StoredMessage {
  const now = new Date().toISOString();
  return {
    ...original,
    messageId,
    messageType: 'REPORT',
    from: undefined,
    to: original.from ?? '',
    status: 'uploading',
    statusAt: now,
    uploadedAt: now,
    contentEncoding: undefined,
    totalChunks: 0,
    chunks: [],
    passedOn: {},
    failure,
    linkedMessageId: original.messageId,
  };
}
