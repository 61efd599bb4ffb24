import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Readable } from 'node:stream';
import { readCohortCsv, type CohortRow } from '../../../shared/ndop/cohort-csv.ts';
import { anyPieces, bodyOf, listed } from '../../support/bodies.ts';

/** A field as a spreadsheet writes it: quoted where it must be, and sometimes where it need not. */
interface Field {
  readonly value: string;
  readonly isQuoted: boolean;
}

const lineEnd = fc.constantFrom('\r\n', '\n', '\r');
const blankLines = fc.array(lineEnd, { maxLength: 2 }).map((ends) => ends.join(''));
const separator = fc.constantFrom(',', ';', '\t');
const field: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ value: fc.stringMatching(/^[0-9 -]{0,12}$/), isQuoted: fc.boolean() }),
  fc.record({ value: fc.stringMatching(/^[a-z",;\t\r\n é]{0,8}$/), isQuoted: fc.constant(true) }),
);

const file = fc.record({
  separator,
  mark: fc.constantFrom('', '\ufeff'),
  rows: fc.array(fc.record({ number: field, note: field, end: lineEnd, after: blankLines }), { maxLength: 12 }),
  headerEnd: lineEnd,
  hasLastEnd: fc.boolean(),
});
type File = typeof file extends fc.Arbitrary<infer Value> ? Value : never;

const write = ({ value, isQuoted }: Field) => (isQuoted ? `"${value.replaceAll('"', '""')}"` : value);

function contentOf({ separator, mark, rows, headerEnd, hasLastEnd }: File): string {
  const header = ['note', 'nhsNumber', 'patientId'].join(separator) + headerEnd;
  const lines = rows.map(({ number, note, end, after }, index) => {
    const line = [write(note), write(number), `p${index}`].join(separator);
    return line + (index === rows.length - 1 && !hasLastEnd ? '' : end + after);
  });
  return mark + header + lines.join('');
}

const expected = ({ rows }: File): CohortRow[] =>
  rows.map(({ number }, index) => ({ row: index + 1, nhsNumber: number.value, patientId: `p${index}` }));

const read = (content: string, pieces: readonly number[] = []) =>
  listed(readCohortCsv(Readable.from(bodyOf(content, pieces), { objectMode: false })));

describe('any file with any mixture of line ends, quotes and blank lines', () => {
  it('gives every row, and never CohortRowsLost, wherever its chunks are cut', async () => {
    await fc.assert(
      fc.asyncProperty(file, anyPieces, async (file, pieces) => {
        const outcome = await read(contentOf(file), pieces).catch((error: unknown) => (error as Error).name);
        const swallowsRows = file.rows.some(({ number, note }) => /[\r\n]/.test(number.value + note.value));
        expect(outcome).toEqual(swallowsRows ? 'CohortUnreadable' : expected(file));
      }),
      { numRuns: 100 },
    );
  });

  it('is never thought to have lost rows because of stray quotes: it is read or it is unreadable', async () => {
    const wild = fc.array(fc.constantFrom('"', '""', ',', '\n', '\r', '\r\n', ' ', 'a', '9'), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(wild, anyPieces, async (pieces, cuts) => {
        const outcome = await read(`nhsNumber,b\n${pieces.join('')}`, cuts).then(
          () => 'read',
          (error: unknown) => (error as Error).name,
        );
        expect(['read', 'CohortUnreadable']).toContain(outcome);
      }),
      { numRuns: 200 },
    );
  });
});
