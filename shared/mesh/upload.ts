import { z } from 'zod';
import { PermanentError, RetryableError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { attemptRepeatedly, type Pause } from './attempts.ts';
import type { Exchange } from './exchange.ts';
import type { OutgoingMessage, SendOutcome, Tracking } from './message.ts';
import type { OutgoingChunks } from './outgoing-chunks.ts';

export interface UploadDeps {
  readonly exchange: Exchange;
  /** Of our mailbox: `/messageexchange/{mailbox}/outbox`. */
  readonly outbox: string;
  readonly isCompressed: boolean;
  readonly pause: Pause;
  readonly track: (messageId: string) => Promise<Tracking>;
}

const accepted = z.looseObject({ message_id: z.string().min(1) });

/**
 * Sends a message chunk by chunk. The first POST makes the message, and is never repeated: a second one would make a
 * second message. Later chunks belong to it, and may be. A message that lacks a chunk is never delivered.
 */
export async function upload(message: OutgoingMessage, chunks: OutgoingChunks, deps: UploadDeps): Promise<SendOutcome> {
  const outcome = await sendFirst(message, chunks, deps);
  if (outcome.outcome === 'unknown') return outcome;
  for (let number = 2; number < chunks.total; number += 1) await sendChunk(outcome.messageId, number, chunks, deps);
  return chunks.total === 1 ? outcome : sendLast(outcome.messageId, chunks, deps);
}

async function sendFirst(message: OutgoingMessage, chunks: OutgoingChunks, deps: UploadDeps): Promise<SendOutcome> {
  const { total } = chunks;
  const body = await chunks.next();
  const headers = {
    ...chunkHeaders(1, total, deps),
    'mex-from': message.from,
    'mex-to': message.to,
    'mex-workflowid': message.workflowId,
    'mex-subject': message.subject,
    'mex-localid': message.localId,
    'mex-filename': message.fileName,
    ...(deps.isCompressed ? { 'mex-content-compressed': 'Y' } : {}),
  };
  const sent = { mayHaveArrived: false };
  const onHandedOver = (): void => {
    sent.mayHaveArrived = true;
  };
  try {
    const call = { name: 'Send', method: 'POST', path: deps.outbox, headers, body, needsOwnConnection: true } as const;
    const parsed = accepted.safeParse(parseJson(await deps.exchange.text(call, onHandedOver)));
    if (parsed.success) return { outcome: 'accepted', messageId: parsed.data.message_id };
    throw new RetryableError('MeshUnavailable', 'Send: MESH accepted the message and gave no message id');
  } catch (error) {
    // A message of several chunks of which MESH has the first at most is none yet.
    if (total > 1 || !sent.mayHaveArrived || !leavesOpen(error)) throw error;
    return { outcome: 'unknown', reason: error.message };
  }
}

/** Whether a call that failed so may have been carried out all the same. */
function leavesOpen(error: unknown): error is RetryableError {
  return error instanceof RetryableError && error.name !== 'MeshThrottled';
}

async function sendChunk(messageId: string, number: number, chunks: OutgoingChunks, deps: UploadDeps): Promise<void> {
  const body = await chunks.next();
  const path = `${deps.outbox}/${encodeURIComponent(messageId)}/${number}`;
  const headers = chunkHeaders(number, chunks.total, deps);
  const call = { name: 'Send a chunk', method: 'POST', path, headers, body, about: messageId } as const;
  await attemptRepeatedly(deps.pause, async (attempt) => {
    try {
      await deps.exchange.text(call);
    } catch (error) {
      const isComplete = error instanceof PermanentError && error.name === 'MeshUploadComplete';
      // The attempt before had arrived after all.
      if (isComplete && attempt > 1 && number === chunks.total) return;
      throw error;
    }
  });
}

/** Where nobody can say whether the last chunk arrived, MESH is asked how far the message is. */
async function sendLast(messageId: string, chunks: OutgoingChunks, deps: UploadDeps): Promise<SendOutcome> {
  try {
    await sendChunk(messageId, chunks.total, chunks, deps);
  } catch (error) {
    if (!leavesOpen(error)) throw error;
    const tracking = await deps.track(messageId).catch(() => undefined);
    if (tracking === undefined) return { outcome: 'unknown', reason: error.message };
    if (tracking.status === 'uploading') throw error;
  }
  return { outcome: 'accepted', messageId };
}

function chunkHeaders(number: number, total: number, { isCompressed }: UploadDeps): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'mex-chunk-range': `${number}:${total}`,
    ...(isCompressed ? { 'content-encoding': 'gzip' } : {}),
  };
}
