import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NumberGroups } from '../../../shared/cohort/number-groups.ts';
import { PartCutter, type CutPart } from '../../../shared/cohort/part-cutter.ts';
import { wholeNumberLine } from '../../../shared/ndop/number-range.ts';
import {
  anyNumber,
  anyPeople,
  checkDigitOf,
  digitsOf,
  syntheticNumbers,
  validFrom,
} from '../../support/nhs-numbers.ts';

interface Part extends Omit<CutPart, 'body'> {
  readonly lines: readonly string[];
  readonly people: readonly number[];
}

/** Numbers that are one person's, and which of all numbers the service refused. */
interface Linked {
  readonly groups: readonly (readonly number[])[];
  readonly refused: ReadonlySet<number>;
}

const nobody: Linked = { groups: [], refused: new Set() };

function groupsOf({ groups, refused }: Linked): NumberGroups {
  const members = groups
    .flatMap((group, id) => group.map((nhsNumber) => ({ nhsNumber, id })))
    .sort((one, other) => one.nhsNumber - other.nhsNumber);
  const numbers = Float64Array.from(members, ({ nhsNumber }) => nhsNumber);
  return new NumberGroups(
    numbers,
    Uint32Array.from(members, ({ id }) => id * 7),
    refused,
  );
}

function cut(numbers: readonly number[], partRows: number, linked = nobody): Part[] {
  const parts: Part[] = [];
  const take = (part: CutPart | undefined) => {
    if (!part) return false;
    const lines = part.body.toString().split('\n').slice(0, -1);
    const people = lines.filter((line) => line[10] === ',').map((line) => Number(line.slice(0, 10)));
    parts.push({ range: part.range, rows: part.rows, lines, people });
    return true;
  };
  const cutter = new PartCutter(partRows, groupsOf(linked));
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
function checkCut(numbers: readonly number[], parts: readonly Part[], { groups } = nobody): void {
  expect(parts.flatMap(({ people }) => people)).toEqual(numbers);
  const stems = new Set([...numbers, ...groups.flat()].map(stemOf));
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
  const anyLinked = fc.oneof(anyPeople(40, 1), dense).chain((numbers) => {
    const near = fc.nat(numbers.length - 1).map((place) => validFrom(stemOf(numbers[place]!) + 1));
    const member = fc.oneof(anyNumber, near, fc.constantFrom(...numbers));
    const members = fc.uniqueArray(fc.record({ number: member, group: fc.nat(5), isRefused: fc.boolean() }), {
      maxLength: 20,
      selector: ({ number }) => number,
    });
    return members.map((all) => ({
      numbers,
      linked: {
        groups: [0, 1, 2, 3, 4, 5]
          .map((id) => all.flatMap(({ number, group }) => (group === id ? [number] : [])))
          .filter(({ length }) => length > 1),
        // Nobody is a person under a number that the service refused.
        refused: new Set(
          all.flatMap(({ number, isRefused }) => (isRefused && !numbers.includes(number) ? [number] : [])),
        ),
      },
    }));
  });
  const order = (line: string) => line.replace(',', ' ');

  it('stand in the part of each person of their group, in order, and count towards its length', () => {
    fc.assert(
      fc.property(anyLinked, anyPartRows, ({ numbers, linked }, partRows) => {
        const parts = cut(numbers, partRows, linked);
        const { groups, refused } = linked;
        checkCut(numbers, parts, linked);
        for (const { people, lines, rows } of parts) {
          const own = groups.flatMap((group) =>
            group
              .filter((number) => people.includes(number))
              .flatMap((person) => group.filter((other) => other !== person).map((other) => ({ other, person }))),
          );
          const expected = new Set([
            ...people.map((number) => `${digitsOf(number)},p${number % 1000}`),
            ...own.map(({ other, person }) =>
              refused.has(other) ? `${digitsOf(person)}!` : `${digitsOf(other)}>${digitsOf(person)}`,
            ),
          ]);
          expect(lines).toEqual([...expected].sort((one, other) => (order(one) < order(other) ? -1 : 1)));
          expect(rows).toBe(new Set(lines.map((line) => line.slice(0, 10))).size);
          if (rows <= partRows) continue;
          // Longer than it may be only where no earlier person left room for a boundary.
          const stems = new Set(groups.flat().map(stemOf));
          const asked = (count: number) =>
            count + own.filter(({ person }) => people.slice(0, count).includes(person)).length;
          const places = people.flatMap((number, place) => {
            const hasRoom = place > 0 && stemOf(number) - stemOf(people[place - 1]!) > 1 + stems.size;
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
    const linked = { groups: [[validFrom(stemOf(first!.range.to)), high]], refused: new Set<number>() };
    checkCut([low, high], cut([low, high], 1, linked), linked);
  });

  it('are counted once, as are refused ones, where a person has them', () => {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0] = syntheticNumbers(7).sort((x, y) => x - y);
    // One person with a refused number; two people; nobody.
    const groups = groupsOf({
      groups: [
        [a, b, g],
        [c, d],
        [e, f],
      ],
      refused: new Set([g, f]),
    });
    const taken = [a, c, d].map((person) => groups.take(person));
    expect(taken).toEqual([
      { nhsNumbers: [b], hasRefused: true },
      { nhsNumbers: [d], hasRefused: false },
      { nhsNumbers: [c], hasRefused: false },
    ]);
    expect(groups.count()).toEqual({ asked: 3, refused: 1 });
  });
});
