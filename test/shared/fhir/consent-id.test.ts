import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { consentIdOf, parseIdKey } from '../../../shared/fhir/consent-id.ts';
import { anyNumber } from '../../support/nhs-numbers.ts';

const key = parseIdKey('00112233445566778899aabbccddeeff'.repeat(2));

describe('the id of a Consent', () => {
  test.each([
    { nhsNumber: 9000000009, id: 'c5a83dd5-bc34-8efb-8712-de366c2ed3bb' },
    { nhsNumber: 4505577104, id: '69f74e42-4ed6-8b60-bcaf-ea089bf8b78c' },
  ])('is the worked one for $nhsNumber', ({ nhsNumber, id }) => {
    expect(consentIdOf(nhsNumber, key)).toBe(id);
  });

  it('is a UUID of version 8 that HealthLake takes, the same each time, and differs from person to person', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(anyNumber, (nhsNumber) => {
        const id = consentIdOf(nhsNumber, key);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(consentIdOf(nhsNumber, key)).toBe(id);
        expect(seen.get(id) ?? nhsNumber).toBe(nhsNumber);
        seen.set(id, nhsNumber);
      }),
    );
  });

  it('counts a leading zero', () => {
    expect(consentIdOf(101010001, key)).toBe('0e30f6f5-51e0-8d99-8cdd-08ec08f1413c');
  });

  it('is another with another key', () => {
    expect(consentIdOf(9000000009, parseIdKey('ff'.repeat(32)))).not.toBe(consentIdOf(9000000009, key));
  });
});

describe('the id key', () => {
  it('is 64 hexadecimal digits, in any case, with white space around', () => {
    expect(parseIdKey(` ${'aB'.repeat(32)}\n`).export()).toEqual(Buffer.from('ab'.repeat(32), 'hex'));
  });

  test.each(['', 'ab'.repeat(31), 'ab'.repeat(33), `${'ab'.repeat(31)}xy`, '{"key":"…"}'])('is not %j', (secret) => {
    expect(() => parseIdKey(secret)).toThrow(
      expect.objectContaining({
        name: 'ConfigurationInvalid',
        message: 'The id key secret must be 32 random bytes as 64 hexadecimal digits',
      }),
    );
  });
});
