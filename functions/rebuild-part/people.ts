import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { collect } from '../../shared/collect.ts';
import type { Files } from '../../shared/files.ts';
import { readLines } from '../../shared/lines.ts';
import type { CohortPart } from '../../shared/ndop/cohort-part.ts';
import { unlessLost } from '../../shared/ndop/read-manifest.ts';
import { readRecord, type PersonRecord } from '../../shared/ndop/snapshot.ts';
import type { SnapshotEntry } from '../../shared/ndop/snapshot-manifest.ts';

/** Somebody who may have a Consent. */
export interface Person {
  readonly nhsNumber: number;
  /** Empty where the cohort gives none, and for whoever is not in it. */
  readonly patientId: string;
  readonly isInCohort: boolean;
  readonly outOfCohortSince?: string;
}

/**
 * The people of a part, sorted: those of the cohort, and those who have left it, as far as an earlier snapshot can still
 * be read. What it says of their opt-outs is not believed, only that they may have a Consent.
 *
 * @param from the first number that is of interest
 */
export async function* peopleOf(
  cohort: CohortPart,
  from: number,
  entries: readonly SnapshotEntry[],
  files: Pick<Files, 'openVerified'>,
): AsyncGenerator<Person> {
  const inCohort = peopleIn(cohort, from);
  let next = inCohort.next();
  for await (const { nhsNumber, outOfCohortSince } of readableRecords(entries, files)) {
    for (; !next.done && next.value.nhsNumber < nhsNumber; next = inCohort.next()) yield next.value;
    if (!next.done && next.value.nhsNumber === nhsNumber) continue;
    yield { nhsNumber, patientId: '', isInCohort: false, ...(outOfCohortSince ? { outOfCohortSince } : {}) };
  }
  for (; !next.done; next = inCohort.next()) yield next.value;
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
    if (!file) continue;
    for await (const line of readLines(Readable.from([file]).pipe(createGunzip()))) {
      const record = readRecord(line);
      if (record.nhsNumber >= entry.from && record.nhsNumber < entry.to) yield record;
    }
  }
}
