import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { localIdOf, parseLocalId, partName, runIdForm, runIdOf } from '../../../shared/ndop/run-id.ts';

const anyMoment = fc.date({ min: new Date('2020-01-01'), max: new Date('2099-12-31'), noInvalidDate: true });
const anyIdentity = fc.record({
  runId: fc.tuple(anyMoment, fc.string()).map(([moment, startedBy]) => runIdOf(moment, startedBy)),
  part: fc.integer({ min: 1, max: 99_999 }),
  attempt: fc.integer({ min: 1, max: 999 }),
});

describe('a run id', () => {
  it('is the moment in UTC to the second, and four digits of what started it', () => {
    const runId = runIdOf(new Date('2026-09-01T03:00:00.999+01:00'), 'ndop-weekly');
    expect(runId).toMatch(/^20260901T020000Z-[0-9a-f]{4}$/);
    expect(runId).toMatch(runIdForm);
  });

  it('is the same however often a schedule fires for one moment', () => {
    const moment = new Date('2026-09-01T02:00:00Z');
    expect(runIdOf(moment, 'ndop-weekly')).toBe(runIdOf(new Date(moment), 'ndop-weekly'));
    expect(runIdOf(moment, 'ndop-weekly')).not.toBe(runIdOf(moment, 'execution-1'));
    expect(runIdOf(moment, 'ndop-weekly')).not.toBe(runIdOf(new Date('2026-09-01T02:00:01Z'), 'ndop-weekly'));
  });

  it('is always of its form', () => {
    fc.assert(
      fc.property(anyMoment, fc.string(), (moment, startedBy) => {
        expect(runIdOf(moment, startedBy)).toMatch(runIdForm);
      }),
    );
  });
});

describe('a LocalID', () => {
  it('names run, part and attempt', () => {
    expect(localIdOf({ runId: '20260901T020000Z-7f3a', part: 7, attempt: 2 })).toBe(
      'NDOP-20260901T020000Z-7f3a-0007-2',
    );
  });

  it('has at most 60 characters, none of which MESH or the service trips over', () => {
    fc.assert(
      fc.property(anyIdentity, (identity) => {
        expect(localIdOf(identity)).toMatch(/^[A-Za-z0-9_-]{1,60}$/);
      }),
    );
  });

  it('read back gives the request that it names', () => {
    fc.assert(
      fc.property(anyIdentity, (identity) => {
        expect(parseLocalId(localIdOf(identity))).toEqual(identity);
      }),
    );
  });

  test.each([
    '',
    'NDOP-20260105T143000Z-01',
    'NDOP-20260901T020000Z-7f3a-0007',
    'NDOP-20260901T020000Z-7f3a-07-1',
    'NDOP-20260901T020000Z-7F3A-0007-1',
    'XNDOP-20260901T020000Z-7f3a-0007-1',
    'NDOP-20260901T020000Z-7f3a-0007-1-retry',
    'NDOP-20260901T020000Z-7f3a-0007-1\n',
  ])('"%s" is none of ours', (localId) => {
    expect(parseLocalId(localId)).toBeUndefined();
  });
});

test.each([
  { part: 1, name: 'part-0001' },
  { part: 9999, name: 'part-9999' },
  { part: 10_000, name: 'part-10000' },
])('part $part is called $name', ({ part, name }) => {
  expect(partName(part)).toBe(name);
});
