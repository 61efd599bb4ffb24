import { LinkedPatients } from './linked-patients.ts';
import { NumberBuckets } from './number-buckets.ts';
import { PartCutter, type CutPart } from './part-cutter.ts';
import { RowSorter, type CohortRules, type RowRefusal } from './row-sorter.ts';
import { scanCsv, type ScannedRow } from './scan-csv.ts';

export interface BuildRules extends CohortRules {
  /** Numbers that a part asks about at most. */
  readonly partRows: number;
}

/** Where the parts and the rows that were set aside go. */
export interface BuildOutlets {
  /** `row,reason,patientId` and LF for each row; reading this to its end is what reads the cohort. */
  readonly writeQuarantine: (lines: AsyncIterable<Uint8Array>) => Promise<void>;
  /** Parts come in order, one at a time; a part's bytes are overwritten once this is done. */
  readonly writePart: (part: CutPart) => Promise<void>;
  /** How far the build is, in counts. */
  readonly progress?: (stage: string, counts: Readonly<Record<string, number>>) => void;
}

/** What the rows of a cohort came to: `rows = requested + duplicates + quarantined`. */
export interface CohortCounts {
  readonly rows: number;
  /** People: distinct valid numbers of rows that were not set aside, each of which stands for itself. */
  readonly requested: number;
  readonly duplicates: number;
  readonly quarantined: Partial<Record<RowRefusal, number>>;
  /** Distinct numbers that are asked about for another person's sake, whether or not they are a person's own as well. */
  readonly merged: number;
  /** How many times a patient is said to be replaced by somebody of whom the cohort has no valid number and no links. */
  readonly unresolvedLinks: number;
  /** Further numbers of patients that are not valid, and so are not asked about. */
  readonly invalidOtherNumbers: number;
  /** Distinct numbers that the service refused and that belong to a person with another number, who is held back by them. */
  readonly refusedOtherNumbers: number;
}

const quarantineChunk = 65_536;
const progressRows = 5_000_000;

/**
 * Builds the parts of a cohort of any size: reads its CSV files, sets aside whoever cannot be asked about, and gives the
 * others out in parts, sorted and each number once. Memory holds one part and a thousandth of the number line; the rest
 * lies in one temporary file until then.
 *
 * @throws PermanentError CohortColumnMissing, CohortUnreadable, TemporaryStorageFull: before any part is given out
 */
export async function buildParts(
  files: AsyncIterable<AsyncIterable<Uint8Array>>,
  rules: BuildRules,
  outlets: BuildOutlets,
): Promise<CohortCounts> {
  const people = new NumberBuckets();
  const aside = new NumberBuckets();
  try {
    const linked = new LinkedPatients();
    const sorter = new RowSorter(rules, people, linked, aside);
    const reading = { isDone: false };
    async function* quarantine(): AsyncGenerator<Uint8Array> {
      yield* readAll(files, sorter, outlets);
      reading.isDone = true;
    }
    await outlets.writeQuarantine(quarantine());
    // Whoever writes it may not stop early: rows behind that place would be lost.
    if (!reading.isDone) throw new Error('The cohort was not read to its end');
    outlets.progress?.('read', { rows: sorter.rows, spilledBytes: people.spilledBytes });

    for (const buckets of [people, aside]) {
      for (const { patientId, nhsNumber } of buckets.numbersOf(linked.patientIds))
        linked.addNumber(patientId, nhsNumber);
    }
    const groups = linked.groups(rules.refused);
    const requested = await giveOut(people, new PartCutter(rules.partRows, groups), outlets);
    const { asked, refused } = groups.count();
    return {
      rows: sorter.rows,
      requested,
      duplicates: sorter.rows - requested - sum([...sorter.quarantined.values()]),
      quarantined: Object.fromEntries(sorter.quarantined),
      merged: asked,
      unresolvedLinks: linked.unresolved,
      invalidOtherNumbers: sorter.invalidOthers,
      refusedOtherNumbers: refused,
    };
  } finally {
    people.close();
    aside.close();
  }
}

/** Reads every row of every file; gives the lines of the quarantine as they gather. */
async function* readAll(
  files: AsyncIterable<AsyncIterable<Uint8Array>>,
  sorter: RowSorter,
  { progress }: BuildOutlets,
): AsyncGenerator<Uint8Array> {
  let reported = 0;
  for await (const file of files) {
    const take = (row: ScannedRow) => {
      sorter.take(row);
    };
    for await (const rows of scanCsv(file, take, sorter.rows)) {
      if (sorter.quarantineLength >= quarantineChunk) yield Buffer.from(sorter.takeQuarantine());
      if (rows - reported < progressRows) continue;
      reported = rows;
      progress?.('reading', { rows });
    }
  }
  yield Buffer.from(sorter.takeQuarantine());
}

/** @returns how many people there are */
async function giveOut(people: NumberBuckets, cutter: PartCutter, outlets: BuildOutlets): Promise<number> {
  let requested = 0;
  for (const { nhsNumber, bytes, idStart, idEnd } of people.sorted()) {
    requested += 1;
    cutter.add(nhsNumber, bytes, idStart, idEnd);
    for (let part = cutter.next(); part; part = cutter.next()) await outlets.writePart(part);
  }
  const last = cutter.last();
  if (last) await outlets.writePart(last);
  return requested;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
