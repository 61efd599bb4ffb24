import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import {
  formatNhsNumber,
  hasValidCheckDigit,
  nhsNumberBlocks,
  readNhsNumber,
  type NhsNumberBlock,
} from '../../../shared/ndop/nhs-number.ts';
import { anyNumber, checkDigitOf, digitsOf, samplePeople } from '../../support/nhs-numbers.ts';

const read = (text: string, allowed: readonly NhsNumberBlock[] = nhsNumberBlocks) => readNhsNumber(text, allowed);

describe('what is accepted', () => {
  test.each([
    { text: '9993395633', because: 'plain digits' },
    { text: '999 339 5633', because: 'the printed form' },
    { text: '999-339-5633', because: 'hyphens' },
    { text: ' 9993395633\t', because: 'white space around' },
    { text: '999\u00a0339\u00a05633', because: 'non-breaking spaces' },
    { text: '999\u202f339\u20095633', because: 'thin spaces' },
    { text: '999\u2011339\u20135633', because: 'a non-breaking hyphen and a dash' },
    { text: '\ufeff9993395633\u200b', because: 'a byte-order mark and a zero-width space' },
    { text: '\u00ad999\u00ad3395633', because: 'soft hyphens' },
  ])('$because', ({ text }) => {
    expect(read(text)).toEqual({ nhsNumber: '9993395633' });
  });

  it('keeps leading zeros', () => {
    expect(read('0101010001')).toEqual({ nhsNumber: '0101010001' });
    expect(formatNhsNumber(101010001)).toBe('0101010001');
    expect(formatNhsNumber(0)).toBe('0000000000');
  });

  it('accepts every number of the worked request', () => {
    for (const number of samplePeople) expect(read(String(number), ['test'])).toEqual({ nhsNumber: String(number) });
  });
});

describe('what is refused', () => {
  test.each([
    { text: '', refusal: 'missing' },
    { text: '   ', refusal: 'missing' },
    { text: ' - ', refusal: 'missing' },
    { text: '\u00a0', refusal: 'missing' },
    { text: '999339563', refusal: 'not-ten-digits' },
    { text: '99933956333', refusal: 'not-ten-digits' },
    { text: '101010001', refusal: 'not-ten-digits' },
    { text: '999339563A', refusal: 'not-ten-digits' },
    { text: 'O101010001', refusal: 'not-ten-digits' },
    { text: '999.339.5633', refusal: 'not-ten-digits' },
    { text: '+9993395633', refusal: 'not-ten-digits' },
    { text: '9.99E+09', refusal: 'not-ten-digits' },
    { text: '"9993395633"', refusal: 'not-ten-digits' },
    { text: '9993395633,', refusal: 'not-ten-digits' },
    { text: '٩٩٩٣٣٩٥٦٣٣', refusal: 'not-ten-digits' },
    { text: '9993395634', refusal: 'check-digit-wrong' },
    { text: '9993395363', refusal: 'check-digit-wrong' },
    { text: '9990000001', refusal: 'check-digit-wrong' },
  ])('$text is $refusal', ({ text, refusal }) => {
    expect(read(text)).toEqual({ refusal });
  });

  test.each(Array.from('0123456789'))('ten times %s is a placeholder, although its check digit is right', (digit) => {
    const text = digit.repeat(10);
    expect(hasValidCheckDigit(Number(text))).toBe(true);
    expect(read(text)).toEqual({ refusal: 'placeholder' });
  });

  it('refuses twenty of the 24 numbers of a published sample request: they are no NHS numbers', () => {
    const sample = `9000543664 9000956406 9000617017 9000429321 9000962382 9000819657 9000159594 9000898358
      9000093377 9000174186 9000449907 9000401318 9000662584 9000363907 9000683339 9000803888
      9000134329 9000961849 9000092770 9000925967 9000230070 9000021513 9000581394 9000504543`.split(/\s+/);
    const readings = sample.map((text) => read(text));
    expect(sample).toHaveLength(24);
    expect(readings.filter((reading) => 'nhsNumber' in reading)).toHaveLength(4);
    expect(readings.filter((reading) => 'refusal' in reading && reading.refusal === 'check-digit-wrong')).toHaveLength(
      20,
    );
  });
});

/** The first valid number from here in this direction, placeholders passed over. */
function nextValid(from: number, direction: 1 | -1): string {
  for (let value = from; ; value += direction) {
    const text = digitsOf(value);
    if (checkDigitOf(text.slice(0, 9)) === Number(text[9]) && !/^(\d)\1{9}$/.test(text)) return text;
  }
}

describe('blocks', () => {
  test.each<{ block: NhsNumberBlock; from: number; to: number }>([
    { block: 'scotland', from: 100_000_000, to: 3_112_999_999 },
    { block: 'northern-ireland', from: 3_200_000_000, to: 3_999_999_999 },
    { block: 'england-wales-isle-of-man', from: 4_000_000_000, to: 4_999_999_999 },
    { block: 'not-issued', from: 5_000_000_000, to: 5_999_999_999 },
    { block: 'england-wales-isle-of-man', from: 6_000_000_000, to: 7_999_999_999 },
    { block: 'ireland', from: 8_000_000_000, to: 8_599_999_999 },
    { block: 'test', from: 9_000_000_000, to: 9_999_999_999 },
  ])('$block holds $from to $to and no number beside them', ({ block, from, to }) => {
    const [lowest, highest] = [nextValid(from, 1), nextValid(to, -1)];
    const others = nhsNumberBlocks.filter((other) => other !== block);
    for (const text of [lowest, highest]) {
      expect(read(text, [block])).toEqual({ nhsNumber: text });
      expect(read(text, others)).toEqual({ refusal: 'range-not-allowed' });
    }
    expect(read(nextValid(from - 1, -1), [block])).toEqual({ refusal: 'range-not-allowed' });
    if (to < 9_999_999_999) expect(read(nextValid(to + 1, 1), [block])).toEqual({ refusal: 'range-not-allowed' });
  });

  test.each([3_113_000_000, 3_199_999_000, 8_600_000_000, 8_999_999_000, 10_000_000])(
    'a number from %i up belongs to no block and is never allowed',
    (from) => {
      expect(read(nextValid(from, 1))).toEqual({ refusal: 'range-not-allowed' });
    },
  );

  it('keeps test numbers out of the live service, and live numbers out of a test', () => {
    const live = nextValid(4_505_577_000, 1);
    expect(read('9993395633', ['england-wales-isle-of-man'])).toEqual({ refusal: 'range-not-allowed' });
    expect(read(live, ['test'])).toEqual({ refusal: 'range-not-allowed' });
    expect(read('9993395633', [])).toEqual({ refusal: 'range-not-allowed' });
  });
});

describe('Modulus 11', () => {
  const nineDigits = fc.integer({ min: 0, max: 999_999_999 });

  it('lets at most one check digit pass for any nine digits: the one that the rule gives', () => {
    fc.assert(
      fc.property(nineDigits, (body) => {
        const passing = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((digit) => hasValidCheckDigit(body * 10 + digit));
        const expected = checkDigitOf(String(body).padStart(9, '0'));
        expect(passing).toEqual(expected === undefined ? [] : [expected]);
      }),
      { numRuns: 300 },
    );
  });

  it('never passes a number with one digit changed, nor one with two different neighbours swapped', () => {
    fc.assert(
      fc.property(anyNumber, fc.nat(9), fc.integer({ min: 1, max: 9 }), (value, place, shift) => {
        const digits = Array.from(digitsOf(value));
        const changed = digits.with(place, String((Number(digits[place]) + shift) % 10));
        expect(hasValidCheckDigit(Number(changed.join('')))).toBe(false);
        const [left, right] = [digits[place]!, digits[(place + 1) % 10]!];
        if (place === 9 || left === right) return;
        const swapped = digits.with(place, right).with(place + 1, left);
        expect(hasValidCheckDigit(Number(swapped.join('')))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});
