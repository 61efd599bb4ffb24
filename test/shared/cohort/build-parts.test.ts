import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { buildParts, type CohortCounts } from '../../../shared/cohort/build-parts.ts';
import { readCohortPart } from '../../../shared/ndop/cohort-part.ts';
import type { NumberRange } from '../../../shared/ndop/number-range.ts';
import { bodyOf, bytesOf, iterate } from '../../support/bodies.ts';
import { anyNumber, digitsOf, syntheticNumbers } from '../../support/nhs-numbers.ts';

interface Built {
  readonly counts: CohortCounts;
  readonly quarantine: string;
  readonly parts: readonly { readonly range: NumberRange; readonly rows: number; readonly lines: readonly string[] }[];
}

const header = 'nhsNumber,patientId,otherNhsNumbers,replacedBy\n';

interface Settings {
  readonly partRows?: number;
  readonly refused?: readonly number[];
}

async function build(files: readonly string[], { partRows = 1000, refused = [] }: Settings = {}): Promise<Built> {
  const parts: Built['parts'][number][] = [];
  let quarantine = '';
  const rules = { allowed: ['test'] as const, refused: new Set(refused), partRows };
  const counts = await buildParts(iterate(files.map((file) => bodyOf(file))), rules, {
    writeQuarantine: async (lines) => {
      quarantine = (await bytesOf(lines)).toString();
    },
    writePart: ({ range, rows, body }) => {
      parts.push({ range, rows, lines: body.toString().split('\n').slice(0, -1) });
      return Promise.resolve();
    },
  });
  return { counts, quarantine, parts };
}

/** The lines of all parts of a cohort with these rows. */
const linesOf = async (...rows: string[]) =>
  (await build([`${header}${rows.join('\n')}\n`])).parts.flatMap(({ lines }) => lines);

const [a = '', b = '', c = '', d = ''] = syntheticNumbers(4)
  .sort((one, other) => one - other)
  .map(digitsOf);

describe('a cohort', () => {
  it('becomes people by rising number, from one file or several', async () => {
    const rows = [`${c},p3`, `${a},p1`, `${b},`];
    expect(await linesOf(...rows)).toEqual([`${a},p1`, `${b},`, `${c},p3`]);
    const { parts, counts } = await build(rows.map((row) => `${header}${row}`));
    expect(parts.flatMap(({ lines }) => lines)).toEqual([`${a},p1`, `${b},`, `${c},p3`]);
    expect(counts).toMatchObject({ rows: 3, requested: 3 });
  });

  it('of nobody has no parts', async () => {
    expect(await build([header, header])).toEqual({
      parts: [],
      quarantine: 'row,reason,patientId\n',
      counts: {
        ...{ rows: 0, requested: 0, duplicates: 0, quarantined: {} },
        ...{ merged: 0, unresolvedLinks: 0, invalidOtherNumbers: 0 },
      },
    });
  });

  test.each([
    { rows: [`${a},b`, `${a},a`, `${a},c`], kept: 'a' },
    { rows: [a, `${a},b`], kept: 'b' },
    { rows: [`${a},b`, a], kept: 'b' },
    { rows: [`${a},b`, `${a.slice(0, 3)} ${a.slice(3, 6)}-${a.slice(6)}, a `], kept: 'a' },
    { rows: [a, a], kept: '' },
    { rows: [`${a},10`, `${a},9`], kept: '10' },
    { rows: [`${a},a`, `${a},aa`], kept: 'a' },
  ])('asks once about a number that stands in $rows, for patient "$kept"', async ({ rows, kept }) => {
    const { parts, counts } = await build([`${header}${rows.join('\n')}`]);
    expect(parts.map(({ rows, lines }) => ({ rows, lines }))).toEqual([{ rows: 1, lines: [`${a},${kept}`] }]);
    expect(counts).toMatchObject({ rows: rows.length, requested: 1, duplicates: rows.length - 1, quarantined: {} });
  });

  it('gives each refused row to the quarantine with its reason, and never its number', async () => {
    const long = 'x'.repeat(65);
    const rows = [',c', '12345,x', '9993395634,y', '1111111111,', '4505577104,z', `${a},p`, ',', `${b},d_e`];
    const { counts, quarantine } = await build(
      [header, `${header}${rows.join('\n')}\n${c},${long}\n${d},q\n`, `${header}0000000000,w`],
      { refused: [Number(d)] },
    );
    expect(quarantine).toBe(
      [
        'row,reason,patientId',
        '1,missing,c',
        '2,not-ten-digits,x',
        '3,check-digit-wrong,y',
        '4,placeholder,',
        '5,range-not-allowed,z',
        '7,missing,',
        '8,patient-id-invalid,',
        '9,patient-id-invalid,',
        '10,refused-by-service,q',
        '11,placeholder,w',
        '',
      ].join('\n'),
    );
    expect(counts).toMatchObject({
      rows: 11,
      requested: 1,
      duplicates: 0,
      quarantined: {
        ...{ missing: 2, 'not-ten-digits': 1, 'check-digit-wrong': 1, placeholder: 2, 'range-not-allowed': 1 },
        ...{ 'patient-id-invalid': 2, 'refused-by-service': 1 },
      },
    });
  });

  it('streams the quarantine, of which a hostile file may make everything', async () => {
    const chunks: number[] = [];
    await buildParts(
      iterate([bodyOf(`nhsNumber\n${'123\n'.repeat(200_000)}`, Array<number>(40).fill(20_000))]),
      { allowed: ['test'], refused: new Set(), partRows: 10 },
      {
        writeQuarantine: async (lines) => {
          for await (const line of lines) chunks.push(line.length);
        },
        writePart: () => Promise.reject(new Error('nobody is to be asked about')),
      },
    );
    expect(chunks.reduce((sum, length) => sum + length, 0)).toBeGreaterThan(4_000_000);
    expect(Math.max(...chunks)).toBeLessThan(2_000_000);
  });

  it('that turns out unreadable is given out to nobody, and fails the quarantine too', async () => {
    const outcomes: string[] = [];
    const built = buildParts(
      iterate([bodyOf(`${header}${a},p\n`), bodyOf(`${header}${b},"p\n`)]),
      { allowed: ['test'], refused: new Set(), partRows: 1 },
      {
        writeQuarantine: async (lines) => {
          await bytesOf(lines).catch((error: unknown) => {
            outcomes.push('quarantine failed');
            throw error;
          });
        },
        writePart: () => {
          outcomes.push('a part was written');
          return Promise.resolve();
        },
      },
    );
    await expect(built).rejects.toMatchObject({ name: 'CohortUnreadable' });
    expect(outcomes).toEqual(['quarantine failed']);
  });

  it('is not given out where the quarantine was not read to its end', async () => {
    const built = buildParts(
      iterate([bodyOf(`${header}${a},p\n`)]),
      { allowed: ['test'], refused: new Set(), partRows: 1 },
      { writeQuarantine: () => Promise.resolve(), writePart: () => Promise.resolve() },
    );
    await expect(built).rejects.toThrow('not read to its end');
  });
});

describe('patients who are one person', () => {
  const [w, x, y, z] = [`${a},w`, `${b},x`, `${c},y`, `${d},z`];

  test.each([
    { title: 'a replaced one is asked about for the survivor', rows: [`${w},,x`, x], lines: [`${a}>${b}`, x] },
    { title: 'a chain leads to its end', rows: [`${w},,x`, `${x},,y`, y], lines: [`${a}>${c}`, `${b}>${c}`, y] },
    {
      title: 'a chain leads through a patient without a number',
      rows: [`${w},,x`, ',x,,y', y],
      lines: [`${a}>${c}`, y],
    },
    { title: 'a survivor who is not in the cohort leaves the patient', rows: [`${w},,x`, y], lines: [w, y] },
    { title: 'a survivor without a valid number leaves the patient', rows: [`${w},,x`, '123,x'], lines: [w] },
    { title: 'a circle leaves both', rows: [`${w},,x`, `${x},,w`], lines: [w, x] },
    { title: 'a patient replaced by itself stays', rows: [`${w},,w`], lines: [w] },
    { title: 'a chain into a circle leaves its patient', rows: [`${w},,x`, `${x},,y`, `${y},,x`], lines: [w, x, y] },
    { title: 'a replacement that nobody can be leaves the patient', rows: [`${w},,x_"`], lines: [w] },
    {
      title: 'a further number counts for the patient',
      rows: [`${w},${c} ${d}`],
      lines: [w, `${c}>${a}`, `${d}>${a}`],
    },
    { title: 'the same number said twice counts once', rows: [`${w},${c} ${a} ${c}`], lines: [w, `${c}>${a}`] },
    { title: 'further numbers go with the survivor', rows: [`${w},${c},x`, x], lines: [`${a}>${b}`, x, `${c}>${b}`] },
    { title: 'and stay where there is none', rows: [`${w},${c},x`], lines: [w, `${c}>${a}`] },
    {
      title: 'further numbers count though the patient replaced has none now',
      rows: [`,w,${c},x`, x],
      lines: [x, `${c}>${b}`],
    },
    { title: "a number that is another's own stays a person too", rows: [`${w},${b}`, x], lines: [w, x, `${b}>${a}`] },
    {
      title: 'one number for two survivors',
      rows: [`${y},${a}`, `${z},${a}`],
      lines: [`${a}>${c}`, `${a}>${d}`, y, z],
    },
    {
      title: 'of two with one number the one not replaced is named, whatever its id',
      rows: [`${a},a,,x`, `${a},b`],
      lines: [`${a},b`],
    },
    {
      title: 'and the replaced one counts for its survivor all the same',
      rows: [`${a},a,,x`, `${a},b`, x],
      lines: [`${a},b`, `${a}>${b}`, x],
    },
    { title: 'a replaced patient is named before nobody', rows: [`${a},,,`, `${a},a,,x`], lines: [`${a},a`] },
    { title: 'a survivor with the same number', rows: [`${a},a,,b`, `${a},b`], lines: [`${a},b`] },
    {
      title: 'a survivor with several numbers goes by the lowest',
      rows: [`${y},,s`, `${b},s`, `${a},s`],
      lines: [`${a},s`, `${b},s`, `${c}>${a}`],
    },
  ])('$title', async ({ rows, lines }) => {
    expect(await linesOf(...rows)).toEqual(lines);
    expect(await linesOf(...rows.toReversed())).toEqual(lines);
  });

  it('are counted', async () => {
    const { counts } = await build([
      [`${header}${w},123 ${d} 9993395634,x`, `${w},,x`, x, `${y},,nobody`, `${c},v`, '5,u,,x', ''].join('\n'),
    ]);
    expect(counts).toEqual({
      ...{ rows: 6, requested: 2, duplicates: 1, quarantined: { 'not-ten-digits': 1 } },
      ...{ merged: 2, unresolvedLinks: 1, invalidOtherNumbers: 2 },
    });
  });

  it('a further number that the service refused is not asked about again', async () => {
    const { parts, counts } = await build([`${header}${w},${b}`], { refused: [Number(b)] });
    expect(parts.map(({ lines }) => lines)).toEqual([[w]]);
    expect(counts.invalidOtherNumbers).toBe(1);
  });
});

describe('whatever the rows and their order', () => {
  const number = fc.oneof(anyNumber.map(digitsOf), fc.constantFrom('', 'x', '4505577104', a, b, c, d));
  const id = fc.constantFrom('', 'p', 'q', 'r', 's');
  const row = fc.tuple(
    number,
    id,
    fc.array(number, { maxLength: 2 }),
    fc.oneof({ weight: 3, arbitrary: fc.constant('') }, { weight: 1, arbitrary: id }),
  );
  const rows = fc.array(row, { maxLength: 30 });
  const write = (given: readonly (typeof row extends fc.Arbitrary<infer Row> ? Row : never)[]) =>
    given.map(([nhsNumber, patientId, others, replacedBy]) =>
      [nhsNumber, patientId, others.join(' '), replacedBy].join(','),
    );

  it('everybody stands in one part, and so does every number of theirs', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 8 }), async (given, partRows) => {
        const { parts, counts } = await build([header + write(given).join('\n')], { partRows });
        const lines = parts.flatMap(({ lines }) => lines);
        const people = lines.filter((line) => line[10] === ',').map((line) => line.slice(0, 10));
        const links = lines.filter((line) => line[10] === '>');
        expect(people).toEqual([...new Set(people)].sort());
        expect(counts.requested).toBe(people.length);
        expect(counts.merged).toBe(links.length);
        for (const { range, rows, lines } of parts) {
          const own = lines.filter((line) => line[10] === ',').map((line) => line.slice(0, 10));
          expect(own.every((text) => Number(text) >= range.from && Number(text) < range.to)).toBe(true);
          // Links stand with their survivor, in order, after the person of the same number.
          const survivors = lines.filter((line) => line[10] === '>').map((line) => line.slice(11));
          expect(survivors.every((survivor) => own.includes(survivor))).toBe(true);
          expect(lines).toEqual(lines.toSorted((one, other) => (one < other ? -1 : 1)));
          expect(rows).toBe(new Set(lines.map((line) => line.slice(0, 10))).size);
        }
        // Nobody's number is forgotten.
        const valid = given.filter(([text]) => text.startsWith('9'));
        const asked = new Set(lines.map((line) => line.slice(0, 10)));
        for (const [text, , others, replacedBy] of valid) {
          expect(asked).toContain(text);
          if (replacedBy === '') for (const other of others) if (other.startsWith('9')) expect(asked).toContain(other);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('parts can be read back as they were written', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 8 }), async (given, partRows) => {
        const { parts } = await build([header + write(given).join('\n')], { partRows });
        for (const { rows, lines } of parts) {
          const file = lines.map((line) => `${line}\n`).join('');
          const part = await readCohortPart(bodyOf(file), { rows, bytes: file.length });
          const people = Array.from(part.nhsNumbers, digitsOf).flatMap((text, place) =>
            part.isPerson(place) ? [`${text},${part.patientIdAt(place)}`] : [],
          );
          const links = part.links.map(({ place, survivor }) =>
            [place, survivor].map((each) => digitsOf(part.nhsNumbers[each]!)).join('>'),
          );
          expect([...people, ...links].sort()).toEqual(lines);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('comes to the same parts', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 8 }), async (given, partRows) => {
        const forth = await build([header + write(given).join('\n')], { partRows });
        const back = await build([header + write(given.toReversed()).join('\n')], { partRows });
        expect(back.parts).toEqual(forth.parts);
        expect(back.counts).toEqual(forth.counts);
      }),
      { numRuns: 100 },
    );
  });

  it('rows are people, repeats, set aside or merged away', async () => {
    const unlinked = fc.array(fc.tuple(number, id), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(unlinked, async (given) => {
        const { counts, quarantine } = await build([header + given.map((pair) => pair.join(',')).join('\n')]);
        const refused = Object.values(counts.quarantined).reduce((sum, count) => sum + count, 0);
        expect(counts.requested + counts.duplicates + refused).toBe(counts.rows);
        expect(counts.rows).toBe(given.length);
        expect(quarantine.split('\n')).toHaveLength(refused + 2);
      }),
    );
  });
});
