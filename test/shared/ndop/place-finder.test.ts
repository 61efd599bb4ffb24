import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PlaceFinder } from '../../../shared/ndop/place-finder.ts';

const value = fc.oneof(
  fc.integer({ min: 0, max: 9_999_999_999 }),
  fc.integer({ min: 9_000_000_000, max: 9_000_000_040 }),
);

it('finds every value where it stands, and no other value', () => {
  fc.assert(
    fc.property(fc.uniqueArray(value, { maxLength: 60 }), fc.array(value), (values, others) => {
      const sorted = Float64Array.from(values).sort();
      const finder = new PlaceFinder(sorted);
      for (const one of [...values, ...others]) expect(finder.placeOf(one)).toBe(sorted.indexOf(one));
    }),
  );
});
