import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { matchAnswer } from '../../../shared/ndop/answer.ts';
import { anyPieces, bodyOf, sha256 } from '../../support/bodies.ts';
import { anyPeople, digitsOf, sampleOptedOut, samplePeople, validFrom } from '../../support/nhs-numbers.ts';

const asked = Float64Array.from(samplePeople).sort();
const sample: readonly number[] = samplePeople.filter((number) => !sampleOptedOut.has(number));
const fileOf = (numbers: readonly number[], end = '\n') =>
  numbers.map((number) => `${digitsOf(number)},${end}`).join('');

/** Who came back, sorted, beside the counts. */
async function match(body: string, pieces: readonly number[] = [], people = asked) {
  const { returned, rows, duplicates } = await matchAnswer(people, bodyOf(Buffer.from(body), pieces));
  return { people: [...people.filter((_, index) => returned[index] === 1)], rows, duplicates };
}
const sampleMatch = { people: sample.toSorted((a, b) => a - b), rows: 6, duplicates: 0 };

describe('the worked answer', () => {
  it('leaves exactly the two who have opted out', async () => {
    const body = fileOf(sample);
    expect(sha256(body)).toBe('3eaea6af5d98be43bf9ae52f563530b2977a8f512b8bd5c5771930d192bc321e');
    expect(await match(body)).toEqual(sampleMatch);
    expect([...asked].filter((number) => !sampleMatch.people.includes(number))).toEqual([...sampleOptedOut]);
  });

  test.each([
    { name: 'CR LF', body: fileOf(sample, '\r\n') },
    { name: 'CR', body: fileOf(sample, '\r') },
    { name: 'every line end in turn', body: sample.map((n, i) => `${n},${['\r\n', '\n', '\r'][i % 3]!}`).join('') },
    { name: 'another order', body: fileOf(sample.toReversed()) },
    { name: 'no commas', body: fileOf(sample).replaceAll(',', '') },
    { name: 'spaces', body: sample.map((number) => ` ${number} , \n`).join('') },
    { name: 'tabs', body: sample.map((number) => `\t${number}\t\n`).join('') },
    { name: 'further fields', body: sample.map((number) => `${number},,"x",9999999999\n`).join('') },
    { name: 'blank lines', body: `\n\r\n${fileOf(sample).replaceAll('\n', '\n\n')}  \n\t` },
    { name: 'a byte-order mark', body: `\ufeff${fileOf(sample)}` },
  ])('means the same with $name, wherever it is cut', async ({ body }) => {
    expect(await match(body)).toEqual(sampleMatch);
    const everyByte = Array<number>(Buffer.byteLength(body)).fill(1);
    expect(await match(body, everyByte)).toEqual(sampleMatch);
  });

  it('counts people who stand in it twice', async () => {
    expect(await match(fileOf([...sample, sample[0]!, sample[0]!, sample[3]!]))).toEqual({
      ...sampleMatch,
      rows: 9,
      duplicates: 3,
    });
  });
});

describe('an answer of nobody', () => {
  test.each(['', '\n', '\r\n', '\r', ' ', ' \r\n\t\n', '\ufeff', '\ufeff\n'])('is %j', async (body) => {
    expect(await match(body)).toEqual({ people: [], rows: 0, duplicates: 0 });
  });
});

describe('what is refused', () => {
  test.each([
    { row: '999339563,', because: 'nine digits' },
    { row: '99933956333,', because: 'eleven digits' },
    { row: '9993395633;', because: 'another separator' },
    { row: '"9993395633",', because: 'quotes' },
    { row: '999 339 5633,', because: 'spaces within' },
    { row: 'nhsNumber,', because: 'a header' },
    { row: ',9993395633', because: 'a first field without a number' },
    { row: '9993395633 x', because: 'text behind the number' },
    { row: '9993395633\u0000,', because: 'a null byte' },
  ])('a row with $because is ReplyMalformed, by its place and not by its content', async ({ row }) => {
    const failure = await match(`${fileOf(sample.slice(0, 2))}\n${row}\n${fileOf(sample.slice(2))}`).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({
      name: 'ReplyMalformed',
      message: 'Row 3 of the answer is not an NHS number and a comma',
    });
  });

  it('people who were not asked about make it ReplyHasStrangers, counted and not named', async () => {
    const strangers = [validFrom(910_000_000), validFrom(920_000_000)];
    await expect(match(fileOf([...sample, ...strangers]))).rejects.toMatchObject({
      name: 'ReplyHasStrangers',
      message: '2 of 8 rows of the answer were never asked about',
    });
    await expect(match(fileOf([sample[0]!]), [], new Float64Array())).rejects.toMatchObject({
      name: 'ReplyHasStrangers',
    });
  });

  test.each(['9993395633,', '9993395633', '99933', '\ufeff9', '9', '9993395633,\n9', '9993395633,\r\n9999939082,'])(
    '%j lacks its last line end and is ReplyTruncated',
    async (body) => {
      await expect(match(body)).rejects.toMatchObject({ name: 'ReplyTruncated' });
    },
  );

  test.each([
    { name: 'LF', end: '\n' },
    { name: 'CR LF', end: '\r\n' },
    { name: 'CR', end: '\r' },
  ])('an answer with $name that is cut at any byte is refused, or was cut right behind a line end', async ({ end }) => {
    const body = fileOf(sample, end);
    for (let length = 0; length < body.length; length += 1) {
      const cut = body.slice(0, length);
      const outcome = await match(cut).then(
        ({ people }) => people.length,
        (error: unknown) => (error as Error).name,
      );
      const isAtLineEnd = cut === '' || /[\r\n]$/.test(cut);
      expect(outcome).toBe(isAtLineEnd ? (cut.match(/\d{10}/g)?.length ?? 0) : 'ReplyTruncated');
    }
  });
});

describe('any answer', () => {
  const lineEnd = fc.constantFrom('\n', '\r\n', '\r', '\n\n', ' \r\n');
  const rowForm = fc.constantFrom(
    (digits: string) => `${digits},`,
    (digits: string) => digits,
    (digits: string) => ` ${digits} ,x`,
  );

  it('gives exactly the people in it, in any order, with any line ends, however it is cut', async () => {
    const scenario = anyPeople(25).chain((people) =>
      fc.record({
        people: fc.constant(people),
        returned: fc.shuffledSubarray(people),
        ends: fc.infiniteStream(lineEnd),
        forms: fc.infiniteStream(rowForm),
        pieces: anyPieces,
      }),
    );
    await fc.assert(
      fc.asyncProperty(scenario, async ({ people, returned, ends, forms, pieces }) => {
        const formed = [...forms.take(returned.length)];
        const ended = [...ends.take(returned.length)];
        const body = returned.map((number, index) => formed[index]!(digitsOf(number)) + ended[index]!).join('');
        expect(await match(body, pieces, Float64Array.from(people))).toEqual({
          people: returned.toSorted((a, b) => a - b),
          rows: returned.length,
          duplicates: 0,
        });
      }),
      { numRuns: 150 },
    );
  });
});
