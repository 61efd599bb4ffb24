import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { readManifest } from '../../../shared/ndop/read-manifest.ts';
import { readRecords, writeRecord, type PersonRecord } from '../../../shared/ndop/snapshot.ts';
import { emptySnapshot, entriesWithin, type SnapshotEntry } from '../../../shared/ndop/snapshot-manifest.ts';
import { wholeNumberLine } from '../../../shared/ndop/number-range.ts';
import { anyPieces, bodyOf, listed } from '../../support/bodies.ts';
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

  it('read back are what was written, wherever chunks are cut', async () => {
    await fc.assert(
      fc.asyncProperty(anyRecords, anyPieces, async (records, pieces) => {
        const body = bodyOf(records.map(writeRecord).join(''), pieces);
        expect(await listed(readRecords(body, wholeNumberLine))).toEqual(records);
      }),
      { numRuns: 60 },
    );
  });

  it('are read from a range with its start and without its end', async () => {
    const people = [9990506310, 9990759545, 9993395633].map((nhsNumber) => ({ ...record, nhsNumber }));
    const body = people.map(writeRecord).join('');
    const read = async (from: number, to: number) =>
      (await listed(readRecords(bodyOf(body), { from, to }))).map(({ nhsNumber }) => nhsNumber);
    expect(await read(9990506310, 9993395633)).toEqual([9990506310, 9990759545]);
    expect(await read(9990506311, 9993395634)).toEqual([9990759545, 9993395633]);
    expect(await read(0, 1)).toEqual([]);
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
  const files = (content: string | undefined) => ({
    find: () => Promise.resolve(content === undefined ? undefined : Buffer.from(content)),
  });

  it('gives an empty snapshot before the first run has completed', async () => {
    expect(await readManifest(files(undefined), undefined)).toEqual({ runId: '', entries: [] });
  });

  it('gives what was written', async () => {
    expect(await readManifest(files(JSON.stringify(manifest)), 'key')).toEqual(manifest);
  });

  test.each([
    { name: 'FileMissing', content: undefined },
    { name: 'FileAltered', content: '' },
    { name: 'FileAltered', content: '{"runId":"r","entries":[{"from":1}]}' },
    { name: 'FileAltered', content: 'not JSON' },
  ])('refuses $content as $name, naming the key', async ({ name, content }) => {
    await expect(readManifest(files(content), 'snapshots/r/manifest-1.json')).rejects.toMatchObject({
      name,
      message: expect.stringContaining('snapshots/r/manifest-1.json'),
    });
  });
});
