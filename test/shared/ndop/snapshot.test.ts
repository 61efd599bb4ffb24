import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { readManifest } from '../../../shared/ndop/read-manifest.ts';
import { readRecord, writeRecord, type PersonRecord } from '../../../shared/ndop/snapshot.ts';
import { emptySnapshot, entriesWithin, faultsOf, type SnapshotEntry } from '../../../shared/ndop/snapshot-manifest.ts';
import { wholeNumberLine } from '../../../shared/ndop/number-range.ts';
import { sha256 } from '../../support/bodies.ts';
import { anyPeople } from '../../support/nhs-numbers.ts';

const anyTime = fc
  .date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());

const anyFields = fc.record(
  {
    status: fc.constantFrom('active' as const, 'inactive' as const),
    since: anyTime,
    optedOutSince: anyTime,
    patientHash: fc.constantFrom('', '0123456789ab', 'f64551fcd6f0'),
    outOfCohortSince: anyTime,
  },
  { requiredKeys: ['status', 'since', 'patientHash'] },
);
/** Records of some people, sorted. */
const anyRecords = fc
  .tuple(anyPeople(20), fc.array(anyFields, { minLength: 20, maxLength: 20 }))
  .map(([numbers, fields]) => numbers.map((nhsNumber, index): PersonRecord => ({ nhsNumber, ...fields[index]! })));

describe('the records of a snapshot file', () => {
  const record: PersonRecord = {
    nhsNumber: 101010001,
    status: 'active',
    since: '2026-03-02T02:38:55Z',
    optedOutSince: '2026-03-02T02:38:55Z',
    patientHash: '0123456789ab',
    outOfCohortSince: '2026-09-01T02:41:07Z',
  };

  it('are lines of six fields', () => {
    expect(writeRecord(record)).toBe(
      '0101010001,active,2026-03-02T02:38:55Z,2026-03-02T02:38:55Z,0123456789ab,2026-09-01T02:41:07Z\n',
    );
    expect(writeRecord({ nhsNumber: 9993395633, status: 'inactive', since: 'S', patientHash: '' })).toBe(
      '9993395633,inactive,S,,,\n',
    );
  });

  it('read back are what was written', () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        expect(records.map((one) => readRecord(writeRecord(one).trimEnd()))).toEqual(records);
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    { line: '', because: 'nothing' },
    { line: '9993395633,active,S,,', because: 'a field too few' },
    { line: '9993395633,active,S,,,,', because: 'a field too many' },
    { line: '999339563,active,S,,,', because: 'nine digits' },
    { line: '9993395633,rejected,S,,,', because: 'another status' },
    { line: '9993395633,active,,,,', because: 'no date' },
    { line: '9993395633,active,S,,0123456X,', because: 'a hash that is none' },
  ])('are refused with $because', ({ line }) => {
    expect(() => readRecord(line)).toThrow(expect.objectContaining({ name: 'FileAltered' }));
  });
});

const entry = (from: number, to: number): SnapshotEntry => ({
  from,
  to,
  key: `snapshots/run/part-${from}.csv.gz`,
  sha256: 'abc',
  rows: 10,
  optedOut: 1,
  asAt: '2026-03-02T02:38:55Z',
  sentAt: '2026-03-02T02:00:00Z',
  modelVersion: 1,
});
const manifest = { runId: 'run', entries: [entry(0, 100), entry(100, 200), entry(200, 300)] };

describe('the entries that bear on a range', () => {
  test.each([
    {
      from: 0,
      to: 300,
      within: [
        [0, 100],
        [100, 200],
        [200, 300],
      ],
    },
    { from: 100, to: 200, within: [[100, 200]] },
    {
      from: 50,
      to: 250,
      within: [
        [50, 100],
        [100, 200],
        [200, 250],
      ],
    },
    { from: 120, to: 130, within: [[120, 130]] },
    {
      from: 199,
      to: 201,
      within: [
        [199, 200],
        [200, 201],
      ],
    },
    { from: 300, to: 400, within: [] },
    { from: 150, to: 150, within: [] },
  ])('$from to $to are $within, each clipped', ({ from, to, within }) => {
    expect(entriesWithin(manifest, { from, to })).toEqual(
      within.map(([start = 0, end = 0]) => ({ ...entry(Math.floor(start / 100) * 100, 0), from: start, to: end })),
    );
  });

  it('are none in an empty snapshot', () => {
    expect(entriesWithin(emptySnapshot, wholeNumberLine)).toEqual([]);
  });

  it('cover exactly what both cover', () => {
    fc.assert(
      fc.property(fc.nat(350), fc.nat(350), fc.nat(350), (a, b, point) => {
        const range = { from: Math.min(a, b), to: Math.max(a, b) };
        const holding = entriesWithin(manifest, range).filter(({ from, to }) => point >= from && point < to);
        expect(holding).toHaveLength(point >= range.from && point < range.to && point < 300 ? 1 : 0);
      }),
    );
  });
});

describe('reading a manifest', () => {
  const key = 'snapshots/r/manifest-1.json';
  const files = (content: string | undefined) => ({
    find: () => Promise.resolve(content === undefined ? undefined : Buffer.from(content)),
  });
  const given = (entries: readonly object[]) => JSON.stringify({ runId: 'run', entries });
  const [first, second, third] = [entry(0, 100), entry(100, 200), entry(200, 300)];

  it('gives an empty snapshot before the first run has completed', async () => {
    expect(await readManifest(files(undefined), undefined)).toEqual({ runId: '', entries: [] });
  });

  it('gives what was written and recorded', async () => {
    const content = JSON.stringify(manifest);
    expect(await readManifest(files(content), { key, sha256: sha256(content) })).toEqual(manifest);
  });

  it('gives what was written for a run that was opened before the proof was kept', async () => {
    expect(await readManifest(files(JSON.stringify(manifest)), { key })).toEqual(manifest);
  });

  test.each([
    { name: 'FileMissing', content: undefined },
    { name: 'FileAltered', content: '' },
    { name: 'FileAltered', content: '{"runId":"r","entries":[{"from":1}]}' },
    { name: 'FileAltered', content: 'not JSON' },
  ])('refuses $content as $name, naming the key and what to do', async ({ name, content }) => {
    await expect(readManifest(files(content), { key })).rejects.toMatchObject({
      name,
      message: expect.stringMatching(/^snapshots\/r\/manifest-1\.json .*npm run ops -- snapshot verify/),
    });
  });

  it('refuses a manifest of which one character has changed', async () => {
    const content = JSON.stringify(manifest);
    await expect(
      readManifest(files(content.replace('"optedOut":1', '"optedOut":2')), { key, sha256: sha256(content) }),
    ).rejects.toMatchObject({ name: 'FileAltered', message: expect.stringContaining('its bytes have changed') });
  });

  test.each([
    { entries: [second, first], says: 'entry 2 (snapshots/run/part-0.csv.gz) comes after, and begins before, entry 1' },
    { entries: [first, entry(50, 200)], says: 'entry 2 (snapshots/run/part-50.csv.gz) overlaps entry 1' },
    { entries: [first, first], says: 'entry 2 (snapshots/run/part-0.csv.gz) overlaps entry 1' },
    {
      entries: [first, { ...second, from: 99, key: first.key }],
      says: 'entry 2 (snapshots/run/part-0.csv.gz) overlaps entry 1',
    },
    { entries: [first, { ...second, to: 100 }], says: 'entry 2 (snapshots/run/part-100.csv.gz) ends before it begins' },
    { entries: [{ ...first, from: -1 }], says: 'entry 1 (snapshots/run/part-0.csv.gz) lies off the number line' },
    { entries: [{ ...first, to: 10_000_000_001 }], says: 'lies off the number line' },
    { entries: [{ ...first, from: 0.5 }], says: 'lies off the number line' },
    { entries: [{ ...first, optedOut: 11 }], says: 'holds counts that cannot be' },
    { entries: [{ ...first, rows: -1, optedOut: -2 }], says: 'holds counts that cannot be' },
    { entries: [{ ...first, rows: 1.5 }], says: 'holds counts that cannot be' },
    { entries: [{ ...first, asAt: 'yesterday' }], says: 'holds a time that is none' },
    {
      entries: [first, second, { ...third, key: first.key, rows: 11 }],
      says: 'entry 3 (snapshots/run/part-0.csv.gz) says other things of its file than entry 1',
    },
  ])('refuses entries of which $says', async ({ entries, says }) => {
    await expect(readManifest(files(given(entries)), { key })).rejects.toMatchObject({
      name: 'SnapshotInconsistent',
      message: expect.stringContaining(says),
    });
  });

  it('takes one file for several stretches of the number line, and gaps', async () => {
    const entries = [first, { ...third, key: first.key }, { ...entry(500, 600), key: first.key }];
    expect((await readManifest(files(given(entries)), { key })).entries).toEqual(entries);
  });

  it('takes any manifest that is cut to ranges of a manifest it takes', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(300), { minLength: 2, maxLength: 12 }), (places) => {
        const cuts = places.sort((a, b) => a - b);
        const ranges = cuts.slice(1).map((to, index) => ({ from: cuts[index]!, to }));
        const entries = ranges.flatMap((range) => entriesWithin(manifest, range));
        expect(faultsOf({ runId: 'next', entries })).toEqual([]);
      }),
    );
  });
});
