import { describe, expect, it, test } from '@jest/globals';
import {
  percentOf,
  reasonsToHold,
  type PlausibilityLimits,
  type RunTotals,
} from '../../../shared/ndop/plausibility.ts';

const limits: PlausibilityLimits = {
  rateGateFrom: 500,
  maxOptOutPercent: 15,
  maxChangePoints: 2,
  maxDeactivations: 50,
};
const noChanges = { activate: 0, deactivate: 0, create: 0, update: 0, retire: 0 };

/** A run of a thousand people of whom 5.4 % have opted out, as in the run before. */
const usual: RunTotals = {
  optedOut: 54,
  notOptedOut: 946,
  previousOptedOut: 54,
  previousRows: 1000,
  changes: noChanges,
  duplicates: 0,
  parts: [],
};
const hold = (totals: Partial<RunTotals>) => reasonsToHold({ ...usual, ...totals }, limits);
const share = (optedOut: number, of: number) => ({ optedOut, notOptedOut: of - optedOut });
const noEarlierRun = { previousOptedOut: 0, previousRows: 0 };

it('holds nothing that looks as usual', () => {
  expect(hold({})).toEqual([]);
  expect(hold(noEarlierRun)).toEqual([]);
});

describe('the share of opted-out people', () => {
  test.each([
    { ...share(0, 500), reasons: ['nobody of 500 people is opted out'] },
    { ...share(0, 499), reasons: [] },
    { ...share(1, 500), reasons: [] },
    { ...share(75, 500), reasons: [] },
    { ...share(76, 500), reasons: ['15.2 % are opted out, above the limit of 15 %'] },
    { ...share(499, 499), reasons: [] },
    { ...share(500, 500), reasons: ['100.0 % are opted out, above the limit of 15 %'] },
    { ...share(0, 0), reasons: [] },
  ])('$optedOut of $optedOut + $notOptedOut in a first run: $reasons', ({ optedOut, notOptedOut, reasons }) => {
    expect(hold({ optedOut, notOptedOut, ...noEarlierRun })).toEqual(reasons);
  });
});

describe('its change since the run before', () => {
  test.each([
    { before: 54, now: 74, reasons: [] },
    { before: 54, now: 75, reasons: ['the share moved from 5.4 % to 7.5 %, more than 2 points'] },
    { before: 54, now: 34, reasons: [] },
    { before: 54, now: 33, reasons: ['the share moved from 5.4 % to 3.3 %, more than 2 points'] },
  ])('from $before to $now in a thousand: $reasons', ({ before, now, reasons }) => {
    expect(hold({ ...share(now, 1000), previousOptedOut: before })).toEqual(reasons);
  });

  it('is not judged where either run has few people', () => {
    expect(hold({ ...share(100, 1000), previousOptedOut: 1, previousRows: 499 })).toEqual([]);
    expect(hold({ ...share(49, 499), previousOptedOut: 10 })).toEqual([]);
    expect(hold({ ...share(100, 1000), previousOptedOut: 5, previousRows: 500 })).toHaveLength(1);
  });
});

describe('people who are no longer opted out', () => {
  it('may be as many as the limit', () => {
    expect(hold({ changes: { ...noChanges, deactivate: 50 } })).toEqual([]);
    expect(hold({ changes: { ...noChanges, deactivate: 51 } })).toEqual([
      '51 people are no longer opted out, above the limit of 50',
    ]);
  });

  it('are counted in a small run too', () => {
    expect(hold({ ...share(0, 60), ...noEarlierRun, changes: { ...noChanges, deactivate: 51 } })).toHaveLength(1);
  });

  it('and people to be retired count, each for themselves: new opt-outs, new people and rewrites have no limit', () => {
    expect(hold({ changes: { activate: 999, deactivate: 0, create: 999, update: 999, retire: 50 } })).toEqual([]);
    expect(hold({ changes: { ...noChanges, deactivate: 50, retire: 51 } })).toEqual([
      '51 people are to be retired, above the limit of 50',
    ]);
  });
});

const partOf = (part: number, optedOut: number, notOptedOut: number, previousOptedOut = 0, previousRows = 0) => ({
  part,
  ...{ optedOut, notOptedOut, previousOptedOut, previousRows },
  largestEmptyAnswer: notOptedOut === 0 ? optedOut : 0,
});

it('holds an empty answer to more than twenty people, part by part', () => {
  expect(hold({ parts: [partOf(1, 20, 0), partOf(2, 21, 0), partOf(4, 300, 0)] })).toEqual([
    'the answer to part 2 (21 people) is empty',
    'the answer to part 4 (300 people) is empty',
  ]);
});

it('holds an empty answer to a piece of a part, which the totals of the part do not show', () => {
  const part = { ...partOf(3, 60, 940, 50, 1000), largestEmptyAnswer: 62 };
  expect(hold({ parts: [part] })).toEqual(['the answer to part 3 (62 people) is empty']);
});

it('judges the rates of each of several parts, so that one cut answer is not lost in the totals of many', () => {
  const usualPart = (part: number) => partOf(part, 5_400, 94_600, 5_400, 100_000);
  const parts = [usualPart(1), partOf(2, 35_400, 64_600, 5_400, 100_000), usualPart(3), partOf(4, 0, 600, 30, 600)];
  expect(hold({ parts })).toEqual([
    'in part 2, 35.4 % are opted out, above the limit of 15 %',
    'in part 2, the share moved from 5.4 % to 35.4 %, more than 2 points',
    'in part 4, nobody of 600 people is opted out',
    'in part 4, the share moved from 5.0 % to 0.0 %, more than 2 points',
  ]);
  expect(hold({ parts: [partOf(2, 35_400, 64_600)] })).toEqual([]);
});

it('holds answers that repeat a person', () => {
  expect(hold({ duplicates: 1 })).toEqual(['1 rows of the answers repeat a person']);
});

it('gives every reason at once', () => {
  const all = hold({
    ...share(1000, 1000),
    changes: { ...noChanges, deactivate: 51 },
    duplicates: 2,
    parts: [partOf(1, 1000, 0)],
  });
  expect(all).toHaveLength(5);
});

test.each([
  { count: 0, total: 0, percent: 0 },
  { count: 1, total: 4, percent: 25 },
  { count: 3, total: 3, percent: 100 },
])('$count of $total is $percent %', ({ count, total, percent }) => {
  expect(percentOf(count, total)).toBe(percent);
});
