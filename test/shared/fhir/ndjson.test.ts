import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { readNdjson } from '../../../shared/fhir/ndjson.ts';
import { anyPieces, bodyOf, listed } from '../../support/bodies.ts';

const read = (text: string, pieces: readonly number[] = []) =>
  listed(readNdjson(bodyOf(text, pieces), 'exports/run/file.ndjson'));

describe('newline-delimited JSON', () => {
  test.each([
    { text: '', values: [] },
    { text: '{"a":1}\n{"a":2}\n', values: [{ a: 1 }, { a: 2 }] },
    { text: '{"a":1}\n{"a":2}', values: [{ a: 1 }, { a: 2 }] },
    { text: '{"a":1}\r\n\r\n{"a":2}\r\n', values: [{ a: 1 }, { a: 2 }] },
    { text: '\n\n{"a":1}\n\n', values: [{ a: 1 }] },
  ])('$text holds $values', async ({ text, values }) => {
    expect(await read(text)).toEqual(values);
  });

  it('reads the same whatever pieces it comes in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue().filter((value) => value !== null)),
        anyPieces,
        async (values, pieces) => {
          const text = values.map((value) => `${JSON.stringify(value)}\n`).join('');
          expect(await read(text, pieces)).toEqual(JSON.parse(JSON.stringify(values)));
        },
      ),
    );
  });

  test.each([
    {
      what: 'a file that is cut off',
      text: '{"a":1}\n{"nhsNumber":"90000',
      says: /^Line 2 of exports\/run\/file\.ndjson is no JSON/,
    },
    { what: 'junk between lines', text: '{"a":1}\n\n9000000009\n{]\n', says: /^Line 4 of/ },
    { what: 'a line without end', text: `"${'9'.repeat(8_400_000)}`, says: /^Line 1 of .* longer than any resource/ },
    { what: 'a line too long', text: `"${'9'.repeat(8_400_000)}"\n`, says: /^Line 1 of .* longer than any resource/ },
  ])('refuses $what, names the line and nothing that it says', async ({ text, says }) => {
    const failure = await read(text).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    expect(failure?.name).toBe('PatientExportUnreadable');
    expect(failure?.message).toMatch(says);
    expect(failure?.message).not.toMatch(/90000|99999/);
  });
});
