import { expect, it } from '@jest/globals';
import { TokenBucket } from '../../../local/http-api/token-bucket.ts';

it('lets a burst through, then as many as its rate, and never saves more than a burst', () => {
  let now = 0;
  const bucket = new TokenBucket(10, 3, () => now);
  const taken = (calls: number) => Array.from({ length: calls }, () => bucket.take()).filter(Boolean).length;
  expect(taken(5)).toBe(3);
  now += 99;
  expect(taken(1)).toBe(0);
  now += 1;
  expect(taken(2)).toBe(1);
  now += 60_000;
  expect(taken(5)).toBe(3);
});
