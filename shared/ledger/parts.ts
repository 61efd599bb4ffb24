import { z } from 'zod';
import { PermanentError } from '../errors.ts';
import type { ChangePass } from '../ndop/changes.ts';
import { partName } from '../ndop/run-id.ts';
import type { LedgerTable } from './table.ts';

/**
 * Where a part stands. `sending` without a message id after a stop means that nobody knows whether MESH has the request:
 * it becomes `send-unknown`, is not sent again, and its answer is waited for all the same.
 */
export const partState = z.enum([
  'built',
  'staged',
  'sending',
  'sent',
  'send-unknown',
  'answered',
  'reconciled',
  'rejected',
  'undelivered',
  'job-refused',
  'conflicting',
  'unrecognised',
  'damaged',
  'overdue',
  'refused',
  'split',
  'quarantined',
  'rebuilt',
]);
export type PartState = z.infer<typeof partState>;

export const waitingStates: readonly PartState[] = ['sent', 'send-unknown'];

/** Ends without an answer that could be used, for which a resumed run asks again. */
export const askableStates: readonly PartState[] = [
  'undelivered',
  'job-refused',
  'conflicting',
  'unrecognised',
  'damaged',
  'overdue',
  'refused',
];

/** Ends without an answer that could be used. A rejected request would be rejected again: it is split instead. */
export const failedStates: readonly PartState[] = ['rejected', ...askableStates];

export const storedFile = z.object({ key: z.string(), sha256: z.string(), bytes: z.number() });
export type StoredFile = z.infer<typeof storedFile>;

const reply = z.object({ messageId: z.string(), body: storedFile, asAt: z.string() });
export type Reply = z.infer<typeof reply>;

/** How many changes of each kind a reconciliation found. */
export const changeCounts = z.object({
  activate: z.number(),
  deactivate: z.number(),
  create: z.number(),
  update: z.number(),
  retire: z.number(),
});
export type ChangeCounts = z.infer<typeof changeCounts>;

const part = z.object({
  part: z.number(),
  state: partState,
  /** Range of the number line; boundaries are no valid NHS numbers. */
  from: z.number(),
  to: z.number(),
  /** Numbers that it asks about: its people's, and further ones of theirs. */
  rows: z.number(),
  cohort: storedFile,
  /** 1 for the first request; a resumed run that asks again takes the next. */
  attempt: z.number(),
  request: storedFile
    .extend({ controlKey: z.string(), localId: z.string(), name: z.string(), sequence: z.number() })
    .optional(),
  messageId: z.string().optional(),
  sentAt: z.string().optional(),
  noticeAt: z.string().optional(),
  /** How long the run had waited, by its Wait states, when the request went out. */
  waitedAtSend: z.number().optional(),
  /** When the reply came that ended the part without an answer. */
  heardAt: z.string().optional(),
  /** Of a piece: the part that it belongs to, the first of that part's people whom it asks about, and the round of splitting. */
  pieceOf: z.object({ part: z.number(), firstRow: z.number(), round: z.number() }).optional(),
  /** Of a request that was split: the two pieces in its place. */
  pieces: z.array(z.number()).optional(),
  /** A reply of nothing but white space: an answer once the job notice is seen. */
  blank: reply.optional(),
  reply: reply.optional(),
  /** Why the part failed, in a sentence without a person. */
  failure: z.object({ name: z.string(), message: z.string() }).optional(),
  reconciled: z
    .object({
      optedOut: z.number(),
      notOptedOut: z.number(),
      duplicates: z.number(),
      /** People who were set aside one by one when the request was split. */
      quarantined: z.number(),
      /** Those of them whose numbers the service took for invalid, and the file that names them. */
      refused: storedFile.extend({ rows: z.number() }).optional(),
      /** Of the answers to whole requests that named nobody, how many people the largest was about. */
      largestEmptyAnswer: z.number(),
      /** When the answer came and when its request went out; the earliest of all where there were several. */
      asAt: z.string(),
      sentAt: z.string(),
      previousRows: z.number(),
      previousOptedOut: z.number(),
      modelVersion: z.number(),
      store: z.string().optional(),
      changes: changeCounts,
      changeFiles: z.object({ activations: z.array(storedFile), others: z.array(storedFile) }),
      snapshot: storedFile.extend({ rows: z.number(), optedOut: z.number() }),
      /** MESH messages that the answer came in; a hundred at most where there were many. */
      messageIds: z.array(z.string()).optional(),
    })
    .optional(),
  /** The stretch of the snapshot as the FHIR store has it, where it did not take every change. */
  corrected: storedFile.extend({ opening: z.number(), rows: z.number(), optedOut: z.number() }).optional(),
  /** What the FHIR store holds of the part's people, where the snapshot is made anew from it. */
  rebuilt: z
    .object({
      active: z.number(),
      inactive: z.number(),
      /** People of the cohort who have no Consent. */
      absent: z.number(),
      /** Consents that are not as this pipeline writes them: the snapshot leaves them out. */
      foreign: z.number(),
      /** Of all Consents found, how many bear our tag. */
      tagged: z.number(),
      /** People of the cohort whose Consent the next run writes anew whatever their answer: its content is another. */
      toRewrite: z.number(),
      /** Found for people who are not in the cohort, whom the earlier snapshot still named. */
      former: z.number(),
      modelVersion: z.number(),
      store: z.string().optional(),
      /** One of each step, in order: the part is rebuilt where the last one reaches to its end. */
      snapshots: z.array(
        storedFile.extend({ from: z.number(), to: z.number(), rows: z.number(), optedOut: z.number() }),
      ),
    })
    .optional(),
});
/**
 * The row of a part: one request, one message, one reply, one stretch of the snapshot. A part whose request the service
 * rejected is asked about in pieces, each a row of its own with request, message and reply, and no stretch.
 */
export type Part = z.infer<typeof part>;

const partitionOf = (runId: string) => `RUN#${runId}`;
const keyOf = (runId: string, number: number) => ({
  pk: partitionOf(runId),
  sk: `PART#${partName(number).slice('part-'.length)}`,
});

/** The rows of parts. */
export class Parts {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  list(runId: string): Promise<Part[]> {
    return this.#table.list(partitionOf(runId), 'PART#', part);
  }

  find(runId: string, number: number): Promise<Part | undefined> {
    return this.#table.read(keyOf(runId, number), part);
  }

  /** @throws PermanentError LedgerInconsistent where the part was never built */
  async read(runId: string, number: number): Promise<Part> {
    const found = await this.find(runId, number);
    if (!found) throw new PermanentError('LedgerInconsistent', `Run ${runId} has no part ${number} in the ledger`);
    return found;
  }

  /** Writes a part anew, unless it has gone on since; a repeat of the step that builds parts writes the same again. */
  async put(runId: string, row: Part): Promise<void> {
    const kept = await this.#table.put(keyOf(runId, row.part), row, {
      expression: 'attribute_not_exists(pk) OR #state = :built',
      names: { '#state': 'state' },
      values: { ':built': 'built' },
    });
    if (!kept) throw new PermanentError('LedgerInconsistent', `Part ${row.part} of run ${runId} has gone on already`);
  }

  /**
   * Moves a part on; false where it is in none of the states given, so that nobody else's step is undone.
   *
   * @param forgotten what no longer holds of the part
   */
  move(
    runId: string,
    number: number,
    from: readonly PartState[],
    fields: Partial<Part>,
    forgotten: readonly (keyof Part)[] = [],
  ): Promise<boolean> {
    const names = from.map((_, index) => `:from${index}`);
    const condition = {
      expression: `#state IN (${names.join(', ')})`,
      names: { '#state': 'state' },
      values: Object.fromEntries(from.map((state, index) => [`:from${index}`, state])),
    };
    return this.#table.set(keyOf(runId, number), fields, condition, forgotten);
  }
}

/**
 * One of a part's change files, and the reconciliation that it comes from.
 *
 * @throws PermanentError LedgerInconsistent where there is none
 */
export function changeFileOf(
  runId: string,
  { part: number, reconciled }: Part,
  pass: ChangePass,
  file: number,
): { readonly changeFile: StoredFile; readonly reconciled: NonNullable<Part['reconciled']> } {
  const changeFile = reconciled?.changeFiles[pass][file - 1];
  if (changeFile) return { changeFile, reconciled };
  throw new PermanentError('LedgerInconsistent', `Part ${number} of run ${runId} has no change file ${file}`);
}
