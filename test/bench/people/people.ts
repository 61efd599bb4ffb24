/** One invented person. All that is known of them follows from their place and the seed, so nothing has to be kept. */
export interface People {
  readonly count: number;
  /** NHS number of the person at a place, rising with the place. */
  readonly nhsNumber: (place: number) => number;
  readonly isOptedOut: (place: number) => boolean;
  /** Whether they had opted out when the run before this one asked. */
  readonly wasOptedOut: (place: number) => boolean;
  /** Four words of a random UUID, which is their patient id. */
  readonly patientId: (place: number) => readonly [number, number, number, number];
  /** Places in random order: for each of `0 … count - 1` another one. */
  readonly shuffled: (place: number) => number;
}

/** Of those asked about; the national rate is of this order. Source: NHS England, "National Data Opt-out" statistics. */
const optOutRate = 0.054;
/** Of all, who change their mind between two runs. */
const changeRate = 0.002;

/**
 * NHS numbers of the test block alone: 90,000,000 is the first of its eight leading digits, and each eight leave nine or
 * ten numbers whose check digit exists, of which nine are used. The last eight are left out for 9999999999.
 */
const firstPrefix = 90_000_000;
const numbersPerPrefix = 9;
export const mostPeople = (99_999_999 - firstPrefix) * numbersPerPrefix;

/** So many people, spread over the whole test block. The same seed gives the same people. */
export function inventPeople(count: number, seed: number): People {
  const distance = mostPeople / count;
  const leeway = Math.floor(distance);
  const isAmong = (rate: number, salt: number) => {
    const bound = rate * 2 ** 32;
    return (place: number) => mix(place, seed + salt) < bound;
  };
  const isOptedOut = isAmong(optOutRate, 1);
  const hasChanged = isAmong(changeRate, 2);
  return {
    count,
    nhsNumber: (place) => nthTestNumber(Math.floor(place * distance) + (mix(place, seed) % leeway)),
    isOptedOut,
    wasOptedOut: (place) => isOptedOut(place) !== hasChanged(place),
    patientId: (place) => [mix(place, seed + 3), mix(place, seed + 4), mix(place, seed + 5), mix(place, seed + 6)],
    shuffled: shuffle(count, seed),
  };
}

/**
 * The nth test number in rising order. Modulus 11 is worked out from its definition, apart from the pipeline's own code,
 * so that one can't share the other's mistake.
 */
export function nthTestNumber(rank: number): number {
  const prefix = firstPrefix + Math.floor(rank / numbersPerPrefix);
  let sum = 0;
  let rest = prefix;
  for (let weight = 3; weight <= 10; weight += 1) {
    const next = (rest / 10) | 0;
    sum += weight * (rest - next * 10);
    rest = next;
  }
  // The one ninth digit (weight 2) whose check digit would be 10: 2 × digit ≡ 1 - sum, and 6 is the inverse of 2.
  const withoutCheck = (6 * (12 - (sum % 11))) % 11;
  const place = rank % numbersPerPrefix;
  const ninth = place >= withoutCheck ? place + 1 : place;
  const check = (11 - ((sum + 2 * ninth) % 11)) % 11;
  return prefix * 100 + ninth * 10 + check;
}

/** Steps that each map the numbers of so many bits onto themselves, until the number is one of those wanted. */
function shuffle(count: number, seed: number): (place: number) => number {
  const bits = Math.max(2, 32 - Math.clz32(count - 1));
  const mask = 2 ** bits - 1;
  const half = (bits + 1) >> 1;
  const factors = [7, 8, 9].map((salt) => mix(salt, seed) | 1);
  const [first = 1, second = 1, third = 1] = factors;
  return (place) => {
    let at = place;
    do {
      at = (Math.imul(at, first) + second) & mask;
      at ^= at >>> half;
      at = Math.imul(at, second) & mask;
      at ^= at >>> half;
      at = Math.imul(at, third) & mask;
      at ^= at >>> half;
    } while (at >= count);
    return at;
  };
}

/** 32 bits that look random. Source: the finalizer of MurmurHash3 (Austin Appleby, public domain). */
function mix(place: number, salt: number): number {
  let bits = place + Math.imul(salt, 0x9e3779b9);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
