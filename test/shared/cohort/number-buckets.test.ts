import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { NumberBuckets, type NumberBucketsOptions } from '../../../shared/cohort/number-buckets.ts';
import { syntheticNumbers } from '../../support/nhs-numbers.ts';

interface Patient {
  readonly nhsNumber: number;
  readonly patientId: string;
  readonly isReplaced: boolean;
}

const opened: NumberBuckets[] = [];
afterEach(() => {
  for (const buckets of opened.splice(0)) buckets.close();
});

function bucketsOf(patients: Iterable<Patient>, options?: NumberBucketsOptions): NumberBuckets {
  const buckets = new NumberBuckets(options);
  opened.push(buckets);
  for (const { nhsNumber, patientId, isReplaced } of patients) {
    // Somewhere in other bytes, as in a file.
    const bytes = Buffer.from(`x${patientId}x`);
    buckets.add(nhsNumber, bytes, 1, 1 + patientId.length, isReplaced);
  }
  return buckets;
}

const sortedOf = (buckets: NumberBuckets): Patient[] =>
  Array.from(buckets.sorted(), ({ nhsNumber, isReplaced, bytes, idStart, idEnd }) => ({
    nhsNumber,
    isReplaced,
    patientId: bytes.toString('latin1', idStart, idEnd),
  }));

/** The rule, said once more. */
function chosen(patients: readonly Patient[]): Patient[] {
  const rank = ({ patientId, isReplaced }: Patient) => Number(isReplaced) * 2 + Number(patientId === '');
  const best = new Map<number, Patient>();
  for (const patient of patients) {
    const known = best.get(patient.nhsNumber);
    const isBetter =
      !known || rank(patient) < rank(known) || (rank(patient) === rank(known) && patient.patientId < known.patientId);
    if (isBetter) best.set(patient.nhsNumber, patient);
  }
  return [...best.values()].sort((one, other) => one.nhsNumber - other.nhsNumber);
}

// Bounds of buckets among them, and few enough that they repeat.
const anyNumber = fc.oneof(
  fc.constantFrom(0, 1, 9_999_999, 10_000_000, 4_010_000_000, 9_990_000_000, 9_999_999_999),
  fc.integer({ min: 400_000_000, max: 400_000_030 }).map((stem) => stem * 10),
);
const anyPatients = fc.array(
  fc.record({
    nhsNumber: anyNumber,
    patientId: fc.oneof(
      fc.constant(''),
      fc.constantFrom('a', 'b', 'x'.repeat(64)),
      fc.stringMatching(/^[a-z0-9]{1,9}$/),
    ),
    isReplaced: fc.boolean().map((either) => either),
  }),
  { maxLength: 120 },
);
describe('patients by number', () => {
  it('come sorted, each number once, by one rule, in memory and from the file, in one round or many', () => {
    fc.assert(
      fc.property(anyPatients, (patients) => {
        const expected = chosen(patients);
        for (const options of [
          {},
          { blockBytes: 68 },
          { blockBytes: 200, roundBytes: 1 },
          { blockBytes: 200, roundBytes: 600 },
        ]) {
          const buckets = bucketsOf(patients, options);
          expect(sortedOf(buckets)).toEqual(expected);
          buckets.close();
        }
      }),
      { numRuns: 150 },
    );
  });

  it('are found by id, with every number, in memory and from the file', () => {
    fc.assert(
      fc.property(anyPatients, (patients) => {
        const found = (all: Iterable<{ patientId: string; nhsNumber: number }>) =>
          Array.from(all, ({ patientId, nhsNumber }) => `${patientId} ${nhsNumber}`).sort();
        const expected = found(patients.filter(({ patientId }) => ['a', 'b'].includes(patientId)));
        for (const options of [{}, { blockBytes: 68 }]) {
          const buckets = bucketsOf(patients, options);
          expect(found(buckets.numbersOf(new Set(['a', 'b', 'nobody'])))).toEqual(expected);
          buckets.close();
        }
      }),
      { numRuns: 100 },
    );
  });

  it('may be read after each other: found by id, added to, sorted', () => {
    const numbers = syntheticNumbers(300);
    const patients = numbers.map((nhsNumber, index) => ({ nhsNumber, patientId: `p${index}`, isReplaced: false }));
    const buckets = bucketsOf(patients.slice(0, 200), { blockBytes: 100 });
    expect([...buckets.numbersOf(new Set(['p7']))]).toEqual([{ patientId: 'p7', nhsNumber: numbers[7]! }]);
    for (const { nhsNumber, patientId } of patients.slice(200)) {
      buckets.add(nhsNumber, Buffer.from(patientId), 0, patientId.length);
    }
    expect(sortedOf(buckets)).toEqual(chosen(patients));
  });
});

describe('the temporary file', () => {
  const before = new Set(readdirSync(tmpdir()));
  const newFiles = () => readdirSync(tmpdir()).filter((name) => name.startsWith('cohort-') && !before.has(name));
  const patients = syntheticNumbers(2000).map((nhsNumber) => ({ nhsNumber, patientId: 'p', isReplaced: false }));

  it('is not needed by a cohort that fits the blocks', () => {
    expect(bucketsOf(patients).spilledBytes).toBe(0);
  });

  it('has no name, so that nothing can be left behind', () => {
    const buckets = bucketsOf(patients, { blockBytes: 68 });
    expect(buckets.spilledBytes).toBeGreaterThan(1000);
    expect(newFiles()).toEqual([]);
  });

  it.each(['ENOSPC', 'EDQUOT'])('that finds no room (%s) says what to do, and no number', (code) => {
    const write = () => {
      throw Object.assign(new Error(`${code}: write`), { code });
    };
    const failure = failureOf(() => bucketsOf(patients, { blockBytes: 68, write }));
    expect(failure).toMatchObject({
      name: 'TemporaryStorageFull',
      message: expect.stringMatching(/ephemeral storage/),
    });
    expect(String(failure)).not.toMatch(/\d{9}/);
  });

  it('that cannot be written for another reason is a defect', () => {
    const write = () => {
      throw Object.assign(new Error('EIO: write'), { code: 'EIO' });
    };
    expect(() => bucketsOf(patients, { blockBytes: 68, write })).toThrow('EIO: write');
  });
});

function failureOf(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}
