import { failedStates, type Part } from '../ledger/parts.ts';

/**
 * A request with one invalid NHS number is rejected whole, with a sentence that does not say which. So a rejected request
 * is split in halves, each asked about anew, until the halves are single people: whoever is rejected alone is set aside.
 * Source: UK Renal Registry, "National Opt-Out Processes", for the rejection.
 *
 * Pieces are told apart by the place of their people in the sorted part, never by a range of NHS numbers: between two
 * people there need be no number that names neither.
 */

/** The pieces in force for a part: those that were not split further, in the order of their people. */
export function leavesOf(part: number, rows: readonly Part[]): Part[] {
  return rows
    .filter(({ pieceOf, state }) => pieceOf?.part === part && state !== 'split')
    .sort((a, b) => (a.pieceOf?.firstRow ?? 0) - (b.pieceOf?.firstRow ?? 0));
}

/** Whether splitting has a next step here: to halve, to set aside, or to finish what was stopped half-way. */
export function isToSplit(row: Part, rows: readonly Part[]): boolean {
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

/** Every piece answered or set aside, and every person of the part in one of them. */
export function isAnsweredInPieces(row: Part, rows: readonly Part[]): boolean {
  if (row.state !== 'split') return false;
  const leaves = leavesOf(row.part, rows);
  let next = 0;
  for (const { state, rows: people, pieceOf } of leaves) {
    if (state !== 'answered' && state !== 'quarantined') return false;
    if (pieceOf?.firstRow !== next) return false;
    next += people;
  }
  return next === row.rows;
}

/** Why a part has no usable answer: for itself, or for the first of its pieces that has none. */
export function failureOf(row: Part, rows: readonly Part[]): Part['failure'] {
  const failed = [row, ...leavesOf(row.part, rows)].find(({ state }) => failedStates.includes(state));
  return failed?.failure;
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
