import { z } from 'zod';
import { PermanentError, type PermanentName } from '../errors.ts';
import type { Files } from '../files.ts';
import { parseJson } from '../json.ts';
import type { MailboxLedger, StoredMessage } from '../ledger/mailbox-ledger.ts';
import { waitingStates, type Part, type Parts, type PartState, type Reply } from '../ledger/parts.ts';
import { log } from '../log.ts';
import type { MessageHeaders } from '../mesh/message.ts';
import { classifiedBytes, classifyReply, type ReplySource } from '../ndop/reply.ts';
import { parseLocalId, type RequestIdentity } from '../ndop/run-id.ts';

export interface SettleDeps {
  readonly source: ReplySource;
  readonly parts: Pick<Parts, 'find' | 'move'>;
  readonly files: Pick<Files, 'readHead'>;
  readonly ledger: Pick<MailboxLedger, 'unsettledMessages' | 'settleMessage' | 'sentAs'>;
}

/** What is kept beside a message's body: what we read of its headers, and all of them as MESH gave them. */
export const storedHeaders = z.object({
  messageId: z.string(),
  messageType: z.string(),
  from: z.string().optional(),
  workflowId: z.string().optional(),
  localId: z.string().optional(),
  subject: z.string().optional(),
  linkedMessageId: z.string().optional(),
  statusCode: z.string().optional(),
  statusDescription: z.string().optional(),
  raw: z.record(z.string(), z.string()),
});

const headersBytes = 65_536;

/**
 * Attaches every stored message to the part that it answers: by LocalID, whatever the order of arrival, whichever run
 * it belongs to. What belongs to nothing we sent is kept as an orphan and changes nothing.
 *
 * @returns how many messages came to what: `answer`, `notice`, `orphan`, `foreign` and so on
 */
export async function settleMessages(deps: SettleDeps): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const message of await deps.ledger.unsettledMessages()) {
    const outcome = await settleOne(message, deps);
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

async function settleOne(message: StoredMessage, deps: SettleDeps): Promise<string> {
  try {
    const [outcome, found] = await settled(message, deps);
    await settle(message, outcome, found, deps);
    return outcome;
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    // One message that nobody can make sense of must not keep all others waiting. It stays in S3.
    log.error('message.unreadable', { messageId: message.messageId, errorName: error.name });
    await settle(message, 'unreadable', undefined, deps);
    return 'unreadable';
  }
}

/** What becomes of a message, and the part that it speaks of where it is one of ours. */
async function settled(message: StoredMessage, deps: SettleDeps): Promise<[outcome: string, found?: FoundPart]> {
  const headers = await readHeaders(message, deps);
  if (!headers) return ['unreadable'];
  if (headers.messageType === '') log.warn('message.untyped', { messageId: message.messageId });
  // Bytes that could not be read say nothing: what else is known of the message still tells whose it is.
  const head = message.damage === undefined ? await deps.files.readHead(message.body.key, classifiedBytes) : noBytes;
  const verdict = classifyReply(headers, head, deps.source);
  if (verdict.class === 'foreign') return ['foreign'];
  const found = await partOf(headers, deps);
  if (!found) return ['orphan'];
  if (message.damage !== undefined) {
    return [await fail(found, 'damaged', 'MeshBodyDamaged', message.damage, asAtOf(message), deps), found];
  }
  const reply: Reply = { messageId: message.messageId, body: message.body, asAt: asAtOf(message) };
  return [await attach(verdict, reply, found, deps), found];
}

const noBytes = new Uint8Array();

interface FoundPart {
  readonly runId: string;
  readonly row: Part;
}

async function settle(
  message: StoredMessage,
  outcome: string,
  found: FoundPart | undefined,
  deps: SettleDeps,
): Promise<void> {
  const part = found && `${found.runId} ${found.row.part}`;
  log.info('message.settled', { messageId: message.messageId, outcome, part });
  await deps.ledger.settleMessage(message.messageId, { class: outcome, ...(part === undefined ? {} : { part }) });
}

/** A report names our message; everything else, and a report that does not, names our LocalID. */
async function partOf(headers: MessageHeaders, deps: SettleDeps): Promise<FoundPart | undefined> {
  const linked = headers.linkedMessageId;
  const sent = linked === undefined ? undefined : await deps.ledger.sentAs(linked);
  if (sent) {
    const row = await deps.parts.find(sent.runId, sent.part);
    // A part that was asked about again has another message by now: nothing of the first one concerns it.
    return row?.messageId === linked && row ? { runId: sent.runId, row } : undefined;
  }
  const identity = parseLocalId(headers.localId ?? '');
  const row = identity && (await currentPart(identity, headers.localId ?? '', deps));
  return identity && row && { runId: identity.runId, row };
}

/** The part that a LocalID names, where that is still the request it stands by. */
async function currentPart(identity: RequestIdentity, localId: string, deps: SettleDeps): Promise<Part | undefined> {
  const row = await deps.parts.find(identity.runId, identity.part);
  return row?.request?.localId === localId ? row : undefined;
}

async function attach(
  verdict: Exclude<ReturnType<typeof classifyReply>, { class: 'foreign' }>,
  reply: Reply,
  found: FoundPart,
  deps: SettleDeps,
): Promise<string> {
  switch (verdict.class) {
    case 'notice':
      return attachNotice(reply, found, deps);
    case 'answer':
      return attachAnswer(reply, found, deps);
    case 'blank':
      if (found.row.noticeAt !== undefined) return attachAnswer(reply, found, deps);
      return (await deps.parts.move(found.runId, found.row.part, noticeStates, { blank: reply }))
        ? 'blank-before-notice'
        : 'blank-late';
    case 'report': {
      const why = `Part ${found.row.part} was not delivered: ${nonDeliveryReason(verdict.code)}`;
      return fail(found, 'undelivered', 'RequestUndelivered', why, reply.asAt, deps);
    }
    case 'rejected': {
      const why = 'The service found an invalid NHS number in the request';
      return fail(found, 'rejected', 'RequestRejected', why, reply.asAt, deps);
    }
    case 'job-refused': {
      const stages = verdict.stages.map((stage) => stage.replace(/[^a-z_]/gi, '')).join(', ');
      const why = `The service refused the upload: ${stages || 'no stage named'}`;
      return fail(found, 'job-refused', 'JobRefused', why, reply.asAt, deps);
    }
    case 'unrecognised': {
      const why = 'The reply is none of the forms that the service sends';
      return fail(found, 'unrecognised', 'ReplyUnrecognised', why, reply.asAt, deps);
    }
  }
}

/**
 * States in which what is heard of a request concerns it. One whose sending was cut short may be out, and what was given up
 * may still be answered, so that a notice and a blank reply count for it too.
 */
const openStates: readonly PartState[] = ['sending', ...waitingStates];
const noticeStates: readonly PartState[] = [...openStates, 'overdue'];

async function attachNotice(reply: Reply, { runId, row }: FoundPart, deps: SettleDeps): Promise<string> {
  if (row.blank) {
    // The blank reply came first; now that the job is known to exist, it is an answer of no rows.
    const moved = await deps.parts.move(runId, row.part, noticeStates, {
      state: 'answered',
      noticeAt: reply.asAt,
      reply: row.blank,
    });
    return moved ? 'notice-for-blank' : 'notice-late';
  }
  const moved = await deps.parts.move(runId, row.part, noticeStates, { noticeAt: reply.asAt });
  return moved ? 'notice' : 'notice-late';
}

/**
 * States in which an answer is welcome: while it is waited for or the sending was cut short, after it was given up, and
 * after something odd came.
 */
const answerableStates: readonly PartState[] = [...noticeStates, 'unrecognised', 'damaged'];

async function attachAnswer(reply: Reply, found: FoundPart, deps: SettleDeps): Promise<string> {
  const { runId, row } = found;
  if (await deps.parts.move(runId, row.part, answerableStates, { state: 'answered', reply })) return 'answer';
  const present = await deps.parts.find(runId, row.part);
  if (present?.reply?.body.sha256 === reply.body.sha256) return 'answer-repeated';
  const conflicting = await deps.parts.move(runId, row.part, ['answered'], {
    state: 'conflicting',
    failure: { name: 'RepliesConflict', message: 'Two different answers came for one request' },
  });
  if (!conflicting) return 'answer-late';
  log.warn('answer.conflicts', { runId, part: row.part });
  return 'answer-conflicting';
}

async function fail(
  { runId, row }: FoundPart,
  state: PartState,
  name: PermanentName,
  message: string,
  heardAt: string,
  deps: SettleDeps,
): Promise<string> {
  const moved = await deps.parts.move(runId, row.part, openStates, { state, failure: { name, message }, heardAt });
  return moved ? state : `${state}-late`;
}

/** Undefined where they are not as this version writes them. */
async function readHeaders({ headersKey }: StoredMessage, { files }: SettleDeps): Promise<MessageHeaders | undefined> {
  const text = (await files.readHead(headersKey, headersBytes)).toString('utf8');
  return storedHeaders.safeParse(parseJson(text)).data;
}

/** When we received it, by our own clock, recorded once: MESH's own time stamp does not say which zone it is in. */
function asAtOf({ receivedAt }: StoredMessage): string {
  return receivedAt.replace(/\.\d+Z$/, 'Z');
}

/** What MESH's codes mean to whoever has to act. Source: NHS England, MESH client user guide, error codes. */
const nonDeliveryReasons: Readonly<Record<string, string>> = {
  '07': 'our own mailbox id is not valid',
  '08': 'the recipient is missing or not valid',
  '12': 'the recipient is not registered: check the mailbox of the national service',
  '14': 'the national service did not collect it within five days, or its mailbox is closed',
  '17': 'the workflow is not registered for our mailbox',
};

function nonDeliveryReason(code: string): string {
  const known = code.replace(/[^0-9A-Z-]/gi, '').slice(0, 20) || 'unknown';
  return `MESH reports code ${known}, ${nonDeliveryReasons[known] ?? 'which the MESH service desk can explain'}`;
}
