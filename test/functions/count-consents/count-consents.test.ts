import { expect, test } from '@jest/globals';
import { countConsents } from '../../../functions/count-consents/count-consents.ts';

test.each([
  { tagged: 0, all: 0, areAllOurs: true },
  { tagged: 5, all: 5, areAllOurs: true },
  { tagged: 5, all: 6, areAllOurs: false },
  // An index that has not caught up yet may hide anything.
  { tagged: 6, all: 5, areAllOurs: false },
])('$tagged Consents of ours among $all: the store is ours alone, $areAllOurs', async ({ tagged, all, areAllOurs }) => {
  const counted = await countConsents(
    { runId: '20261120T060000Z-7f3a' },
    { countTagged: () => Promise.resolve(tagged), countAll: () => Promise.resolve(all) },
  );
  expect(counted).toEqual({ consents: tagged, areAllOurs });
});
