import { z } from 'zod';
import { batchesOf } from '../../shared/batches.ts';
import { batchSize } from '../../shared/fhir/batch.ts';
import { modelVersion, type ConsentOptions } from '../../shared/fhir/consent.ts';
import { consentIdOf } from '../../shared/fhir/consent-id.ts';
import { isTagged, recordOfConsent, recordOfOurs } from '../../shared/fhir/record-of-consent.ts';
import { collectGzipped } from '../../shared/collect.ts';
import type { Files } from '../../shared/files.ts';
import { inOrder } from '../../shared/in-order.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { Part, Parts } from '../../shared/ledger/parts.ts';
import { baseManifestOf, type Runs } from '../../shared/ledger/runs.ts';
import { readCohortPart } from '../../shared/ndop/cohort-part.ts';
import { boundaryBetween } from '../../shared/ndop/number-range.ts';
import { unlessLost } from '../../shared/ndop/read-manifest.ts';
import { patientHashOf, writeRecord } from '../../shared/ndop/snapshot.ts';
import {
  ageUnknown,
  emptySnapshot,
  entriesWithin,
  type ManifestFile,
  type SnapshotManifest,
} from '../../shared/ndop/snapshot-manifest.ts';
import { runFiles } from '../../shared/run-files.ts';
import { peopleOf, peopleWrittenAbout, type Person } from './people.ts';

export const rebuildPartInput = z.object({ runId: z.string(), execution: z.string(), part: z.number() });
export type RebuildPartInput = z.infer<typeof rebuildPartInput>;

export interface RebuildPartOutput {
  readonly part: number;
  /** Whether the whole part has been read; else the step is to be called again. */
  readonly isRebuilt: boolean;
  readonly active: number;
  readonly inactive: number;
}

export interface RebuildPartDeps {
  readonly consent: Omit<ConsentOptions, 'runId'>;
  /** Where the Consents live, and how they name people. */
  readonly storeMark: string;
  /** How many Consents one step reads at most. */
  readonly mostReads: number;
  /** How many batches are under way at once. */
  readonly concurrency: number;
  readonly leaseSeconds: number;
  readonly runs: Pick<Runs, 'read'>;
  readonly parts: Pick<Parts, 'read' | 'list' | 'move'>;
  readonly mailbox: Pick<MailboxLedger, 'keepLease'>;
  readonly files: Pick<Files, 'openVerified' | 'writeOnce'>;
  readonly readManifest: (file: ManifestFile | undefined) => Promise<SnapshotManifest>;
  /** In step with the ids; undefined where the store has none. */
  readonly readConsents: (ids: readonly string[]) => Promise<readonly unknown[]>;
}

type Rebuilt = NonNullable<Part['rebuilt']>;
type Counts = Omit<Rebuilt, 'modelVersion' | 'store' | 'snapshots'>;

const noCounts: Counts = { active: 0, inactive: 0, absent: 0, foreign: 0, tagged: 0, toRewrite: 0, former: 0 };

/**
 * Makes a part's stretch of the snapshot anew from the Consents in the FHIR store, each read by the id that its person has.
 * Writes nothing to the store. A Consent whose content is another than this version would write is recorded so that the
 * next run rewrites it; one that is not ours at all is left out, and the next run will set it aside.
 *
 * One step reads so many Consents and leaves the others to the next: an earlier snapshot may name far more people in a part's
 * range than its cohort.
 *
 * @throws LeaseLost; HealthLakeRefused where a Consent could not be read: nobody is taken for absent by mistake
 */
export async function rebuildPart(input: RebuildPartInput, deps: RebuildPartDeps): Promise<RebuildPartOutput> {
  const { runId, execution, part } = input;
  await deps.mailbox.keepLease({ execution, runId }, deps.leaseSeconds);
  const row = await deps.parts.read(runId, part);
  const before = row.rebuilt ?? { ...noCounts, modelVersion, store: deps.storeMark, snapshots: [] };
  if (row.state === 'rebuilt') return outputOf(part, before, true);
  const from = before.snapshots.at(-1)?.to ?? row.from;
  const run = await deps.runs.read(runId);
  const cohort = await readCohortPart(await deps.files.openVerified(row.cohort), { ...row.cohort, rows: row.rows });
  const earlier = (await unlessLost(deps.readManifest(baseManifestOf(run)))) ?? emptySnapshot;
  const range = { from, to: row.to };
  const stopped = run.unfinishedWriter ? await deps.parts.list(run.unfinishedWriter.runId) : [];
  const people = peopleOf(cohort, from, {
    entries: entriesWithin(earlier, range),
    writtenAbout: await peopleWrittenAbout(stopped, range, deps.files),
    files: deps.files,
  });
  let { to } = row;
  const some = atMost(deps.mostReads, people, (boundary) => {
    to = boundary;
  });

  const records = new Records(deps.consent);
  const found = inOrder(batchesOf(some, batchSize), deps.concurrency, (batch) => readFor(batch, deps));
  const body = await collectGzipped(records.lines(found));
  const { counts, rows, optedOut } = records;
  const step = before.snapshots.length + 1;
  const file = await deps.files.writeOnce(runFiles.rebuiltPart(runId, part, run.opening, step), body);
  const rebuilt: Rebuilt = {
    ...sumOf(before, counts),
    modelVersion,
    // A step that was set otherwise than the first one reads another store: the next run then takes none of it for current.
    store: before.store === deps.storeMark ? deps.storeMark : '',
    snapshots: [...before.snapshots, { ...file, from, to, rows, optedOut }],
  };
  const isRebuilt = to === row.to;
  await deps.parts.move(runId, part, ['built'], { ...(isRebuilt ? { state: 'rebuilt' } : {}), rebuilt });
  return outputOf(part, rebuilt, isRebuilt);
}

function outputOf(part: number, { active, inactive }: Counts, isRebuilt: boolean): RebuildPartOutput {
  return { part, isRebuilt, active, inactive };
}

function sumOf(a: Counts, b: Counts): Counts {
  return {
    active: a.active + b.active,
    inactive: a.inactive + b.inactive,
    absent: a.absent + b.absent,
    foreign: a.foreign + b.foreign,
    tagged: a.tagged + b.tagged,
    toRewrite: a.toRewrite + b.toRewrite,
    former: a.former + b.former,
  };
}

/**
 * So many people and, where no boundary can lie behind the last of them, the next ones too: the ledger names nobody.
 *
 * @param end told where their stretch ends, where others are left
 */
async function* atMost(
  most: number,
  people: AsyncIterable<Person>,
  end: (boundary: number) => void,
): AsyncGenerator<Person> {
  let taken = 0;
  let last = 0;
  for await (const person of people) {
    const boundary = taken < most ? undefined : boundaryBetween(last, person.nhsNumber);
    if (boundary !== undefined) {
      end(boundary);
      return;
    }
    taken += 1;
    last = person.nhsNumber;
    yield person;
  }
}

interface Found {
  readonly person: Person;
  /** Undefined where the store has none. */
  readonly consent: unknown;
}

async function readFor(batch: readonly Person[], { consent, readConsents }: RebuildPartDeps): Promise<Found[]> {
  const consents = await readConsents(batch.map(({ nhsNumber }) => consentIdOf(nhsNumber, consent.idKey)));
  return batch.map((person, index) => ({ person, consent: consents[index] }));
}

/** The lines of a rebuilt snapshot file, counted as they pass. */
class Records {
  readonly counts: Record<keyof Counts, number> = { ...noCounts };
  rows = 0;
  optedOut = 0;
  readonly #options: RebuildPartDeps['consent'];

  constructor(options: RebuildPartDeps['consent']) {
    this.#options = options;
  }

  async *lines(batches: AsyncIterable<readonly Found[]>): AsyncGenerator<string> {
    for await (const batch of batches) yield batch.map((found) => this.#line(found)).join('');
  }

  #line({ person, consent }: Found): string {
    const { counts } = this;
    const { isInCohort, patientId, outOfCohortSince } = person;
    if (consent === undefined) {
      if (isInCohort) counts.absent += 1;
      return '';
    }
    if (isTagged(consent, this.#options.namespace)) counts.tagged += 1;
    // Of the cohort the next run writes them anew; of others nothing else would tell it that they are there.
    const record = isInCohort
      ? recordOfConsent(consent, person, this.#options)
      : recordOfOurs(consent, person, this.#options, ageUnknown);
    if (!record) {
      counts.foreign += 1;
      return '';
    }
    if (isInCohort) counts[record.status] += 1;
    else counts.former += 1;
    if (isInCohort && record.patientHash !== patientHashOf(patientId)) counts.toRewrite += 1;
    this.rows += 1;
    if (record.status === 'active') this.optedOut += 1;
    return writeRecord({ ...record, ...(outOfCohortSince === undefined ? {} : { outOfCohortSince }) });
  }
}
