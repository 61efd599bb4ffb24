import { createHash } from 'node:crypto';

/** Nine-digit stems of the block 900 000 0000 to 999 999 9999, which is never issued to anybody. */
const firstStem = 900_000_000;
const stems = 100_000_000;

/**
 * Distinct synthetic NHS numbers with valid check digits, in an order that looks random and is the same for the same
 * seed. No number is held in memory: a step that shares no factor with the range visits every stem once.
 */
export function* syntheticNhsNumbers(count: number, seed: number): Generator<string> {
  const random = createHash('sha256').update(`numbers ${seed}`).digest();
  // Ends in 1, so it is neither even nor a multiple of five.
  const step = 38_196_601 + (random.readUInt32BE(0) % 1_000_000) * 10;
  let stem = random.readUInt32BE(4) % stems;
  for (let made = 0; made < count; stem = (stem + step) % stems) {
    const nhsNumber = withCheckDigit(String(firstStem + stem));
    if (nhsNumber === undefined || nhsNumber === '9999999999') continue;
    made += 1;
    yield nhsNumber;
  }
}

/** A nine-digit stem with its Modulus 11 check digit; undefined for the stems that have none. */
export function withCheckDigit(stem: string): string | undefined {
  let sum = 0;
  for (let index = 0; index < 9; index += 1) sum += Number(stem[index]) * (10 - index);
  const check = (11 - (sum % 11)) % 11;
  return check === 10 ? undefined : stem + String(check);
}

/** Whether a synthetic person has opted out: the same answer for the same seed, at the given rate. */
export function isSyntheticOptOut(nhsNumber: string, rate: number, seed: number): boolean {
  const draw = createHash('sha256').update(`opt-out ${seed} ${nhsNumber}`).digest().readUInt32BE();
  return draw / 2 ** 32 < rate;
}
