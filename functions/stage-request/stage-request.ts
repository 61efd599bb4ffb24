import { z } from 'zod';
import type { Files } from '../../shared/files.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { askableStates, type Part, type Parts } from '../../shared/ledger/parts.ts';
import { readCohortPart } from '../../shared/ndop/cohort-part.ts';
import {
  buildControlFile,
  buildRequest,
  requestControl,
  requestName,
  sequenceMonth,
  startRowOf,
  type LineEnding,
} from '../../shared/ndop/request.ts';
import { runFiles } from '../../shared/run-files.ts';

export const stageRequestsInput = z.object({
  runId: z.string(),
  parts: z.array(z.number()),
  /** An earlier opening may have staged requests that were never sent. */
  isReopened: z.boolean(),
});
export type StageRequestsInput = z.infer<typeof stageRequestsInput>;
type StageRequestInput = Omit<StageRequestsInput, 'parts'> & { readonly part: number };

export interface StageRequestsOutput {
  readonly rows: number;
  readonly bytes: number;
}

export interface StageRequestDeps {
  readonly mailboxes: { readonly from: string; readonly to: string };
  readonly lineEnding: LineEnding;
  readonly now: () => Date;
  readonly parts: Pick<Parts, 'read' | 'move'>;
  readonly files: Pick<Files, 'openVerified' | 'writeOnce'>;
  readonly mailbox: Pick<MailboxLedger, 'nextSequence'>;
}

/** Stages requests in the order given: each takes the next number of its month. */
export async function stageRequests(input: StageRequestsInput, deps: StageRequestDeps): Promise<StageRequestsOutput> {
  const { parts, ...run } = input;
  const total = { rows: 0, bytes: 0 };
  for (const part of parts) {
    const { rows, bytes } = await stageRequest({ ...run, part }, deps);
    total.rows += rows;
    total.bytes += bytes;
  }
  return total;
}

/**
 * Puts a part's request file and its control file into S3. A part that failed in an earlier opening of the run is staged
 * anew, under a LocalID and a file name that were never used.
 */
export async function stageRequest(
  { runId, part, isReopened }: StageRequestInput,
  deps: StageRequestDeps,
): Promise<{ readonly part: number; readonly rows: number; readonly bytes: number }> {
  const row = await deps.parts.read(runId, part);
  // Another run may have sent since under a later number, and an older number must not follow a newer one.
  const isStale = isReopened && row.state === 'staged';
  const isToStage = row.state === 'built' || isStale || askableStates.includes(row.state);
  if (!isToStage) return { part, rows: row.rows, bytes: row.request?.bytes ?? 0 };

  const identity = { runId, part, attempt: row.attempt + 1 };
  const moment = deps.now();
  const sequence = await deps.mailbox.nextSequence(sequenceMonth(moment));
  const name = requestName(deps.mailboxes.from, moment, sequence);
  const control = requestControl(name, deps.mailboxes, identity);

  const body = buildRequest(await peopleOf(runId, row, deps), deps.lineEnding, startRowOf(identity, row.rows));
  const request = await deps.files.writeOnce(runFiles.request(runId, part, sequence), body);
  const { key: controlKey } = await deps.files.writeOnce(
    runFiles.control(runId, part, sequence),
    buildControlFile(control),
  );
  const staged = {
    state: 'staged',
    attempt: identity.attempt,
    request: { ...request, controlKey, localId: control.localId, name, sequence },
  } as const;
  // What was heard of an earlier request says nothing of this one.
  await deps.parts.move(runId, part, [row.state], staged, heardOfARequest);
  return { part, rows: row.rows, bytes: request.bytes };
}

/** The people of a part, or those of its people whom a piece asks about. */
async function peopleOf(
  runId: string,
  { cohort, rows, pieceOf }: Part,
  { parts, files }: StageRequestDeps,
): Promise<Float64Array> {
  const whole = pieceOf ? await parts.read(runId, pieceOf.part) : { rows };
  const { nhsNumbers } = await readCohortPart(await files.openVerified(cohort), { ...cohort, rows: whole.rows });
  const first = pieceOf?.firstRow ?? 0;
  return nhsNumbers.subarray(first, first + rows);
}

const heardOfARequest = ['messageId', 'sentAt', 'noticeAt', 'heardAt', 'blank', 'reply', 'failure'] as const;
