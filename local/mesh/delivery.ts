import type { Failure, MessageType, StoredMessage } from './message.ts';

/** A message that appears in an inbox without anyone's outbox. */
export interface Delivery {
  readonly from: string;
  readonly to: string;
  readonly workflowId: string;
  readonly localId?: string | undefined;
  readonly subject?: string | undefined;
  /** `<message id>.dat` where absent. */
  readonly fileName?: string | undefined;
  readonly body: Buffer;
  /** Added to the download's headers, or put in place of them. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly messageType?: MessageType | undefined;
}

/** A report that an operator orders, about any message or none. */
export interface ReportOrder {
  readonly to: string;
  readonly workflowId: string;
  readonly failure: Failure;
  readonly localId?: string | undefined;
  readonly subject?: string | undefined;
  readonly fileName?: string | undefined;
  readonly linkedMessageId?: string | undefined;
}

/** Nothing of a message yet but who it is for. */
const blank = {
  status: 'uploading',
  availableAt: undefined,
  acknowledgedAt: undefined,
  acceptedOrder: 0,
  contentType: 'application/octet-stream',
  contentEncoding: undefined,
  passedOn: {},
  failure: undefined,
  linkedMessageId: undefined,
} as const;

export function deliveredMessage(delivery: Delivery, messageId: string, now: string): StoredMessage {
  const { from, to, workflowId, localId, subject, fileName, headers = {}, messageType = 'DATA' } = delivery;
  return {
    ...blank,
    ...{ messageId, messageType, from, to, workflowId, localId, subject },
    ...{ fileName: fileName ?? `${messageId}.dat`, statusAt: now, uploadedAt: now, totalChunks: 1, chunks: [] },
    passedOn: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
  };
}

/** What MESH itself puts into an inbox: no sender, no body. */
export function reportMessage(order: ReportOrder, messageId: string, now: string): StoredMessage {
  const { to, workflowId, failure, localId, subject, fileName, linkedMessageId } = order;
  return {
    ...blank,
    ...{
      messageId,
      messageType: 'REPORT',
      from: undefined,
      to,
      workflowId,
      localId,
      subject,
      failure,
      linkedMessageId,
    },
    ...{ fileName: fileName ?? `${messageId}.dat`, statusAt: now, uploadedAt: now, totalChunks: 0, chunks: [] },
  };
}

/** The report to the sender of a message that failed after it had been accepted. */
export function nonDeliveryReport(
  original: StoredMessage,
  failure: Failure,
  messageId: string,
  now: string,
): StoredMessage {
  const { from = '', workflowId, localId, subject, fileName } = original;
  return reportMessage(
    { to: from, workflowId, localId, subject, fileName, failure, linkedMessageId: original.messageId },
    messageId,
    now,
  );
}
