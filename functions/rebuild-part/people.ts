import { Readable } from 'node:stream';
import { collect } from '../../shared/collect.ts';
import type { Files } from '../../shared/files.ts';
import type { Part } from '../../shared/ledger/parts.ts';
import { changePasses, readChanges } from '../../shared/ndop/changes.ts';
import type { CohortPart } from '../../shared/ndop/cohort-part.ts';
import type { NumberRange } from '../../shared/ndop/number-range.ts';
import { unlessLost } from '../../shared/ndop/read-manifest.ts';
import { recordsIn } from '../../shared/ndop/read-snapshot.ts';
import type { PersonRecord } from '../../shared/ndop/snapshot.ts';
import type { SnapshotEntry } from '../../shared/ndop/snapshot-manifest.ts';

/** Somebody who may have a Consent. */
export interface Person {
  readonly nhsNumber: number;
  /** Empty where the cohort gives none, and for whoever is not in it. */
  readonly patientId: string;
  readonly isInCohort: boolean;
  readonly outOfCohortSince?: string;
}

/** Where else than in the cohort there are people who may have a Consent: what is said of their opt-outs is not believed. */
export interface FormerPeople {
  readonly entries: readonly SnapshotEntry[];
  /** Sorted numbers of those about whom a run wrote that stopped. */
  readonly writtenAbout: readonly number[];
  readonly files: Pick<Files, 'openVerified'>;
}

/**
 * The people of a part, sorted: those of the cohort, and those who are not in it but in an earlier snapshot, as far as that
 * can still be read, or about whom a run wrote that stopped.
 *
 * @param from the first number that is of interest
 */
export async function* peopleOf(
  cohort: CohortPart,
  from: number,
  { entries, writtenAbout, files }: FormerPeople,
): AsyncGenerator<Person> {
  const inCohort = peopleIn(cohort, from);
  let next = inCohort.next();
  for await (const { nhsNumber, outOfCohortSince } of alsoNamed(readableRecords(entries, files), writtenAbout)) {
    for (; !next.done && next.value.nhsNumber < nhsNumber; next = inCohort.next()) yield next.value;
    if (!next.done && next.value.nhsNumber === nhsNumber) continue;
    yield { nhsNumber, patientId: '', isInCohort: false, ...(outOfCohortSince ? { outOfCohortSince } : {}) };
  }
  for (; !next.done; next = inCohort.next()) yield next.value;
}

type Named = Pick<PersonRecord, 'nhsNumber' | 'outOfCohortSince'>;

/** The records, and further numbers between them, each once. */
async function* alsoNamed(records: AsyncIterable<Named>, further: readonly number[]): AsyncGenerator<Named> {
  let next = 0;
  for await (const record of records) {
    for (let number = further[next]; number !== undefined && number <= record.nhsNumber; number = further[next]) {
      if (number < record.nhsNumber) yield { nhsNumber: number };
      next += 1;
    }
    yield record;
  }
  for (const nhsNumber of further.slice(next)) yield { nhsNumber };
}

/** Whom the changes of a run name within a range, sorted, each once; none where its files are gone. */
export async function peopleWrittenAbout(
  parts: readonly Part[],
  range: NumberRange,
  files: Pick<Files, 'openVerified'>,
): Promise<number[]> {
  const numbers = new Set<number>();
  for (const { from, to, reconciled } of parts) {
    if (!reconciled || from >= range.to || to <= range.from) continue;
    for (const file of changePasses.flatMap((pass) => reconciled.changeFiles[pass])) {
      const body = await unlessLost(files.openVerified(file).then(collect));
      for await (const { optOut } of readChanges(Readable.from(body ? [body] : []))) {
        if (optOut.nhsNumber >= range.from && optOut.nhsNumber < range.to) numbers.add(optOut.nhsNumber);
      }
    }
  }
  return [...numbers].sort((a, b) => a - b);
}

/** A number that is asked about only for another's sake has no Consent of its own. */
function* peopleIn(cohort: CohortPart, from: number): Generator<Person> {
  for (const [place, nhsNumber] of cohort.nhsNumbers.entries()) {
    if (nhsNumber < from || !cohort.isPerson(place)) continue;
    yield { nhsNumber, patientId: cohort.patientIdAt(place), isInCohort: true };
  }
}

async function* readableRecords(
  entries: readonly SnapshotEntry[],
  files: Pick<Files, 'openVerified'>,
): AsyncGenerator<PersonRecord> {
  for (const entry of entries) {
    // Read whole, so that a file that is not what the ledger recorded says nothing of anybody.
    const file = await unlessLost(files.openVerified(entry).then(collect));
    if (file) yield* recordsIn(file, entry);
  }
}
