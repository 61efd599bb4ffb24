import { z } from 'zod';
import { RetryableError } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { Tracking } from './message.ts';

/** A mailbox as the endpoint look-up knows it. */
export interface MailboxEntry {
  readonly mailboxId: string;
  readonly mailboxName: string;
}

const inboxPage = z
  .looseObject({
    messages: z.array(z.string().min(1)),
    links: z.looseObject({ next: z.string().nullish() }).nullish(),
  })
  .transform(({ messages, links }) => ({ messages, next: links?.next ?? undefined }));

const status = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['uploading', 'accepted', 'acknowledged', 'undeliverable', 'error']));

/** Version 2, and version 1, in which tracking by local id answers. */
const tracking = z.union([
  z
    .looseObject({ message_id: z.string(), status, local_id: z.string().nullish(), status_code: z.string().nullish() })
    .transform((told) => trackingOf(told.message_id, told.status, told.local_id, told.status_code)),
  z
    .looseObject({ messageId: z.string(), status, localId: z.string().nullish(), statusCode: z.string().nullish() })
    .transform((told) => trackingOf(told.messageId, told.status, told.localId, told.statusCode)),
]);

const mailboxEntries = z
  .looseObject({
    results: z.array(
      z.union([
        z
          .looseObject({ mailbox_id: z.string(), mailbox_name: z.string().nullish() })
          .transform((found) => ({ mailboxId: found.mailbox_id, mailboxName: found.mailbox_name ?? '' })),
        z
          .looseObject({ address: z.string(), description: z.string().nullish() })
          .transform((found) => ({ mailboxId: found.address, mailboxName: found.description ?? '' })),
      ]),
    ),
  })
  .transform(({ results }) => results);

/** One page of the inbox, and the path of the next one; `links.next` is a path without a host. */
export function parseInboxPage(text: string): { messages: readonly string[]; next: string | undefined } {
  return parsed(inboxPage, text, 'List the inbox: MESH answered with no list');
}

export function parseTracking(text: string): Tracking {
  return parsed(tracking, text, 'Track: MESH answered with no tracking');
}

export function parseMailboxEntries(text: string): readonly MailboxEntry[] {
  return parsed(mailboxEntries, text, 'Look up: MESH answered with no results');
}

function parsed<Value>(schema: z.ZodType<Value>, text: string, failure: string): Value {
  const result = schema.safeParse(parseJson(text));
  // A gateway's page, most likely: the same call may do better later.
  if (!result.success) throw new RetryableError('MeshUnavailable', `${failure}: try again later`);
  return result.data;
}

function trackingOf(
  messageId: string,
  status: Tracking['status'],
  localId: string | null | undefined,
  statusCode: string | null | undefined,
): Tracking {
  return { messageId, status, localId: localId ?? undefined, statusCode: statusCode ?? undefined };
}
