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

const header = 'nhsNumber,patientId,otherNhsNumbers,replacedBy,replaces\n';

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
        ...{ merged: 0, unresolvedLinks: 0, invalidOtherNumbers: 0, refusedOtherNumbers: 0 },
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
    {
      title: 'a replaced one and the survivor count for each other',
      rows: [`${w},,x`, x],
      lines: [w, `${a}>${b}`, x, `${b}>${a}`],
    },
    {
      title: 'it is enough that the survivor says so',
      rows: [w, `${x},,,w`],
      lines: [w, `${a}>${b}`, x, `${b}>${a}`],
    },
    {
      title: 'everybody of a chain counts for everybody',
      rows: [`${w},,x`, `${x},,y`, y],
      lines: [w, `${a}>${b}`, `${a}>${c}`, x, `${b}>${a}`, `${b}>${c}`, y, `${c}>${a}`, `${c}>${b}`],
    },
    {
      title: 'a chain leads through a patient without a number',
      rows: [`${w},,x`, ',x,,y', y],
      lines: [w, `${a}>${c}`, y, `${c}>${a}`],
    },
    { title: 'a survivor who is not in the cohort adds nothing', rows: [`${w},,x`, y], lines: [w, y] },
    {
      title: 'two whom one replaced who is not in the cohort are one person',
      rows: [`${w},,gone`, `${x},,gone`],
      lines: [w, `${a}>${b}`, x, `${b}>${a}`],
    },
    {
      title: 'one replaced by two makes all three one person',
      rows: [`${w},,x y`, x, y],
      lines: [w, `${a}>${b}`, `${a}>${c}`, x, `${b}>${a}`, `${b}>${c}`, y, `${c}>${a}`, `${c}>${b}`],
    },
    { title: 'a survivor without a valid number adds nothing', rows: [`${w},,x`, '123,x'], lines: [w] },
    {
      title: 'a circle is a group like any other',
      rows: [`${w},,x`, `${x},,w`],
      lines: [w, `${a}>${b}`, x, `${b}>${a}`],
    },
    { title: 'a patient replaced by itself stays', rows: [`${w},,w`], lines: [w] },
    { title: 'a replacement that nobody can be leaves the patient', rows: [`${w},,x_"`], lines: [w] },
    {
      title: 'a further number counts for the patient',
      rows: [`${w},${c} ${d}`],
      lines: [w, `${c}>${a}`, `${d}>${a}`],
    },
    { title: 'the same number said twice counts once', rows: [`${w},${c} ${a} ${c}`], lines: [w, `${c}>${a}`] },
    {
      title: 'further numbers count for whoever is of the group',
      rows: [`${w},${c},x`, x],
      lines: [w, `${a}>${b}`, x, `${b}>${a}`, `${c}>${a}`, `${c}>${b}`],
    },
    {
      title: 'further numbers count though the patient replaced has none now',
      rows: [`,w,${c},x`, x],
      lines: [x, `${c}>${b}`],
    },
    { title: 'a patient with further numbers alone is asked about for nobody', rows: [`,w,${c}`, x], lines: [x] },
    {
      title: "a number that is another's own makes both one person",
      rows: [`${w},${b}`, x],
      lines: [w, `${a}>${b}`, x, `${b}>${a}`],
    },
    {
      title: 'and so does a number that two have',
      rows: [`${y},${a}`, `${z},${a}`],
      lines: [`${a}>${c}`, `${a}>${d}`, y, `${c}>${d}`, z, `${d}>${c}`],
    },
    {
      title: 'of two with one number the one not replaced is named, whatever its id',
      rows: [`${a},a,,x`, `${a},b`],
      lines: [`${a},b`],
    },
    { title: 'even where it has none', rows: [`${a},,,`, `${a},a,,x`], lines: [`${a},`] },
    {
      title: 'and the number counts for the survivor of the other all the same',
      rows: [`${a},a,,x`, `${a},b`, x],
      lines: [`${a},b`, `${a}>${b}`, x, `${b}>${a}`],
    },
    { title: 'a survivor with the same number', rows: [`${a},a,,b`, `${a},b`], lines: [`${a},b`] },
    {
      title: 'every number of a survivor with several rows counts',
      rows: [`${y},,s`, `${b},s`, `${a},s`],
      lines: [`${a},s`, `${a}>${b}`, `${a}>${c}`, `${b},s`, `${b}>${a}`, `${b}>${c}`, y, `${c}>${a}`, `${c}>${b}`],
    },
    {
      title: 'a number counts though its own row was set aside for its patient id',
      rows: [`${a},w_w,,x`, x],
      lines: [x, `${a}>${b}`],
    },
    {
      title: 'also where it says nothing of links itself',
      rows: [`${w},,x_x`, `${b},x_x`],
      lines: [w, `${b}>${a}`],
    },
    {
      title: 'and where the patient id is longer than any',
      rows: [`${w},,${'é'.repeat(40)}`, `${b},${'é'.repeat(40)}`],
      lines: [w, `${b}>${a}`],
    },
  ])('$title', async ({ rows, lines }) => {
    const sorted = lines.toSorted((one, other) => (one < other ? -1 : 1));
    expect(await linesOf(...rows)).toEqual(sorted);
    expect(await linesOf(...rows.toReversed())).toEqual(sorted);
  });

  test.each([
    { title: 'a further number', rows: [`${w},${b} ${c}`], lines: [w, `${a}!`, `${c}>${a}`] },
    { title: "a survivor's number", rows: [`${w},,x`, x], lines: [w, `${a}!`] },
    { title: "a replaced patient's number", rows: [w, `${x},,w`], lines: [w, `${a}!`] },
    {
      title: 'a number in a row with an invalid patient id too',
      rows: [w, `${b},x_x,,w`],
      lines: [w, `${a}!`],
    },
    {
      title: 'a number that counts for several',
      rows: [`${w},,y`, y, `${x},,y`],
      lines: [w, `${a}!`, `${a}>${c}`, y, `${c}!`, `${c}>${a}`],
    },
    { title: 'a number of nobody else', rows: [w, x], lines: [w] },
  ])('$title that the service refused is not asked about, and holds back whoever has it', async ({ rows, lines }) => {
    for (const order of [rows, rows.toReversed()]) {
      const { parts, counts } = await build([`${header}${order.join('\n')}`], { refused: [Number(b)] });
      expect(parts.flatMap(({ lines: found }) => found)).toEqual(lines);
      expect(counts).toMatchObject({
        unresolvedLinks: 0,
        invalidOtherNumbers: 0,
        refusedOtherNumbers: lines.length === 1 ? 0 : 1,
      });
    }
  });

  it('are counted', async () => {
    const { counts } = await build([
      [`${header}${w},123 ${d} 9993395634,x`, `${w},,x`, x, `${y},,nobody`, `${c},v,,nobody`, '5,u,,x', ''].join('\n'),
    ]);
    expect(counts).toEqual({
      ...{ rows: 6, requested: 3, duplicates: 2, quarantined: { 'not-ten-digits': 1 } },
      ...{ merged: 3, unresolvedLinks: 2, invalidOtherNumbers: 2, refusedOtherNumbers: 0 },
    });
  });

  it('who would have more numbers than a person has make the cohort unreadable', async () => {
    const rows = syntheticNumbers(51).map((nhsNumber, index) => `${digitsOf(nhsNumber)},p${index},,dummy`);
    await expect(build([header + rows.join('\n')])).rejects.toMatchObject({ name: 'CohortUnreadable' });
    expect((await build([header + rows.slice(1).join('\n')], { partRows: 10 })).counts).toMatchObject({
      ...{ requested: 50, merged: 50, unresolvedLinks: 50 },
    });
  });
});

describe('whatever the rows and their order', () => {
  const number = fc.oneof(anyNumber.map(digitsOf), fc.constantFrom('', 'x', '4505577104', a, b, c, d));
  const id = fc.constantFrom('', 'p', 'q', 'r', 's', 'no_id');
  const links = (weight: number) =>
    fc.oneof(
      { weight, arbitrary: fc.constant<string[]>([]) },
      { weight: 1, arbitrary: fc.array(id, { maxLength: 2 }) },
    );
  const anyRow = fc.record({
    nhsNumber: number,
    patientId: id,
    others: fc.oneof(fc.constant<string[]>([]), fc.array(number, { maxLength: 2 })),
    replacedBy: links(3),
    replaces: links(6),
  });
  type Row = typeof anyRow extends fc.Arbitrary<infer Drawn> ? Drawn : never;
  const rows = fc.array(anyRow, { maxLength: 24 });
  const write = (given: readonly Row[]) =>
    given.map(({ nhsNumber, patientId, ...lists }) =>
      [nhsNumber, patientId, ...[lists.others, lists.replacedBy, lists.replaces].map((list) => list.join(' '))].join(
        ',',
      ),
    );
  const settings = fc.record({
    partRows: fc.integer({ min: 1, max: 8 }),
    refused: fc.subarray([a, b, c].map(Number)),
  });

  /** The lines of all parts by the rule, said once more. */
  function expectedLines(given: readonly Row[], refused: readonly number[]): string[] {
    const isValid = (text: string) => text.startsWith('9');
    const isRefused = (text: string) => refused.includes(Number(text));
    const linksOf = ({ replacedBy, replaces }: Row) => [...replacedBy, ...replaces].filter(Boolean);
    const idOf = ({ patientId }: Row) => [patientId].filter(Boolean);
    const isLinked = (row: Row) => linksOf(row).length > 0 || row.others.some(Boolean);
    const linked = new Set(given.filter(isLinked).flatMap((row) => [...idOf(row), ...linksOf(row)]));
    let groups: ReadonlySet<string>[] = [];
    for (const row of given) {
      if (!isLinked(row) && !idOf(row).some((one) => linked.has(one))) continue;
      const group = new Set([...idOf(row), ...linksOf(row), ...[row.nhsNumber, ...row.others].filter(isValid)]);
      const isApart = (other: ReadonlySet<string>) => [...group].every((member) => !other.has(member));
      groups = [
        ...groups.filter(isApart),
        new Set([...group, ...groups.filter((other) => !isApart(other)).flatMap((other) => [...other])]),
      ];
    }
    const people = new Set(
      given.flatMap(({ nhsNumber, patientId }) =>
        isValid(nhsNumber) && !isRefused(nhsNumber) && patientId !== 'no_id' ? [nhsNumber] : [],
      ),
    );
    const further = [...people].flatMap((person) => {
      const others = [...(groups.find((group) => group.has(person)) ?? [])].filter(isValid);
      return others
        .filter((other) => other !== person)
        .map((other) => (isRefused(other) ? `${person}!` : `${other}>${person}`));
    });
    return [...new Set([...[...people].map((person) => `${person},`), ...further])].sort();
  }

  it('everybody stands in one part, and so does every number of theirs', async () => {
    await fc.assert(
      fc.asyncProperty(rows, settings, async (given, { partRows, refused }) => {
        const { parts, counts } = await build([header + write(given).join('\n')], { partRows, refused });
        const all = parts.flatMap(({ lines }) => lines);
        const people = all.filter((line) => line[10] === ',').map((line) => line.slice(0, 10));
        expect(people).toEqual([...new Set(people)].sort());
        expect(all.map((line) => (line[10] === ',' ? line.slice(0, 11) : line)).sort()).toEqual(
          expectedLines(given, refused),
        );
        const merged = all.filter((line) => line[10] === '>').map((line) => line.slice(0, 10));
        expect(counts).toMatchObject({ requested: people.length, merged: new Set(merged).size });
        for (const { range, rows, lines } of parts) {
          const own = lines.filter((line) => line[10] === ',').map((line) => line.slice(0, 10));
          expect(own.every((text) => Number(text) >= range.from && Number(text) < range.to)).toBe(true);
          const links = lines.filter((line) => line[10] === '>').map((line) => line.slice(11));
          expect(links.every((person) => own.includes(person))).toBe(true);
          // The person, then the mark, then the links.
          const inOrder = (line: string) => line.replace(',', ' ');
          expect(lines).toEqual(lines.toSorted((one, other) => (inOrder(one) < inOrder(other) ? -1 : 1)));
          expect(rows).toBe(new Set(lines.map((line) => line.slice(0, 10))).size);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('parts can be read back as they were written', async () => {
    await fc.assert(
      fc.asyncProperty(rows, settings, async (given, { partRows, refused }) => {
        const { parts } = await build([header + write(given).join('\n')], { partRows, refused });
        for (const { rows, lines } of parts) {
          const file = lines.map((line) => `${line}\n`).join('');
          const part = await readCohortPart(bodyOf(file), { rows, bytes: file.length });
          const textAt = (place: number) => digitsOf(part.nhsNumbers[place]!);
          const people = Array.from(part.nhsNumbers, digitsOf).flatMap((text, place) =>
            part.isPerson(place) ? [`${text},${part.patientIdAt(place)}`] : [],
          );
          const marks = part.unclearable.map((place) => `${textAt(place)}!`);
          const links = part.links.map(({ place, person }) => `${textAt(place)}>${textAt(person)}`);
          expect([...people, ...marks, ...links].sort()).toEqual(lines.toSorted());
        }
      }),
      { numRuns: 100 },
    );
  });

  it('comes to the same parts', async () => {
    await fc.assert(
      fc.asyncProperty(rows, settings, async (given, chosen) => {
        const forth = await build([header + write(given).join('\n')], chosen);
        const back = await build([header + write(given.toReversed()).join('\n')], chosen);
        expect(back.parts).toEqual(forth.parts);
        expect(back.counts).toEqual(forth.counts);
      }),
      { numRuns: 100 },
    );
  });

  it('rows are people, repeats or set aside', async () => {
    await fc.assert(
      fc.asyncProperty(rows, settings, async (given, chosen) => {
        const { counts, quarantine } = await build([header + write(given).join('\n')], chosen);
        const setAside = Object.values(counts.quarantined).reduce((sum, count) => sum + count, 0);
        expect(counts.requested + counts.duplicates + setAside).toBe(counts.rows);
        expect(counts.duplicates).toBeGreaterThanOrEqual(0);
        expect(counts.rows).toBe(given.length);
        expect(quarantine.split('\n')).toHaveLength(setAside + 2);
      }),
    );
  });
});
