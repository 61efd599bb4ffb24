import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PartCutter, type CutPart, type LinkedNumber } from '../../../shared/cohort/part-cutter.ts';
import { wholeNumberLine } from '../../../shared/ndop/number-range.ts';
import { anyNumber, anyPeople, checkDigitOf, digitsOf, validFrom } from '../../support/nhs-numbers.ts';

interface Part extends Omit<CutPart, 'body'> {
  readonly lines: readonly string[];
  readonly people: readonly number[];
}

function cut(numbers: readonly number[], partRows: number, links: readonly LinkedNumber[] = []): Part[] {
  const parts: Part[] = [];
  const take = (part: CutPart | undefined) => {
    if (!part) return false;
    const lines = part.body.toString().split('\n').slice(0, -1);
    const people = lines.filter((line) => line[10] === ',').map((line) => Number(line.slice(0, 10)));
    parts.push({ range: part.range, rows: part.rows, lines, people });
    return true;
  };
  const bySurvivor = links.toSorted((one, other) => one.survivor - other.survivor || one.nhsNumber - other.nhsNumber);
  const cutter = new PartCutter(partRows, bySurvivor);
  for (const number of numbers) {
    const patientId = `p${number % 1000}`;
    cutter.add(number, Buffer.from(patientId), 0, patientId.length);
    while (take(cutter.next()));
  }
  take(cutter.last());
  return parts;
}

const isValid = (value: number) => {
  const text = digitsOf(value);
  return text.length === 10 && checkDigitOf(text.slice(0, 9)) === Number(text[9]);
};
/** The first nine digits, which determine the tenth. */
const stemOf = (value: number) => Math.floor(value / 10);
/** Whether some nine digits between those of two people are nobody's. */
const isPlaceBetween = (below: number, above: number) => stemOf(above) - stemOf(below) > 1;

/** What must hold for any cut: nothing of the number line and nobody is lost, and no boundary points at a person. */
function checkCut(numbers: readonly number[], parts: readonly Part[], links: readonly LinkedNumber[] = []): void {
  expect(parts.flatMap(({ people }) => people)).toEqual(numbers);
  const stems = new Set([...numbers, ...links.map(({ nhsNumber }) => nhsNumber)].map(stemOf));
  let from = wholeNumberLine.from;
  for (const { range, people } of parts) {
    expect(range.from).toBe(from);
    expect(people.length).toBeGreaterThan(0);
    expect(people.every((number) => number >= range.from && number < range.to)).toBe(true);
    from = range.to;
    if (from !== wholeNumberLine.to) expect([isValid(from), stems.has(stemOf(from))]).toEqual([false, false]);
  }
  expect(from).toBe(parts.length === 0 ? wholeNumberLine.from : wholeNumberLine.to);
}

/** As long as a part may be, and longer only where it cannot end earlier. */
function checkLengths(numbers: readonly number[], parts: readonly Part[], partRows: number): void {
  let start = 0;
  for (const { rows, people } of parts) {
    expect(rows).toBe(people.length);
    const places = numbers.flatMap((number, index) =>
      index > start && isPlaceBetween(numbers[index - 1]!, number) ? [index] : [],
    );
    const allowed = places.filter((end) => end <= start + partRows).at(-1) ?? places[0] ?? numbers.length;
    expect(start + rows).toBe(numbers.length <= start + partRows ? numbers.length : allowed);
    start += rows;
  }
}

/** People who stand as close as numbers can. */
const dense = fc.integer({ min: 900_000_000, max: 998_000_000 }).map((body) => {
  const numbers: number[] = [];
  for (let value = body * 10; numbers.length < 25; value += 1) if (isValid(value)) numbers.push(value);
  return numbers;
});
const anyPartRows = fc.integer({ min: 1, max: 12 });

describe('cutting into parts', () => {
  it('makes no part of nobody, and one part with the whole number line of a few', () => {
    expect(cut([], 10)).toEqual([]);
    expect(cut([9993395633], 10)).toEqual([
      { range: wholeNumberLine, rows: 1, lines: ['9993395633,p633'], people: [9993395633] },
    ]);
  });

  it('cuts at round numbers', () => {
    const numbers = [validFrom(910_000_000), validFrom(950_000_000), validFrom(990_000_000)];
    expect(cut(numbers, 1).map(({ range }) => range)).toEqual([
      { from: 0, to: 9_200_000_000 },
      { from: 9_200_000_000, to: 9_600_000_000 },
      { from: 9_600_000_000, to: 10_000_000_000 },
    ]);
  });

  it('covers the number line without gaps, with each person in the range of exactly one part', () => {
    fc.assert(
      fc.property(anyPeople(60), anyPartRows, (numbers, partRows) => {
        const parts = cut(numbers, partRows);
        checkCut(numbers, parts);
        checkLengths(numbers, parts, partRows);
      }),
    );
  });

  it('does so where people stand as close as numbers can', () => {
    fc.assert(
      fc.property(dense, anyPartRows, (numbers, partRows) => {
        const parts = cut(numbers, partRows);
        checkCut(numbers, parts);
        checkLengths(numbers, parts, partRows);
      }),
      { numRuns: 40 },
    );
  });
});

describe('numbers that are asked about for others', () => {
  const linked = fc.oneof(anyPeople(40, 1), dense).chain((numbers) => {
    const near = fc.nat(numbers.length - 1).map((place) => validFrom(stemOf(numbers[place]!) + 1));
    const link = fc.record({
      nhsNumber: fc.oneof(anyNumber, near, fc.constantFrom(...numbers)),
      survivor: fc.constantFrom(...numbers),
    });
    const links = fc
      .uniqueArray(link, { maxLength: 20, selector: ({ nhsNumber, survivor }) => `${nhsNumber}>${survivor}` })
      .map((all) => all.filter(({ nhsNumber, survivor }) => nhsNumber !== survivor));
    return fc.record({ numbers: fc.constant(numbers), links });
  });

  it('stand in the part of their survivor, in order, and count towards its length', () => {
    fc.assert(
      fc.property(linked, anyPartRows, ({ numbers, links }, partRows) => {
        const parts = cut(numbers, partRows, links);
        checkCut(numbers, parts, links);
        for (const { people, lines, rows } of parts) {
          const own = links.filter(({ survivor }) => people.includes(survivor));
          const expected = [
            ...people.map((number) => `${digitsOf(number)},p${number % 1000}`),
            ...own.map(({ nhsNumber, survivor }) => `${digitsOf(nhsNumber)}>${digitsOf(survivor)}`),
          ];
          expect(lines).toEqual(expected.sort((one, other) => (one < other ? -1 : 1)));
          expect(rows).toBe(new Set(lines.map((line) => line.slice(0, 10))).size);
          if (rows <= partRows) continue;
          // Longer than it may be only where no earlier person left room for a boundary.
          const linkedStems = new Set(links.map(({ nhsNumber }) => stemOf(nhsNumber)));
          const asked = (count: number) =>
            count + own.filter(({ survivor }) => people.slice(0, count).includes(survivor)).length;
          const places = people.flatMap((number, place) => {
            const hasRoom = place > 0 && stemOf(number) - stemOf(people[place - 1]!) > 1 + linkedStems.size;
            return hasRoom && asked(place) <= partRows ? [place] : [];
          });
          expect(places).toEqual([]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('have no boundary with their first nine digits either', () => {
    const [low, high] = [validFrom(910_000_000), validFrom(950_000_000)];
    const [first] = cut([low, high], 1);
    const link = { nhsNumber: validFrom(stemOf(first!.range.to)), survivor: high };
    checkCut([low, high], cut([low, high], 1, [link]), [link]);
  });
});
