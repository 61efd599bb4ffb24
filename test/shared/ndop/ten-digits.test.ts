import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatNhsNumber } from '../../../shared/ndop/nhs-number.ts';
import { readTenDigits, viewOf, writeTenDigits } from '../../../shared/ndop/ten-digits.ts';

const number = fc.integer({ min: 0, max: 9_999_999_999 });

it('reads what it wrote, wherever it stands', () => {
  fc.assert(
    fc.property(number, fc.integer({ min: 0, max: 9 }), (value, at) => {
      const bytes = Buffer.alloc(24, '7');
      writeTenDigits(bytes, at, value);
      expect(bytes.toString('latin1', at, at + 10)).toBe(formatNhsNumber(value));
      expect(readTenDigits(viewOf(bytes), at)).toBe(value);
    }),
  );
});

it('finds a byte that is no digit in any of the ten places', () => {
  for (let place = 0; place < 10; place += 1) {
    for (let byte = 0; byte < 256; byte += 1) {
      const bytes = Buffer.from('9434765919,');
      bytes[place] = byte;
      const isDigit = byte >= 0x30 && byte <= 0x39;
      expect(readTenDigits(viewOf(bytes), 0) >= 0).toBe(isDigit);
    }
  }
});

it('reads nothing out of bytes that carry into their neighbours', () => {
  const anyBytes = fc.uint8Array({ minLength: 10, maxLength: 10 });
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      expect(readTenDigits(viewOf(bytes), 0)).toBe(/^[0-9]{10}$/.test(text) ? Number(text) : -1);
    }),
  );
});
