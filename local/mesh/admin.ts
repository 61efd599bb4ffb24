import { validateHeaderName, validateHeaderValue } from 'node:http';
import { z } from 'zod';
import { type Answer, emptyAnswer, jsonAnswer } from './answer.ts';
import type { Clock } from './clock.ts';
import type { Exchange } from './exchange.ts';
import { type Faults, parseFault } from './faults.ts';
import type { Mailboxes } from './mailboxes.ts';
import { expiryOf, messageStatuses, type StoredMessage } from './message.ts';
import { MeshRefusal } from './refusal.ts';
import type { MessageStore } from './store.ts';

/** What a test may turn in this MESH; no real one has it. */
export interface Controls {
  readonly store: MessageStore;
  readonly mailboxes: Mailboxes;
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly faults: Faults;
}

interface Order {
  readonly captures: readonly string[];
  /** The request's JSON. */
  readonly json: () => Promise<unknown>;
}

/** What will travel as a header of a message, if anybody is to download that. */
const headerValue = z.string().refine((value) => {
  return doesNotThrow(() => {
    validateHeaderValue('mex-subject', value);
  });
}, 'Has a character that no HTTP header can carry');
const headerName = z.string().refine((name) => {
  return doesNotThrow(() => {
    validateHeaderName(name);
  });
}, 'Is no name of an HTTP header');

const report = z.object({
  mailbox_id: z.string(),
  code: headerValue,
  description: headerValue,
  workflow_id: headerValue,
  subject: headerValue.nullish(),
  local_id: headerValue.nullish(),
  status: z.enum(['error', 'undeliverable']).nullish(),
  file_name: headerValue.nullish(),
  linked_message_id: headerValue.nullish(),
});
const event = z.object({
  status: z.enum(messageStatuses),
  code: headerValue.nullish(),
  event: headerValue.nullish(),
  description: headerValue.nullish(),
  linked_message_id: headerValue.nullish(),
});
const delivery = z.strictObject({
  to: z.string(),
  from: headerValue,
  workflow_id: headerValue,
  count: z.int().min(1).max(100_000).default(1),
  local_id: headerValue.optional(),
  subject: headerValue.optional(),
  file_name: headerValue.optional(),
  message_type: z.enum(['DATA', 'REPORT']).optional(),
  body: z.string().default(''),
  headers: z.record(headerName, headerValue).optional(),
});

/** The first seven as NHS England's sandbox has them, with or without the `/messageexchange` before them. */
const orders: readonly {
  readonly method: string;
  readonly path: RegExp;
  readonly run: (controls: Controls, order: Order) => Answer | Promise<Answer>;
}[] = [
  {
    method: 'DELETE',
    path: /^\/admin\/reset$/,
    run: ({ store }) => {
      store.remove(() => true);
      return jsonAnswer(200, { message: 'all mailboxes reset' });
    },
  },
  {
    method: 'DELETE',
    path: /^\/admin\/reset\/([^/]+)$/,
    run: ({ store, mailboxes }, { captures: [name = ''] }) => {
      const { mailboxId } = mailboxNamed(mailboxes, name);
      store.remove(({ to }) => to === mailboxId);
      return jsonAnswer(200, { message: `mailbox ${mailboxId} reset` });
    },
  },
  {
    method: 'POST',
    path: /^\/admin\/report$/,
    run: async ({ exchange, mailboxes }, { json }) => {
      const asked = report.parse(await json());
      const messageId = exchange.report({
        to: mailboxNamed(mailboxes, asked.mailbox_id).mailboxId,
        workflowId: asked.workflow_id,
        failure: {
          code: asked.code,
          description: asked.description,
          event: asked.status === 'error' ? 'TRANSFER' : 'SEND',
        },
        localId: asked.local_id ?? undefined,
        subject: asked.subject ?? undefined,
        fileName: asked.file_name ?? undefined,
        linkedMessageId: asked.linked_message_id ?? undefined,
      });
      return jsonAnswer(200, { message_id: messageId });
    },
  },
  {
    method: 'POST',
    path: /^\/admin\/message\/([^/]+)\/event$/,
    run: async ({ exchange, store }, { captures: [messageId = ''], json }) => {
      const message = messageNamed(store, messageId);
      const { status, code, event: name, description, linked_message_id: linkedMessageId } = event.parse(await json());
      const isExplained = code !== undefined || description !== undefined;
      exchange.changeStatus(message, {
        status,
        failure: isExplained
          ? { code: code ?? '', description: description ?? '', event: name ?? undefined }
          : undefined,
        linkedMessageId: linkedMessageId ?? undefined,
      });
      return emptyAnswer();
    },
  },
  {
    method: 'GET',
    path: /^\/admin\/message\/([^/]+)$/,
    run: ({ store, mailboxes }, { captures: [messageId = ''] }) =>
      jsonAnswer(200, messageDetails(messageNamed(store, messageId), mailboxes)),
  },
  {
    method: 'GET',
    path: /^\/(?:admin\/)?mailbox\/([^/]+)$/,
    run: ({ mailboxes }, { captures: [name = ''] }) => jsonAnswer(200, mailboxDetails(mailboxes, name)),
  },
  {
    method: 'POST',
    path: /^\/admin\/mailbox\/([^/]+)$/,
    run: async ({ mailboxes }, { captures: [name = ''], json }) => {
      const { mailboxId } = mailboxNamed(mailboxes, name);
      mailboxes.setDisabled(mailboxId, z.strictObject({ disabled: z.boolean() }).parse(await json()).disabled);
      return jsonAnswer(200, mailboxDetails(mailboxes, mailboxId));
    },
  },
  {
    method: 'POST',
    path: /^\/admin\/clock$/,
    run: async ({ exchange, clock }, { json }) => {
      exchange.advanceClock(z.strictObject({ advanceSeconds: z.number().min(0) }).parse(await json()).advanceSeconds);
      return jsonAnswer(200, { now: clock.now().toISOString() });
    },
  },
  {
    method: 'POST',
    path: /^\/admin\/faults$/,
    run: async ({ faults }, { json }) => {
      const fault = parseFault(await json());
      try {
        faults.add(fault);
      } catch (error) {
        throw refused(400, error instanceof Error ? error.message : String(error));
      }
      return jsonAnswer(200, fault);
    },
  },
  {
    method: 'DELETE',
    path: /^\/admin\/faults$/,
    run: ({ faults }) => {
      faults.clear();
      return jsonAnswer(200, { message: 'no faults' });
    },
  },
  {
    method: 'POST',
    path: /^\/admin\/deliver$/,
    run: async ({ exchange, mailboxes }, { json }) => {
      const asked = delivery.parse(await json());
      const { from, subject, headers, body } = asked;
      const one = {
        ...{ from, subject, headers, body: Buffer.from(body) },
        to: mailboxNamed(mailboxes, asked.to).mailboxId,
        workflowId: asked.workflow_id,
        localId: asked.local_id,
        fileName: asked.file_name,
        messageType: asked.message_type,
      };
      const messageIds = Array.from({ length: asked.count }, () => exchange.deliver(one));
      return jsonAnswer(200, { message_ids: messageIds });
    },
  },
];

/**
 * Carries out an order of a test; undefined where the request is none.
 *
 * @throws MeshRefusal 400 for JSON of another form, 404 for an unknown mailbox or message
 */
export async function answerAdmin(
  controls: Controls,
  method: string,
  pathname: string,
  text: () => Promise<string>,
): Promise<Answer | undefined> {
  const path = orderPathOf(pathname);
  for (const { method: orderMethod, path: orderPath, run } of orders) {
    const match = orderMethod === method ? orderPath.exec(path) : null;
    if (!match) continue;
    try {
      return await run(controls, { captures: match.slice(1), json: async () => readJson(await text()) });
    } catch (error) {
      if (!(error instanceof z.ZodError)) throw error;
      const detail = error.issues.map(({ path: at, message }) => ({
        type: 'value_error',
        loc: ['body', ...at],
        msg: message,
      }));
      throw new MeshRefusal(() => jsonAnswer(400, { detail }), 'The order has another form');
    }
  }
  return undefined;
}

/** The methods that the path of an order takes; none where it is no such path. */
export function adminMethodsAt(pathname: string): string[] {
  return orders.filter(({ path }) => path.test(orderPathOf(pathname))).map(({ method }) => method);
}

function orderPathOf(pathname: string): string {
  return pathname.replace(/^\/messageexchange\//, '/');
}

function doesNotThrow(run: () => void): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refused(400, 'The body is not JSON');
  }
}

function refused(status: number, detail: string): MeshRefusal {
  return new MeshRefusal(() => jsonAnswer(status, { detail }), detail);
}

function mailboxNamed(mailboxes: Mailboxes, name: string) {
  const mailbox = mailboxes.get(name.toUpperCase());
  if (!mailbox) throw refused(404, 'mailbox does not exist');
  return mailbox;
}

function messageNamed(store: MessageStore, messageId: string): StoredMessage {
  const message = store.get(messageId);
  if (!message) throw refused(404, 'message does not exist');
  return message;
}

function mailboxDetails(mailboxes: Mailboxes, name: string): Readonly<Record<string, unknown>> {
  const mailbox = mailboxNamed(mailboxes, name);
  return {
    mailbox_id: mailbox.mailboxId,
    mailbox_name: mailbox.mailboxName ?? mailbox.mailboxId,
    billing_entity: mailbox.billingEntity,
    ods_code: mailbox.odsCode ?? '',
    org_code: mailbox.orgCode ?? '',
    org_name: mailbox.orgName ?? '',
    active: !mailboxes.isDisabled(mailbox.mailboxId),
  };
}

function messageDetails(message: StoredMessage, mailboxes: Mailboxes): Readonly<Record<string, unknown>> {
  const { failure } = message;
  const [recipient, sender] = [mailboxes.get(message.to), mailboxes.get(message.from ?? '')];
  return {
    message_id: message.messageId,
    message_type: message.messageType === 'DATA' ? 'Data' : 'Report',
    status: message.status.charAt(0).toUpperCase() + message.status.slice(1),
    status_success: failure ? 'ERROR' : 'SUCCESS',
    status_timestamp: message.statusAt,
    status_code: failure?.code,
    status_event: failure ? (failure.event ?? 'SEND') : undefined,
    status_description: failure?.description,
    linked_msg_id: message.linkedMessageId,
    recipient: message.to,
    recipient_name: recipient?.mailboxName ?? message.to,
    recipient_ods_code: recipient?.odsCode,
    sender: message.from,
    sender_name: sender?.mailboxName ?? message.from,
    sender_ods_code: sender?.odsCode,
    workflow_id: message.workflowId,
    local_id: message.localId,
    subject: message.subject,
    filename: message.fileName,
    checksum: message.passedOn['mex-content-checksum'],
    content_encoding: message.contentEncoding,
    chunk_count: message.totalChunks,
    file_size: message.chunks.reduce((sum, { bytes }) => sum + bytes, 0),
    upload_timestamp: message.uploadedAt,
    download_timestamp: message.acknowledgedAt,
    expiry_time: expiryOf(message).toISOString(),
  };
}
