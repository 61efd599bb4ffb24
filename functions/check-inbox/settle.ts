import { z } from 'zod';
import { PermanentError, type PermanentName } from '../../shared/errors.ts';
import type { Files } from '../../shared/files.ts';
import { parseJson } from '../../shared/json.ts';
import type { MailboxLedger, StoredMessage } from '../../shared/ledger/mailbox-ledger.ts';
import { waitingStates, type Part, type Parts, type PartState, type Reply } from '../../shared/ledger/parts.ts';
import { log } from '../../shared/log.ts';
import { classifiedBytes, classifyReply, type MessageHeaders, type ReplySource } from '../../shared/ndop/reply.ts';
import { parseLocalId, type RequestIdentity } from '../../shared/ndop/run-id.ts';

export interface SettleDeps {
  readonly source: ReplySource;
  readonly parts: Pick<Parts, 'find' | 'list' | 'move'>;
  readonly files: Pick<Files, 'readHead'>;
  readonly ledger: Pick<MailboxLedger, 'unsettledMessages' | 'settleMessage'>;
}

const storedHeaders = z.object({
  messageId: z.string(),
  messageType: z.string(),
  from: z.string().optional(),
  workflowId: z.string().optional(),
  localId: z.string().optional(),
  subject: z.string().optional(),
  linkedMessageId: z.string().optional(),
  statusCode: z.string().optional(),
  statusDescription: z.string().optional(),
});

const headersBytes = 65_536;

/**
 * Attaches every stored message to the part that it answers: by LocalID, whatever the order of arrival, whichever run
 * it belongs to. What belongs to nothing we sent is kept as an orphan and changes nothing.
 *
 * @param runId the run under way, whose message ids a report may name
 */
export async function settleMessages(runId: string, deps: SettleDeps): Promise<void> {
  for (const message of await deps.ledger.unsettledMessages()) {
    try {
      const [outcome, found] = await settled(message, runId, deps);
      await settle(message, outcome, found, deps);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      // One message that nobody can make sense of must not keep all others waiting. It stays in S3.
      log.error('message.unreadable', { messageId: message.messageId, errorName: error.name });
      await settle(message, 'unreadable', undefined, deps);
    }
  }
}

/** What becomes of a message, and the part that it speaks of where it is one of ours. */
async function settled(
  message: StoredMessage,
  runId: string,
  deps: SettleDeps,
): Promise<[outcome: string, found?: FoundPart]> {
  const headers = await readHeaders(message, deps);
  if (!headers) return ['unreadable'];
  const verdict = classifyReply(headers, await deps.files.readHead(message.body.key, classifiedBytes), deps.source);
  if (verdict.class === 'foreign') return ['foreign'];
  const found = await partOf(headers, runId, deps);
  if (!found) return ['orphan'];
  const reply: Reply = { messageId: message.messageId, body: message.body, asAt: asAtOf(message) };
  return [await attach(verdict, reply, found, deps), found];
}

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
async function partOf(headers: MessageHeaders, runId: string, deps: SettleDeps): Promise<FoundPart | undefined> {
  if (headers.linkedMessageId !== undefined) {
    const row = (await deps.parts.list(runId)).find((part) => part.messageId === headers.linkedMessageId);
    if (row) return { runId, row };
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
      await deps.parts.move(found.runId, found.row.part, waitingStates, { blank: reply });
      return 'blank-before-notice';
    case 'report':
      return fail(
        found,
        'undelivered',
        'RequestUndelivered',
        `MESH reports code ${digits(verdict.code)}: not delivered`,
        deps,
      );
    case 'rejected':
      return fail(found, 'rejected', 'RequestRejected', 'The service found an invalid NHS number in the request', deps);
    case 'job-refused': {
      const stages = verdict.stages.map((stage) => stage.replace(/[^a-z_]/gi, '')).join(', ');
      return fail(
        found,
        'job-refused',
        'JobRefused',
        `The service refused the upload: ${stages || 'no stage named'}`,
        deps,
      );
    }
    case 'unrecognised':
      return fail(
        found,
        'unrecognised',
        'ReplyUnrecognised',
        'The reply is none of the forms that the service sends',
        deps,
      );
  }
}

async function attachNotice(reply: Reply, { runId, row }: FoundPart, deps: SettleDeps): Promise<string> {
  if (row.blank) {
    // The blank reply came first; now that the job is known to exist, it is an answer of no rows.
    const moved = await deps.parts.move(runId, row.part, waitingStates, {
      state: 'answered',
      noticeAt: reply.asAt,
      reply: row.blank,
    });
    return moved ? 'notice-for-blank' : 'notice-late';
  }
  const moved = await deps.parts.move(runId, row.part, waitingStates, { noticeAt: reply.asAt });
  return moved ? 'notice' : 'notice-late';
}

/**
 * States in which an answer is welcome: while it is waited for or the sending was cut short, after it was given up, and
 * after something odd came.
 */
const answerableStates: readonly PartState[] = ['sending', ...waitingStates, 'overdue', 'unrecognised'];

async function attachAnswer(reply: Reply, found: FoundPart, deps: SettleDeps): Promise<string> {
  const { runId, row } = found;
  if (await deps.parts.move(runId, row.part, answerableStates, { state: 'answered', reply })) return 'answer';
  const present = await deps.parts.find(runId, row.part);
  if (present?.reply?.body.sha256 === reply.body.sha256) return 'answer-repeated';
  const conflicting = await deps.parts.move(runId, row.part, ['answered'], {
    state: 'conflicting',
    failure: { name: 'RepliesConflict', message: 'Two different answers came for one request' },
  });
  log.warn('answer.conflicts', { runId, part: row.part });
  return conflicting ? 'answer-conflicting' : 'answer-late';
}

async function fail(
  { runId, row }: FoundPart,
  state: PartState,
  name: PermanentName,
  message: string,
  deps: SettleDeps,
): Promise<string> {
  const moved = await deps.parts.move(runId, row.part, waitingStates, { state, failure: { name, message } });
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

function digits(code: string): string {
  return code.replace(/[^0-9A-Z-]/gi, '').slice(0, 20) || 'unknown';
}
