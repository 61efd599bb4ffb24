import { type Answer, jsonAnswer, meshV1, meshV2 } from './answer.ts';
import type { Call } from './call.ts';
import type { Mailboxes } from './mailboxes.ts';
import { expiryOf, secondsStamp, type StoredMessage } from './message.ts';
import { invalid, refusal } from './refusal.ts';
import type { MessageStore } from './store.ts';

/** Where a sent message has got to. One that is not in this outbox is 404, never 403. */
export function trackMessage(store: MessageStore, mailboxes: Mailboxes, { mailboxId, version, query }: Call): Answer {
  const messageId = query.get('messageID');
  if (messageId === null) throw invalid('query', 'messageID', 'Field required');
  const message = store.get(messageId);
  if (message?.from !== mailboxId) throw refusal('unknownMessage', messageId);
  return version === 1
    ? jsonAnswer(200, trackingV1(message, mailboxes), meshV1)
    : jsonAnswer(200, trackingV2(message, mailboxes), meshV2);
}

/** Tracking by local id is deprecated and answers in version 1's words whatever the client accepts. */
export function trackLocalId(store: MessageStore, mailboxes: Mailboxes, { mailboxId, captures }: Call): Answer {
  const [localId] = captures;
  const [message, ...more] = store.sentBy(mailboxId).filter((sent) => sent.localId === localId);
  if (!message) throw refusal('unknownMessage');
  if (more.length > 0) throw refusal('ambiguousLocalId');
  return jsonAnswer(200, trackingV1(message, mailboxes));
}

/** Absent values are left out. */
function trackingV2(message: StoredMessage, mailboxes: Mailboxes): Readonly<Record<string, unknown>> {
  const { failure } = message;
  const recipient = mailboxes.get(message.to);
  return {
    message_id: message.messageId,
    local_id: message.localId,
    workflow_id: message.workflowId,
    filename: message.fileName,
    expiry_time: expiryOf(message).toISOString(),
    upload_timestamp: message.uploadedAt,
    recipient: message.to,
    recipient_name: recipient?.mailboxName ?? message.to,
    recipient_ods_code: recipient?.odsCode,
    recipient_org_code: recipient?.orgCode,
    recipient_org_name: recipient?.orgName,
    status_success: failure === undefined,
    status: message.status,
    status_timestamp: message.statusAt,
    ...(failure
      ? { status_event: failure.event ?? 'SEND', status_code: failure.code, status_description: failure.description }
      : {}),
  };
}

function trackingV1(message: StoredMessage, mailboxes: Mailboxes): Readonly<Record<string, unknown>> {
  const { failure, passedOn } = message;
  const recipient = mailboxes.get(message.to);
  const sender = mailboxes.get(message.from ?? '');
  const isCompressed = isYes(passedOn['mex-content-compressed']) ? 'Y' : '';
  return {
    addressType: 'ALL',
    checksum: passedOn['mex-content-checksum'] ?? '',
    chunkCount: message.totalChunks,
    compressFlag: isCompressed,
    contentEncoding: message.contentEncoding ?? '',
    downloadTimestamp: message.acknowledgedAt === undefined ? '' : secondsStamp(message.acknowledgedAt),
    dtsId: message.messageId,
    encryptedFlag: isYes(passedOn['mex-content-encrypted']) ? 'Y' : '',
    expiryTime: secondsStamp(expiryOf(message).toISOString()),
    failureDate: failure ? secondsStamp(message.statusAt) : undefined,
    failureDiagnostic: failure?.description,
    fileName: message.fileName,
    fileSize: message.chunks.reduce((sum, { bytes }) => sum + bytes, 0),
    isCompressed,
    linkedMsgId: message.linkedMessageId,
    localId: message.localId,
    meshRecipientOdsCode: recipient?.odsCode ?? '',
    messageId: message.messageId,
    messageType: 'Data',
    partnerId: passedOn['mex-partnerid'] ?? '',
    recipient: message.to,
    recipientName: recipient?.mailboxName ?? message.to,
    recipientOrgCode: recipient?.orgCode ?? '',
    recipientOrgName: recipient?.orgName ?? '',
    recipientSmtp: '',
    sender: message.from,
    senderName: sender?.mailboxName ?? message.from,
    senderOdsCode: sender?.odsCode ?? '',
    senderOrgCode: sender?.orgCode ?? '',
    senderOrgName: sender?.orgName ?? '',
    senderSmtp: '',
    status: message.status.charAt(0).toUpperCase() + message.status.slice(1),
    statusSuccess: failure ? 'ERROR' : 'SUCCESS',
    subject: message.subject,
    uploadTimestamp: secondsStamp(message.uploadedAt),
    version: '1.0',
    workflowId: message.workflowId,
  };
}

/** On receipt MESH takes several words for yes. */
function isYes(flag: string | undefined): boolean {
  return ['Y', 'YES', 'TRUE', '1'].includes(flag?.toUpperCase() ?? '');
}
