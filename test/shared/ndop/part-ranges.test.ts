import { expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { refuseMisfits } from '../../../shared/ndop/part-ranges.ts';
import { wholeNumberLine } from '../../../shared/ndop/number-range.ts';

const end = wholeNumberLine.to;
const part = (number: number, from: number, to: number) => ({ part: number, from, to });

it('takes parts that cover the number line, wherever it is cut', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: end - 1 })), (places) => {
      const cuts = [0, ...places.sort((a, b) => a - b), end];
      const parts = cuts.slice(1).map((to, index) => part(index + 1, cuts[index]!, to));
      expect(() => {
        refuseMisfits('run-1', parts);
      }).not.toThrow();
    }),
  );
});

test.each([
  { parts: [part(1, 0, 500), part(1, 500, end)], says: 'part 1 comes after part 1' },
  { parts: [part(2, 0, 500), part(1, 500, end)], says: 'part 1 comes after part 2' },
  { parts: [part(1, 0, 500), part(2, 499, end)], says: 'part 2 overlaps part 1' },
  { parts: [part(1, 0, end), part(2, 0, end)], says: 'part 2 overlaps part 1' },
  { parts: [part(1, 0, 500), part(3, 600, end)], says: 'part 3 does not begin where the one before it ends' },
  { parts: [part(1, 1, end)], says: 'part 1 does not begin where the one before it ends' },
  { parts: [part(1, 0, 500), part(2, 500, 500)], says: 'part 2 ends before it begins' },
  { parts: [part(1, 0, 500)], says: 'its 1 parts do not reach the end of the number line' },
  { parts: [], says: 'its 0 parts do not reach the end of the number line' },
])('refuses parts of which $says', ({ parts, says }) => {
  expect(() => {
    refuseMisfits('run-1', parts);
  }).toThrow(
    expect.objectContaining({
      name: 'LedgerInconsistent',
      message: `The parts of run run-1 do not fit together: ${says}. Nothing more is written: start a new run`,
    }),
  );
});
