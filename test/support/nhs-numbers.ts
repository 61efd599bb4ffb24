import fc from 'fast-check';

/**
 * The check digit of nine digits by Modulus 11, written here once more so that tests do not ask the code under test;
 * undefined where there is none.
 */
export function checkDigitOf(nineDigits: string): number | undefined {
  const sum = Array.from(nineDigits).reduce((total, digit, place) => total + Number(digit) * (10 - place), 0);
  const check = 11 - (sum % 11);
  if (check === 10) return undefined;
  return check === 11 ? 0 : check;
}

/** The first valid number whose first nine digits are at least these; never a repeated digit. */
export function validFrom(nineDigits: number): number {
  for (let body = nineDigits; ; body += 1) {
    const text = String(body).padStart(9, '0');
    const check = checkDigitOf(text);
    if (check === undefined || /^(\d)\1{9}$/.test(`${text}${check}`)) continue;
    return Number(`${text}${check}`);
  }
}

/** Ten digits of a number that was held as an integer. */
export const digitsOf = (nhsNumber: number): string => String(nhsNumber).padStart(10, '0');

/** Distinct valid numbers of the 9 range, which no person has, in no order; the same for the same seed. */
export function syntheticNumbers(count: number, seed = 1): number[] {
  const numbers = new Set<number>();
  // xorshift32: enough to scatter, and the same on every machine.
  let state = seed * 2_654_435_761;
  while (numbers.size < count) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    numbers.add(validFrom(900_000_000 + ((state >>> 0) % 99_000_000)));
  }
  return [...numbers];
}

/** Any valid number of the 9 range. */
export const anyNumber = fc.integer({ min: 900_000_000, max: 999_000_000 }).map(validFrom);

/** Distinct valid numbers, sorted, as a part of a cohort holds them. */
export function anyPeople(maxLength: number, minLength = 0): fc.Arbitrary<number[]> {
  return fc.uniqueArray(anyNumber, { minLength, maxLength }).map((numbers) => numbers.sort((a, b) => a - b));
}

/** The eight people of the worked example in the service's published conventions, all synthetic, in its order. */
export const samplePeople = [
  9993395633, 9999939082, 9991581766, 9994140027, 9990506310, 9990759545, 9998611687, 9990987025,
] as const;

/** Those of them who have opted out in the worked example. */
export const sampleOptedOut: ReadonlySet<number> = new Set([9994140027, 9998611687]);
