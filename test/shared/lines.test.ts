import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { readLines, readWholeLines } from '../../shared/lines.ts';
import { anyPieces, bodyOf, listed } from '../support/bodies.ts';

describe('lines', () => {
  test.each([
    { text: '', lines: [] },
    { text: 'a\nb\n', lines: ['a', 'b'] },
    { text: 'a\nb', lines: ['a', 'b'] },
    { text: '\n\na\n', lines: ['', '', 'a'] },
    { text: 'a\r\nb', lines: ['a\r', 'b'] },
  ])('of $text', async ({ text, lines }) => {
    expect(await listed(readLines(bodyOf(text)))).toEqual(lines);
  });

  it('are the same wherever chunks are cut, within a character too', async () => {
    const anyLines = fc.array(fc.string({ unit: 'grapheme', maxLength: 8 }).map((line) => line.replace(/\n/g, '')));
    await fc.assert(
      fc.asyncProperty(anyLines, anyPieces, async (lines, pieces) => {
        const body = bodyOf(lines.map((line) => `${line}\n`).join(''), pieces);
        expect(await listed(readLines(body))).toEqual(lines);
      }),
    );
  });
});

describe('whole lines', () => {
  it('are the file in order, cut behind line ends alone, wherever chunks are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom('a', 'b', '\n') }), anyPieces, async (text, pieces) => {
        const buffers = (await listed(readWholeLines(bodyOf(text, pieces)))).map((lines) =>
          Buffer.from(lines).toString(),
        );
        expect(buffers.join('')).toBe(text);
        const cutOff = text.slice(text.lastIndexOf('\n') + 1);
        expect(buffers.filter((lines) => !lines.endsWith('\n'))).toEqual(cutOff === '' ? [] : [cutOff]);
      }),
    );
  });
});
