import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { readCohortCsv, type CohortRow } from '../../../shared/cohort/read-csv.ts';
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

const read = (content: string, pieces: readonly number[] = []) => listed(readCohortCsv(bodyOf(content, pieces)));

/** What csv-parse makes of a whole file, which may let a row run over a line end. */
function readByCsvParse(content: string, separator: string): CohortRow[] | 'CohortUnreadable' {
  let records: string[][];
  try {
    records = parse(content, {
      bom: true,
      delimiter: separator,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    });
  } catch {
    return 'CohortUnreadable';
  }
  if (records.flat().some((field) => /[\r\n]/.test(field))) return 'CohortUnreadable';
  return records.slice(1).map(([nhsNumber = '', , patientId = ''], index) => {
    const id = patientId.trim();
    return { row: index + 1, nhsNumber, ...(id === '' ? {} : { patientId: id }) };
  });
}

describe('any file with any mixture of line ends, quotes and blank lines', () => {
  it('gives every row, wherever its chunks are cut', async () => {
    await fc.assert(
      fc.asyncProperty(file, anyPieces, async (file, pieces) => {
        const outcome = await read(contentOf(file), pieces).catch((error: unknown) => (error as Error).name);
        const swallowsRows = file.rows.some(({ number, note }) => /[\r\n]/.test(number.value + note.value));
        expect(outcome).toEqual(swallowsRows ? 'CohortUnreadable' : expected(file));
      }),
      { numRuns: 100 },
    );
  });

  it('is read as csv-parse reads it, or refused where csv-parse lets a row run over a line end', async () => {
    const piece = fc.constantFrom(
      '"',
      '""',
      ',',
      ';',
      '\t',
      '\n',
      '\r',
      '\r\n',
      ' ',
      'a',
      '9',
      '\u00e9',
      '\ufeff',
      '"a"',
    );
    const wild = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
    await fc.assert(
      fc.asyncProperty(
        wild,
        separator,
        fc.constantFrom('', '\ufeff'),
        anyPieces,
        async (text, separator, mark, cuts) => {
          const content = `${mark}${['nhsNumber', 'note', 'patientId'].join(separator)}\n${text}`;
          const outcome = await read(content, cuts).catch((error: unknown) => (error as Error).name);
          expect(outcome).toEqual(readByCsvParse(content, separator));
        },
      ),
      { numRuns: 1000 },
    );
  });
});
