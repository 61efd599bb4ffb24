import { hasValidCheckDigit } from './nhs-number.ts';

/** The half-open range of NHS numbers that a part owns; the ranges of a run cover the whole number line. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

export const wholeNumberLine: NumberRange = { from: 0, to: 10_000_000_000 };

/**
 * The roundest number between two people that is no valid NHS number and whose first nine digits are neither's; undefined
 * where no nine digits lie between theirs.
 */
export function boundaryBetween(below: number, above: number): number | undefined {
  const [stemBelow, stemAbove] = [Math.floor(below / 10), Math.floor(above / 10)];
  for (let step = 100_000_000; step >= 1; step /= 10) {
    const stem = (Math.floor(stemBelow / step) + 1) * step;
    if (stem >= stemAbove) continue;
    return hasValidCheckDigit(stem * 10) ? stem * 10 + 1 : stem * 10;
  }
  return undefined;
}
