import { expect, it, test } from '@jest/globals';
import { snapshotAge, snapshotAgeText } from '../../../shared/ndop/snapshot-age.ts';
import { ageUnknown, type SnapshotEntry } from '../../../shared/ndop/snapshot-manifest.ts';

const at = '2026-09-25T00:00:00.000Z';
const options = { closedAt: '2026-09-24T12:00:00.000Z', at, maxAgeDays: 21 };

function stretch(sentAt: string, rows = 2, expiredAt?: string): SnapshotEntry {
  return {
    ...{ from: 0, to: 10_000_000_000, key: 'snapshots/run/part-0001.1.csv.gz', sha256: 'a', rows, optedOut: 0 },
    ...{ asAt: sentAt, sentAt, modelVersion: 1, ...(expiredAt === undefined ? {} : { expiredAt }) },
  };
}

test.each([
  { sentAt: '2026-09-24T00:00:00.000Z', days: 1, expired: 0 },
  { sentAt: '2026-09-04T00:00:00.000Z', days: 21, expired: 0 },
  { sentAt: '2026-09-03T00:00:00.000Z', days: 22, expired: 1 },
  { sentAt: ageUnknown, days: 20_721, expired: 1 },
])('an answer that was asked for on $sentAt is $days days old', ({ sentAt, days, expired }) => {
  expect(snapshotAge({ runId: 'run', entries: [stretch(sentAt)] }, options)).toEqual({
    ...{ oldestAnswerDays: days, lastRunDays: 0.5, stretches: 1, expired },
  });
});

it('leaves stretches without people out', () => {
  const entries = [stretch('2026-01-01T00:00:00.000Z', 0), stretch('2026-09-20T00:00:00.000Z')];
  expect(snapshotAge({ runId: 'run', entries }, options)).toMatchObject({
    oldestAnswerDays: 5,
    stretches: 1,
    expired: 0,
  });
});

it('is told to a person in three sentences', () => {
  const entries = [stretch('2026-09-01T00:00:00.000Z', 2, at), stretch('2026-09-20T12:00:00.000Z')];
  expect(snapshotAgeText(snapshotAge({ runId: 'run', entries }, options))).toBe(
    [
      'The oldest answer that vouches for somebody was asked for 4.5 days ago.',
      'The last run closed 0.5 days ago.',
      '1 of 2 stretches of the snapshot have expired.',
    ].join('\n'),
  );
});

it('says what consumers have to do where nothing vouches for anybody', () => {
  const entries = [stretch('2026-09-01T00:00:00.000Z', 2, at)];
  expect(snapshotAgeText(snapshotAge({ runId: 'run', entries }, options))).toContain(
    'consumers withhold from everybody',
  );
});
