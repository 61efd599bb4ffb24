import { afterAll, describe, expect, it, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasValidCheckDigit, readNhsNumber } from '../../../shared/ndop/nhs-number.ts';
import { fileKind, writeDataSet, type DataFile, type DataSet } from './data-set.ts';
import { inventPeople, mostPeople, nthTestNumber } from './people.ts';

describe('invented people', () => {
  test.each([{ count: 1 }, { count: 17 }, { count: 5000 }])(
    '$count of them have distinct, rising, valid test numbers',
    ({ count }) => {
      const people = inventPeople(count, 3);
      const numbers = Array.from({ length: count }, (_, place) => people.nhsNumber(place));
      expect(new Set(numbers).size).toBe(count);
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      for (const number of numbers) {
        expect(readNhsNumber(String(number), ['test'])).toEqual({ nhsNumber: String(number) });
      }
    },
  );

  it('may be as many as the test block gives, the last as valid as the first', () => {
    const people = inventPeople(mostPeople, 1);
    for (const place of [0, 1, 60_000_000, mostPeople - 2, mostPeople - 1]) {
      expect(hasValidCheckDigit(people.nhsNumber(place))).toBe(true);
      expect(people.nhsNumber(place)).toBe(nthTestNumber(place));
    }
    expect(people.nhsNumber(mostPeople - 1)).toBeLessThan(9_999_999_999);
  });

  test.each([{ count: 1 }, { count: 2 }, { count: 1000 }, { count: 4097 }])(
    'shuffling $count places meets each of them once',
    ({ count }) => {
      const { shuffled } = inventPeople(count, 9);
      const places = Array.from({ length: count }, (_, place) => shuffled(place));
      expect(new Set(places)).toEqual(new Set(Array.from({ length: count }, (_, place) => place)));
      if (count > 100) expect(places).not.toEqual(places.toSorted((a, b) => a - b));
    },
  );

  it('are others with another seed', () => {
    const [one, other] = [inventPeople(1000, 1), inventPeople(1000, 2)];
    expect(one.nhsNumber(500)).not.toBe(other.nhsNumber(500));
    expect(one.patientId(500)).not.toEqual(other.patientId(500));
  });
});

describe('the files of a data set', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ndop-data-set-'));
  const data = writeDataSet({ directory, rows: 1000, partRows: 300, seed: 5, kinds: new Set(fileKind.options) });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it('hold everybody in the cohort, and in the reply whoever has not opted out', () => {
    const asked = data.parts.flatMap(({ files }) => linesOf(files.cohort));
    const returned = data.parts.flatMap(({ files }) => linesOf(files.reply));
    expect(asked).toHaveLength(1000);
    expect(returned).toHaveLength(1000 - data.optedOut);
    expect(asked).toEqual(expect.arrayContaining(returned.map((line) => line.trimEnd())));
    expect(data.optedOut).toBeGreaterThan(20);
    expect(data.optedOut).toBeLessThan(100);
  });

  it('hold the same people in the cohort file, in another order', () => {
    const [header, ...rows] = linesOf(data.files['cohort-csv']);
    const people = data.parts.flatMap(({ files }) => linesOf(files.people));
    expect(header).toBe('nhsNumber,patientId');
    expect(rows).not.toEqual(people);
    expect(rows.toSorted()).toEqual(people);
    for (const row of rows)
      expect(row).toMatch(/^9\d{9},[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('tile the number line with ranges that hold their people', () => {
    for (const [index, { from, to, files }] of data.parts.entries()) {
      expect(from).toBe(data.parts[index - 1]?.to ?? 0);
      for (const line of linesOf(files.cohort)) {
        expect(Number(line.slice(0, 10))).toBeGreaterThanOrEqual(from);
        expect(Number(line.slice(0, 10))).toBeLessThan(to);
      }
    }
    expect(data.parts.at(-1)?.to).toBe(10_000_000_000);
  });

  it('are the same when they are written again', () => {
    const again = mkdtempSync(join(tmpdir(), 'ndop-data-set-'));
    const { right, parts, files } = writeDataSet({
      ...{ directory: again, rows: 1000, partRows: 300, seed: 5, kinds: new Set(fileKind.options) },
    });
    rmSync(again, { recursive: true });
    expect(right).toEqual(data.right);
    expect(hashesOf({ ...data, parts, files })).toEqual(hashesOf(data));
  });
});

function linesOf(file: DataFile | undefined): string[] {
  return readFileSync(file!.path, 'latin1').trimEnd().split('\n');
}

function hashesOf({ parts, files }: DataSet): string[] {
  return [files, ...parts.map((part) => part.files)].flatMap((some) => Object.values(some).map(({ sha256 }) => sha256));
}
