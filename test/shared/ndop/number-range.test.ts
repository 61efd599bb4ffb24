import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { boundaryBetween } from '../../../shared/ndop/number-range.ts';
import { anyNumber, anyPeople, checkDigitOf, digitsOf, validFrom } from '../../support/nhs-numbers.ts';

const isValid = (value: number) => {
  const text = digitsOf(value);
  return text.length === 10 && checkDigitOf(text.slice(0, 9)) === Number(text[9]);
};
/** The first nine digits, which determine the tenth. */
const stemOf = (value: number) => Math.floor(value / 10);
/** Whether some nine digits between those of two people are nobody's. */
const isPlaceBetween = (below: number, above: number) => stemOf(above) - stemOf(below) > 1;

describe('a boundary', () => {
  it('lies between two people, is no valid NHS number and has the first nine digits of neither', () => {
    const near = anyNumber.chain((below) =>
      fc.integer({ min: 1, max: 6 }).map((distance) => [below, validFrom(stemOf(below) + distance)]),
    );
    fc.assert(
      fc.property(fc.oneof(anyPeople(2, 2), near), ([below = 0, above = 0]) => {
        const boundary = boundaryBetween(below, above);
        if (boundary === undefined) {
          expect(isPlaceBetween(below, above)).toBe(false);
          return;
        }
        expect(boundary > below && boundary < above && !isValid(boundary)).toBe(true);
        expect([stemOf(below), stemOf(above)]).not.toContain(stemOf(boundary));
      }),
      { numRuns: 300 },
    );
  });

  it('is no round number that happens to be valid', () => {
    const round = Array.from({ length: 100 }, (_, index) => 9_000_000_000 + index * 10_000).find(isValid)!;
    expect(boundaryBetween(round - 5, round + 15)).toBe(round + 1);
    expect(boundaryBetween(round - 5, round + 5)).toBeUndefined();
  });
});
