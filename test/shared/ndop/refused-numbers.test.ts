import { expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { readRefusedNumbers, stillRefused, writeRefusedNumbers } from '../../../shared/ndop/refused-numbers.ts';
import { anyPieces, bodyOf } from '../../support/bodies.ts';
import { anyNumber } from '../../support/nhs-numbers.ts';

it('are read as they were written, in whatever pieces the file arrives', async () => {
  const anyTime = fc.date({ noInvalidDate: true, min: new Date('2020-01-01'), max: new Date('2040-01-01') });
  const anyRefused = fc.dictionary(
    anyNumber.map(String),
    anyTime.map((time) => time.toISOString()),
  );
  await fc.assert(
    fc.asyncProperty(anyRefused, anyPieces, async (entries, pieces) => {
      const refused = new Map(Object.entries(entries).map(([number, since]) => [Number(number), since]));
      expect(await readRefusedNumbers(bodyOf(writeRefusedNumbers(refused), pieces))).toEqual(refused);
    }),
  );
});

test.each([
  { days: 0, isLeftOut: true },
  { days: 89, isLeftOut: true },
  { days: 90, isLeftOut: false },
  { days: 400, isLeftOut: false },
])('are left out of a request $days days later: $isLeftOut', ({ days, isLeftOut }) => {
  const since = '2026-09-01T02:41:07Z';
  const at = new Date(Date.parse(since) + days * 86_400_000).toISOString();
  expect(stillRefused(new Map([[9993395633, since]]), at).size).toBe(isLeftOut ? 1 : 0);
});
