import { expect, test } from '@jest/globals';
import { waitAfter } from '../../../shared/fhir/jobs.ts';

test.each([
  [0, 30],
  [300, 30],
  [1_000, 100],
  [86_400, 300],
])('after %i seconds it waits %i more', (waited, seconds) => {
  expect(waitAfter(waited)).toBe(seconds);
});
