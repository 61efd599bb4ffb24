import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import type { CohortRow } from '../../../shared/ndop/cohort-csv.ts';
import { cutIntoParts, readCohort, type CohortPart, type QuarantinedRow } from '../../../shared/ndop/cohort.ts';
import { boundaryBetween, wholeNumberLine } from '../../../shared/ndop/number-range.ts';
import { iterate } from '../../support/bodies.ts';
import { anyNumber, anyPeople, checkDigitOf, digitsOf, validFrom } from '../../support/nhs-numbers.ts';

/** Rows of a file, from `number` or `number/patient`. */
const rowsOf = (texts: readonly string[]): CohortRow[] =>
  texts.map((text, index) => {
    const [nhsNumber = '', patientId] = text.split('/');
    return { row: index + 1, nhsNumber, ...(patientId ? { patientId } : {}) };
  });

async function read(rows: readonly CohortRow[], refused: readonly number[] = []) {
  const quarantined: QuarantinedRow[] = [];
  const isRefused = (nhsNumber: number) => refused.includes(nhsNumber);
  const cohort = await readCohort(iterate(rows), { allowed: ['test'], isRefused }, (row) => quarantined.push(row));
  return { ...cohort, quarantined };
}

const peopleOf = (numbers: readonly number[]): CohortPart => ({
  nhsNumbers: Float64Array.from(numbers),
  patientIds: numbers.map((number) => `p${number % 1000}`),
});

const isValid = (value: number) => {
  const text = digitsOf(value);
  return text.length === 10 && checkDigitOf(text.slice(0, 9)) === Number(text[9]);
};

it('sets aside a number that the service refused not long ago, under that reason', async () => {
  const { people, counts, quarantined } = await read(rowsOf(['9993395633/a', '9999939082/b']), [9999939082]);
  expect([...people.nhsNumbers]).toEqual([9993395633]);
  expect(counts).toMatchObject({ rows: 2, requested: 1, quarantined: { 'refused-by-service': 1 } });
  expect(quarantined).toEqual([{ row: 2, reason: 'refused-by-service', patientId: 'b' }]);
});

describe('reading a cohort', () => {
  it('sorts people by number, leading zeros and all', async () => {
    const { people } = await read(rowsOf(['9999939082/b', '9990506310/c', '9993395633/a']));
    expect([...people.nhsNumbers]).toEqual([9990506310, 9993395633, 9999939082]);
    expect(people.patientIds).toEqual(['c', 'a', 'b']);
  });

  test.each([
    { rows: ['9993395633/b', '9993395633/a', '9993395633/c'], kept: 'a' },
    { rows: ['9993395633', '9993395633/b'], kept: 'b' },
    { rows: ['9993395633/b', '9993395633'], kept: 'b' },
    { rows: ['9993395633/b', '999 339 5633/a'], kept: 'a' },
    { rows: ['9993395633', '9993395633'], kept: '' },
    { rows: ['9993395633/10', '9993395633/9'], kept: '10' },
  ])('asks once about a number that stands in $rows, for patient "$kept"', async ({ rows, kept }) => {
    const { people, counts } = await read(rowsOf(rows));
    expect([...people.nhsNumbers]).toEqual([9993395633]);
    expect(people.patientIds).toEqual([kept]);
    expect(counts).toEqual({ rows: rows.length, requested: 1, duplicates: rows.length - 1, quarantined: {} });
  });

  it('gives each refused row to the quarantine with its reason, and never its number', async () => {
    const rows = rowsOf(['', '12/x', '9993395634/y', '1111111111', '4505577104/z', '9993395633', '']);
    const { counts, quarantined } = await read(rows);
    expect(quarantined).toEqual([
      { row: 1, reason: 'missing' },
      { row: 2, reason: 'not-ten-digits', patientId: 'x' },
      { row: 3, reason: 'check-digit-wrong', patientId: 'y' },
      { row: 4, reason: 'placeholder' },
      { row: 5, reason: 'range-not-allowed', patientId: 'z' },
      { row: 7, reason: 'missing' },
    ]);
    expect(counts).toEqual({
      rows: 7,
      requested: 1,
      duplicates: 0,
      quarantined: {
        missing: 2,
        'not-ten-digits': 1,
        'check-digit-wrong': 1,
        placeholder: 1,
        'range-not-allowed': 1,
      },
    });
  });

  it('counts up: rows = requested + duplicates + quarantined, whatever the order of the rows', async () => {
    const text = fc.oneof(anyNumber.map(String), fc.constantFrom('', 'x', '9993395633', '4505577104', '9999999999'));
    const patient = fc.constantFrom('', '/a', '/b', '/c');
    const anyRows = fc.array(
      fc.tuple(text, patient).map(([number, id]) => number + id),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(anyRows, fc.integer(), async (texts, seed) => {
        const { people, counts, quarantined } = await read(rowsOf(texts));
        const refused = Object.values(counts.quarantined).reduce((sum, count) => sum + count, 0);
        expect(counts.requested + counts.duplicates + refused).toBe(counts.rows);
        expect(counts.rows).toBe(texts.length);
        expect(counts.requested).toBe(people.nhsNumbers.length);
        expect(quarantined).toHaveLength(refused);
        const shuffled = texts.toSorted((a, b) => ((a.length * 7 + seed) % 5) - ((b.length * 7 + seed) % 5));
        expect((await read(rowsOf(shuffled.reverse()))).people).toEqual(people);
      }),
      { numRuns: 100 },
    );
  });
});

/** The first nine digits, which determine the tenth. */
const stemOf = (value: number) => Math.floor(value / 10);
/** Whether some nine digits between those of two people are nobody's. */
const isPlaceBetween = (below: number, above: number) => stemOf(above) - stemOf(below) > 1;

/** What must hold for any cut: nothing of the number line and nobody is lost, and no boundary points at a person. */
function checkCut(numbers: readonly number[], partRows: number): void {
  const people = peopleOf(numbers);
  const parts = cutIntoParts(people, partRows);
  expect(parts.flatMap((part) => [...part.people.nhsNumbers])).toEqual(numbers);
  expect(parts.flatMap((part) => part.people.patientIds)).toEqual(people.patientIds);
  const stems = new Set(numbers.map(stemOf));
  let from = wholeNumberLine.from;
  let start = 0;
  for (const { range, people } of parts) {
    const { length } = people.nhsNumbers;
    expect(range.from).toBe(from);
    expect(length).toBeGreaterThan(0);
    expect(people.nhsNumbers.every((number) => number >= range.from && number < range.to)).toBe(true);
    from = range.to;
    if (from !== wholeNumberLine.to) expect([isValid(from), stems.has(stemOf(from))]).toEqual([false, false]);
    // As long as it may be, and longer only where it cannot end earlier.
    const places = numbers.flatMap((number, index) =>
      index > start && isPlaceBetween(numbers[index - 1]!, number) ? [index] : [],
    );
    const allowed = places.filter((end) => end <= start + partRows).at(-1) ?? places[0] ?? numbers.length;
    expect(start + length).toBe(numbers.length <= start + partRows ? numbers.length : allowed);
    start += length;
  }
  expect(from).toBe(parts.length === 0 ? wholeNumberLine.from : wholeNumberLine.to);
}

describe('cutting into parts', () => {
  it('makes no part of nobody, and one part with the whole number line of a few', () => {
    expect(cutIntoParts(peopleOf([]), 10)).toEqual([]);
    expect(cutIntoParts(peopleOf([9993395633]), 10)).toEqual([
      { range: wholeNumberLine, people: peopleOf([9993395633]) },
    ]);
  });

  it('cuts at round numbers', () => {
    const numbers = [validFrom(910_000_000), validFrom(950_000_000), validFrom(990_000_000)];
    expect(cutIntoParts(peopleOf(numbers), 1).map(({ range }) => range)).toEqual([
      { from: 0, to: 9_200_000_000 },
      { from: 9_200_000_000, to: 9_600_000_000 },
      { from: 9_600_000_000, to: 10_000_000_000 },
    ]);
  });

  it('covers the number line without gaps, with each person in the range of exactly one part', () => {
    fc.assert(
      fc.property(anyPeople(60), fc.integer({ min: 1, max: 12 }), (numbers, partRows) => {
        checkCut(numbers, partRows);
      }),
    );
  });

  it('does so where people stand as close as numbers can', () => {
    const dense = fc.integer({ min: 900_000_000, max: 998_000_000 }).map((body) => {
      const numbers = new Set<number>();
      for (let value = body * 10; numbers.size < 25; value += 1) if (isValid(value)) numbers.add(value);
      return [...numbers];
    });
    fc.assert(
      fc.property(dense, fc.integer({ min: 1, max: 12 }), (numbers, partRows) => {
        checkCut(numbers, partRows);
      }),
      { numRuns: 40 },
    );
  });
});

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
