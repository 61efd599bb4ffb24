import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Part } from '../../../shared/ledger/parts.ts';
import { firstRowOf, halves, isAnsweredInPieces, leavesOf, reconcilableParts } from '../../../shared/ndop/pieces.ts';
import { usualParts } from '../../support/runs.ts';

const [usual] = usualParts as [Part];

it('pieces cover their part without gap or overlap, however it is split', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.infiniteStream(fc.nat()), (people, choices) => {
      const rows = splitAtRandom(people, choices);
      const leaves = leavesOf(rows[0]!, rows);
      let next = 0;
      for (const leaf of leaves) {
        expect(firstRowOf(leaf)).toBe(next);
        expect(leaf.rows).toBeGreaterThan(0);
        next += leaf.rows;
      }
      expect(next).toBe(people);
      expect(isAnsweredInPieces(rows[0]!, rows)).toBe(true);
      expect(reconcilableParts(rows)).toEqual([1]);
    }),
  );
});

it('a part is not answered in pieces while one of them is missing or has no answer', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 300 }), fc.infiniteStream(fc.nat()), fc.nat(), (people, choices, which) => {
      const rows = splitAtRandom(people, choices);
      const leaves = leavesOf(rows[0]!, rows);
      const spoilt = leaves[which % leaves.length]!;
      expect(reconcilableParts(rows.filter((row) => row !== spoilt))).toEqual([]);
      expect(reconcilableParts(rows.map((row) => (row === spoilt ? { ...row, state: 'sent' } : row)))).toEqual([]);
    }),
  );
});

/** A part whose request and some of whose pieces were rejected; every leaf is answered or set aside. */
function splitAtRandom(people: number, choices: fc.Stream<number>): Part[] {
  const rows: Part[] = [{ ...usual, rows: people, state: 'rejected' }];
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index]!;
    const [choice = 0] = [...choices.take(1)];
    if (row.rows === 1 || (index > 0 && choice % 3 === 0)) {
      // A part of one person that is rejected is set aside at once.
      rows[index] = { ...row, state: index > 0 && choice % 2 === 0 ? 'answered' : 'quarantined' };
      continue;
    }
    const numbers = [rows.length + 1, rows.length + 2];
    rows[index] = { ...row, state: 'split', pieces: numbers };
    rows.push(...halves(row, numbers).map((piece) => ({ ...usual, ...piece, state: 'sent' as const })));
  }
  return rows;
}
