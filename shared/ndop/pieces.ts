import { failedStates, type Part, type PartState } from '../ledger/parts.ts';

/**
 * A request with one invalid NHS number is rejected whole, with a sentence that does not say which. So a rejected request
 * is split in halves, each asked about anew, until the halves are single people: whoever is rejected alone is set aside.
 * Source: UK Renal Registry, "National Opt-Out Processes", for the rejection.
 *
 * Pieces are told apart by the place of their people in the sorted part, never by a range of NHS numbers: between two
 * people there need be no number that names neither.
 */

/**
 * The pieces in force for a part: those that were not split further, in the order of their people. A part of one person
 * who was set aside is its own only piece.
 */
export function leavesOf(row: Part, rows: readonly Part[]): Part[] {
  if (row.state === 'quarantined' && row.pieceOf === undefined) return [row];
  return rows
    .filter(({ pieceOf, state }) => pieceOf?.part === row.part && state !== 'split')
    .sort((a, b) => firstRowOf(a) - firstRowOf(b));
}

/** Place, among the people of its part, of the first whom a row asks about. */
export function firstRowOf({ pieceOf }: Part): number {
  return pieceOf?.firstRow ?? 0;
}

/** Whether splitting has a next step here: to halve, to set aside, or to finish what was stopped half-way. */
export function needsSplitting(row: Part, rows: readonly Part[]): boolean {
  if (row.state === 'rejected') return true;
  if (row.state === 'split') return missingPieces(row, rows).length > 0;
  // A single person's file has the same bytes in every run, and may be refused as one that was uploaded before.
  return row.state === 'job-refused' && row.pieceOf !== undefined && row.rows === 1;
}

/** The numbers of pieces that a split row names and the ledger does not hold. */
export function missingPieces({ pieces = [] }: Part, rows: readonly Part[]): number[] {
  return pieces.filter((number) => !rows.some(({ part, pieceOf }) => part === number && pieceOf !== undefined));
}

/** Numbers of the parts that can be reconciled: answered whole, or in pieces that leave nobody out. */
export function reconcilableParts(rows: readonly Part[]): number[] {
  return rows
    .filter(({ pieceOf }) => pieceOf === undefined)
    .filter((row) => row.state === 'answered' || row.state === 'reconciled' || isAnsweredInPieces(row, rows))
    .map(({ part }) => part);
}

const settledStates: readonly PartState[] = ['answered', 'quarantined', 'reconciled'];

/** Every piece answered or set aside, and every person of the part in one of them. */
export function isAnsweredInPieces(row: Part, rows: readonly Part[]): boolean {
  if (row.state !== 'split' && row.state !== 'quarantined') return false;
  let next = 0;
  for (const leaf of leavesOf(row, rows)) {
    if (!settledStates.includes(leaf.state) || firstRowOf(leaf) !== next) return false;
    next += leaf.rows;
  }
  return next === row.rows;
}

/** Why a part has no usable answer: for itself, or for the first of its pieces that has none. */
export function failureOf(row: Part, rows: readonly Part[]): Part['failure'] {
  const failed = [row, ...leavesOf(row, rows)].find(({ state }) => failedStates.includes(state));
  return failed?.failure;
}

/** At least so many numbers of a row are invalid to the service: requests that it rejected and that share nobody. */
export function invalidNumbersIn({ state, failure, pieces = [] }: Part, byNumber: ReadonlyMap<number, Part>): number {
  if (state === 'split') {
    const inPieces = pieces.flatMap((number) => byNumber.get(number) ?? []);
    return Math.max(
      1,
      inPieces.reduce((sum, piece) => sum + invalidNumbersIn(piece, byNumber), 0),
    );
  }
  const isRejected = state === 'rejected' || (state === 'quarantined' && failure?.name === 'RequestRejected');
  return isRejected || failure?.name === 'SplitExhausted' ? 1 : 0;
}

/** The two pieces of a rejected request, given their numbers. */
export function halves(row: Part, numbers: readonly number[]): Pick<Part, 'part' | 'rows' | 'pieceOf'>[] {
  const { part, firstRow, round } = row.pieceOf ?? { part: row.part, firstRow: 0, round: 0 };
  const middle = Math.ceil(row.rows / 2);
  const stretches = [
    { firstRow, rows: middle },
    { firstRow: firstRow + middle, rows: row.rows - middle },
  ];
  return stretches.flatMap((stretch, index) => {
    const number = numbers[index];
    if (number === undefined) return [];
    return [{ part: number, rows: stretch.rows, pieceOf: { part, firstRow: stretch.firstRow, round: round + 1 } }];
  });
}
