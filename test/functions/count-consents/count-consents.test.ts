import { expect, test } from '@jest/globals';
import { countConsents } from '../../../functions/count-consents/count-consents.ts';

test.each([
  { tagged: 0, registered: 0, all: 0, areAllOurs: true },
  { tagged: 5, registered: 0, all: 5, areAllOurs: true },
  { tagged: 5, registered: 2, all: 7, areAllOurs: true },
  { tagged: 5, registered: 0, all: 6, areAllOurs: false },
  { tagged: 5, registered: 2, all: 8, areAllOurs: false },
  // An index that has not caught up yet may hide anything.
  { tagged: 6, registered: 0, all: 5, areAllOurs: false },
])(
  '$tagged Consents of ours and $registered registered among $all: the store is ours alone, $areAllOurs',
  async ({ tagged, registered, all, areAllOurs }) => {
    const counted = await countConsents(
      { runId: '20261120T060000Z-7f3a' },
      {
        countTagged: () => Promise.resolve(tagged),
        countRegistered: () => Promise.resolve(registered),
        countAll: () => Promise.resolve(all),
      },
    );
    expect(counted).toEqual({ consents: tagged, areAllOurs });
  },
);
