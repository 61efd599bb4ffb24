import { PermanentError } from '../../shared/errors.ts';
import type { Files } from '../../shared/files.ts';
import type { Part, Parts, StoredFile } from '../../shared/ledger/parts.ts';
import { matchAnswer, type MatchedAnswer } from '../../shared/ndop/answer.ts';
import type { CohortPart } from '../../shared/ndop/cohort.ts';
import { readCohortPart, writeCohortPart } from '../../shared/ndop/cohort-part.ts';
import { isAnsweredInPieces, leavesOf } from '../../shared/ndop/pieces.ts';
import { runFiles } from '../../shared/run-files.ts';

export interface AnsweredPeopleDeps {
  readonly parts: Pick<Parts, 'list' | 'move'>;
  readonly files: Pick<Files, 'openVerified' | 'writeOnce'>;
}

/** Everybody of a part who was answered, and whether they came back. */
export interface AnsweredPeople extends Pick<MatchedAnswer, 'returned' | 'duplicates'> {
  readonly cohort: CohortPart;
  /** How many others the service refused, each alone, and the file that names them. */
  readonly quarantined: number;
  readonly quarantine?: StoredFile;
  readonly asAt: string;
}

/**
 * Matches a part's people with its answer, or with the answers to its pieces, each held against the people of that piece.
 *
 * @throws PermanentError ReplyTruncated, ReplyMalformed, ReplyHasStrangers as `matchAnswer` does; a piece is then refused
 *   alone, and asked about again by a resume. LedgerInconsistent where somebody of the part has no answer
 */
export async function answeredPeople(runId: string, row: Part, deps: AnsweredPeopleDeps): Promise<AnsweredPeople> {
  const { part, state, reply } = row;
  const whole = await readCohortPart(await deps.files.openVerified(row.cohort), row.rows);
  if (state === 'answered' && reply) {
    const matched = await matchAnswer(whole.nhsNumbers, await deps.files.openVerified(reply.body));
    return { cohort: whole, ...matched, quarantined: 0, asAt: reply.asAt };
  }
  const rows = await deps.parts.list(runId);
  if (!isAnsweredInPieces(row, rows)) {
    throw new PermanentError('LedgerInconsistent', `Part ${part} of run ${runId} has no answer to reconcile`);
  }
  return answeredInPieces(runId, row, { whole, leaves: leavesOf(part, rows) }, deps);
}

async function answeredInPieces(
  runId: string,
  { part, attempt }: Part,
  { whole, leaves }: { readonly whole: CohortPart; readonly leaves: readonly Part[] },
  deps: AnsweredPeopleDeps,
): Promise<AnsweredPeople> {
  const answered: number[] = [];
  const refused: number[] = [];
  const returned: number[] = [];
  let duplicates = 0;
  for (const piece of leaves) {
    const first = piece.pieceOf?.firstRow ?? 0;
    const places = Array.from({ length: piece.rows }, (_, index) => first + index);
    if (piece.state === 'quarantined') {
      refused.push(...places);
      continue;
    }
    const matched = await matchPiece(runId, piece, whole.nhsNumbers.subarray(first, first + piece.rows), deps);
    for (const place of places) answered.push(place);
    for (const flag of matched.returned) returned.push(flag);
    duplicates += matched.duplicates;
  }
  const key = runFiles.refusedPeople(runId, part, attempt);
  const people = [...writeCohortPart(peopleAt(refused, whole))].join('');
  return {
    ...(refused.length > 0 ? { quarantine: await deps.files.writeOnce(key, people) } : {}),
    cohort: peopleAt(answered, whole),
    returned: Uint8Array.from(returned),
    duplicates,
    quarantined: refused.length,
    asAt: earliest(leaves),
  };
}

async function matchPiece(
  runId: string,
  piece: Part,
  nhsNumbers: Float64Array,
  { parts, files }: AnsweredPeopleDeps,
): Promise<MatchedAnswer> {
  if (!piece.reply) throw new PermanentError('LedgerInconsistent', `Piece ${piece.part} of run ${runId} has no answer`);
  try {
    return await matchAnswer(nhsNumbers, await files.openVerified(piece.reply.body));
  } catch (error) {
    if (error instanceof PermanentError && error.name.startsWith('Reply')) {
      const failure = { name: error.name, message: error.message };
      await parts.move(runId, piece.part, ['answered'], { state: 'refused', failure });
    }
    throw error;
  }
}

function peopleAt(places: readonly number[], { nhsNumbers, patientIds }: CohortPart): CohortPart {
  return {
    nhsNumbers: Float64Array.from(places, (place) => nhsNumbers[place] ?? 0),
    patientIds: places.map((place) => patientIds[place] ?? ''),
  };
}

/** Of the answers; of the rejections where nobody was answered. */
function earliest(leaves: readonly Part[]): string {
  const answers = leaves.flatMap(({ reply }) => (reply ? [reply.asAt] : []));
  const rejections = leaves.flatMap(({ heardAt }) => heardAt ?? []);
  return [...(answers.length > 0 ? answers : rejections)].sort()[0] ?? '';
}
