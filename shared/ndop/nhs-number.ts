/** Blocks of NHS numbers by use. Source: NHS number format and ranges, github.com/uk-fci/nhs-number. */
const blocks = [
  { name: 'scotland', from: 100_000_000, to: 3_112_999_999 },
  { name: 'northern-ireland', from: 3_200_000_000, to: 3_999_999_999 },
  { name: 'england-wales-isle-of-man', from: 4_000_000_000, to: 4_999_999_999 },
  { name: 'not-issued', from: 5_000_000_000, to: 5_999_999_999 },
  { name: 'england-wales-isle-of-man', from: 6_000_000_000, to: 7_999_999_999 },
  { name: 'ireland', from: 8_000_000_000, to: 8_599_999_999 },
  { name: 'test', from: 9_000_000_000, to: 9_999_999_999 },
] as const;

export type NhsNumberBlock = (typeof blocks)[number]['name'];
export const nhsNumberBlocks: readonly NhsNumberBlock[] = [...new Set(blocks.map((block) => block.name))];

/** Why a value was not asked about. One invalid number makes the service refuse a whole file, so we refuse it first. */
export type NhsNumberRefusal = 'missing' | 'not-ten-digits' | 'check-digit-wrong' | 'placeholder' | 'range-not-allowed';

export type NhsNumberReading = { readonly nhsNumber: string } | { readonly refusal: NhsNumberRefusal };

/** White space, hyphens and dashes that people and spreadsheets put between the groups of an NHS number. */
const separators = /[\s\u00ad\u200b\u2010-\u2015\u2212\ufeff-]/g;

/**
 * Normalises and validates an NHS number as it stands in a cohort: ten digits once separators are gone, Modulus 11
 * check digit, no placeholder (all ten repeated-digit numbers pass Modulus 11), and a block that this environment may
 * ask about: test numbers must not reach the live service, nor live numbers a test one.
 */
export function readNhsNumber(text: string, allowed: readonly NhsNumberBlock[]): NhsNumberReading {
  const digits = text.replace(separators, '');
  if (digits === '') return { refusal: 'missing' };
  if (!/^[0-9]{10}$/.test(digits)) return { refusal: 'not-ten-digits' };
  const refusal = refusalOf(Number(digits), allowed);
  return refusal === undefined ? { nhsNumber: digits } : { refusal };
}

/** Why a number of ten digits, held as an integer, may not be asked about; undefined where it may. */
export function refusalOf(value: number, allowed: readonly NhsNumberBlock[]): NhsNumberRefusal | undefined {
  if (Math.floor(value / 1_111_111_111) * 1_111_111_111 === value) return 'placeholder';
  if (!hasValidCheckDigit(value)) return 'check-digit-wrong';
  for (const { name, from, to } of blocks) {
    if (value >= from && value <= to && allowed.includes(name)) return undefined;
  }
  return 'range-not-allowed';
}

/**
 * Modulus 11: weights 10 down to 2 over the first nine digits; check = 11 - remainder, 11 counts as 0, and 10 cannot
 * occur. With weight 1 for the tenth digit that is to say that the whole sum divides by 11. Source: NHS Data Dictionary,
 * "NHS NUMBER".
 *
 * @param value the number as an integer of at most ten digits, leading zeros lost
 */
export function hasValidCheckDigit(value: number): boolean {
  const upper = Math.floor(value / 100_000);
  const lower = value - upper * 100_000;
  return ((upperSums[upper] ?? 0) + (lowerSums[lower] ?? 0)) % 11 === 0;
}

/** Weighted sums modulo 11 of all groups of five digits, for sixty million numbers pass here. */
const upperSums = weightedSums([10, 9, 8, 7, 6]);
const lowerSums = weightedSums([5, 4, 3, 2, 1]);

function weightedSums(weights: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: 100_000 }, (_, group) => {
    const digits = String(group).padStart(5, '0');
    return weights.reduce((sum, weight, place) => sum + weight * Number(digits[place]), 0) % 11;
  });
}

/** The ten digits of a number that was held as an integer. */
export function formatNhsNumber(value: number): string {
  return String(value).padStart(10, '0');
}
