import { isPermanentName, PermanentError } from '../../shared/errors.ts';
import type { Files } from '../../shared/files.ts';
import type { Part, Parts } from '../../shared/ledger/parts.ts';
import { matchAnswer, type MatchedAnswer } from '../../shared/ndop/answer.ts';
import { personLine, readCohortPart, type CohortPart } from '../../shared/ndop/cohort-part.ts';
import { answers } from '../../shared/ndop/part-reconciliation.ts';
import { firstRowOf, isAnsweredInPieces, leavesOf } from '../../shared/ndop/pieces.ts';
import { runFiles } from '../../shared/run-files.ts';

export interface AnsweredPeopleDeps {
  readonly parts: Pick<Parts, 'list' | 'move'>;
  readonly files: Pick<Files, 'openVerified' | 'writeOnce'>;
}

type Reconciled = NonNullable<Part['reconciled']>;

/** A row of the ledger, and a Provenance, have room for so many. */
const mostMessageIds = 100;

/** Whom a part asked about, what was answered, and who was set aside. */
export interface AnsweredPeople {
  readonly cohort: CohortPart;
  /** For each place of the part, one of `answers`: what holds of a person, those who were merged into them included. */
  readonly answered: Uint8Array;
  /** What the part's row keeps of it. */
  readonly kept: Pick<
    Reconciled,
    'duplicates' | 'quarantined' | 'refused' | 'largestEmptyAnswer' | 'asAt' | 'sentAt' | 'messageIds'
  >;
  /** Rises whenever the part or a piece of it was asked about again: other answers may then lead to other files. */
  readonly attempt: number;
  /** Numbers of the pieces that it was asked about in; empty where it was asked about whole. */
  readonly pieces: readonly number[];
}

/**
 * Matches a part's people with its answer, or with the answers to its pieces, each held against the people of that piece.
 *
 * @throws PermanentError ReplyTruncated, ReplyMalformed, ReplyHasStrangers as `matchAnswer` does; a piece is then refused
 *   alone, and asked about again by a resume. LedgerInconsistent where somebody of the part has no answer
 */
export async function answeredPeople(runId: string, row: Part, deps: AnsweredPeopleDeps): Promise<AnsweredPeople> {
  const { part, state, reply, sentAt = '', attempt } = row;
  const cohort = await readCohortPart(await deps.files.openVerified(row.cohort), { ...row.cohort, rows: row.rows });
  if (state === 'answered' && reply) {
    const { returned, rows, duplicates } = await matchAnswer(
      cohort.nhsNumbers,
      await deps.files.openVerified(reply.body),
    );
    const largestEmptyAnswer = rows === 0 ? row.rows : 0;
    const messageIds = [reply.messageId];
    const kept = { duplicates, quarantined: 0, largestEmptyAnswer, asAt: reply.asAt, sentAt, messageIds };
    return { cohort, answered: withLinks(returned, cohort), kept, attempt, pieces: [] };
  }
  const rows = await deps.parts.list(runId);
  const leaves = leavesOf(row, rows);
  // A try of this step that was stopped has refused them.
  throwRefusal(
    leaves.find(({ state: its, failure }) => its === 'refused' && failure?.name.startsWith('Reply'))?.failure,
  );
  if (!isAnsweredInPieces(row, rows)) {
    throw new PermanentError('LedgerInconsistent', `Part ${part} of run ${runId} has no answer to reconcile`);
  }
  return answeredInPieces(runId, row, { cohort, leaves }, deps);
}

async function answeredInPieces(
  runId: string,
  row: Part,
  { cohort, leaves }: { readonly cohort: CohortPart; readonly leaves: readonly Part[] },
  deps: AnsweredPeopleDeps,
): Promise<AnsweredPeople> {
  // A part of one person who was set aside is its own leaf.
  const pieces = leaves.filter(({ pieceOf }) => pieceOf !== undefined);
  const answered = new Uint8Array(cohort.nhsNumbers.length).fill(answers.none);
  const refused: number[] = [];
  const kept = { duplicates: 0, quarantined: 0, largestEmptyAnswer: 0 };
  let refusal: Part['failure'];
  for (const leaf of leaves) {
    const first = firstRowOf(leaf);
    if (leaf.state === 'quarantined') {
      kept.quarantined += leaf.rows;
      if (leaf.failure?.name === 'RequestRejected') refused.push(first);
      continue;
    }
    const matched = await matchPiece(runId, leaf, cohort.nhsNumbers.subarray(first, first + leaf.rows), deps);
    if ('name' in matched) {
      refusal ??= matched;
      continue;
    }
    answered.set(matched.returned, first);
    kept.duplicates += matched.duplicates;
    if (matched.rows === 0) kept.largestEmptyAnswer = Math.max(kept.largestEmptyAnswer, leaf.rows);
  }
  throwRefusal(refusal);
  const attempt = pieces.reduce((sum, piece) => sum + piece.attempt, row.attempt);
  const people = refused.map((place) => personLine(cohort.nhsNumbers[place] ?? 0, cohort.patientIdAt(place))).join('');
  const file =
    refused.length > 0
      ? await deps.files.writeOnce(runFiles.refusedPeople(runId, row.part, attempt), people)
      : undefined;
  return {
    cohort,
    answered: withLinks(answered, cohort),
    kept: {
      ...kept,
      ...(file ? { refused: { ...file, rows: refused.length } } : {}),
      asAt: earliest(leaves.map(({ reply, heardAt }) => reply?.asAt ?? heardAt)),
      sentAt: earliest(leaves.map(({ sentAt }) => sentAt)),
      messageIds: leaves.flatMap(({ reply }) => reply?.messageId ?? []).slice(0, mostMessageIds),
    },
    attempt,
    pieces: pieces.map(({ part }) => part),
  };
}

/** A piece's answer, or why it is refused. */
async function matchPiece(
  runId: string,
  piece: Part,
  nhsNumbers: Float64Array,
  { parts, files }: AnsweredPeopleDeps,
): Promise<MatchedAnswer | NonNullable<Part['failure']>> {
  if (!piece.reply) throw new PermanentError('LedgerInconsistent', `Piece ${piece.part} of run ${runId} has no answer`);
  try {
    return await matchAnswer(nhsNumbers, await files.openVerified(piece.reply.body));
  } catch (error) {
    if (!(error instanceof PermanentError && error.name.startsWith('Reply'))) throw error;
    const failure = { name: error.name, message: error.message };
    await parts.move(runId, piece.part, ['answered'], { state: 'refused', failure });
    return failure;
  }
}

function throwRefusal(failure: Part['failure']): void {
  if (failure && isPermanentName(failure.name)) throw new PermanentError(failure.name, failure.message);
}

/**
 * Whoever has several numbers has opted out if any of them has, since it is not known under which the service keeps the
 * choice; and has not opted out only if every one of them came back. Where one that did not opt out is missing, nothing
 * is known of the person.
 */
function withLinks(own: Uint8Array, { links, unclearable }: CohortPart): Uint8Array {
  const answered = own.slice();
  const leaveOpen = (person: number) => {
    if (answered[person] === answers.notOptedOut) answered[person] = answers.none;
  };
  for (const person of unclearable) leaveOpen(person);
  for (const { place, person } of links) {
    if (own[place] === answers.none) leaveOpen(person);
  }
  for (const { place, person } of links) {
    if (own[place] === answers.optedOut) answered[person] = answers.optedOut;
  }
  return answered;
}

function earliest(moments: readonly (string | undefined)[]): string {
  return moments.flatMap((moment) => moment ?? []).sort()[0] ?? '';
}
