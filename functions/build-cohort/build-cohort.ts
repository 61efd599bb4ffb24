import { z } from 'zod';
import type { Files } from '../../shared/files.ts';
import { askableStates, type Part, type Parts } from '../../shared/ledger/parts.ts';
import { baseManifestOf, type CohortChoice, type Runs } from '../../shared/ledger/runs.ts';
import { cutIntoParts, readCohort } from '../../shared/ndop/cohort.ts';
import type { CohortRow } from '../../shared/ndop/cohort-csv.ts';
import { writeCohortPart } from '../../shared/ndop/cohort-part.ts';
import type { NhsNumberBlock } from '../../shared/ndop/nhs-number.ts';
import { leftOutNumbers } from '../../shared/ndop/refused-numbers.ts';
import type { ManifestFile, SnapshotManifest } from '../../shared/ndop/snapshot-manifest.ts';
import { runFiles } from '../../shared/run-files.ts';

export const buildCohortInput = z.object({ runId: z.string() });

export interface BuildCohortOutput {
  /** Numbers of the parts, from 1, and of pieces that a resumed run has to ask about; empty where nobody is to be checked. */
  readonly parts: readonly number[];
  readonly requested: number;
}

export interface BuildCohortDeps {
  readonly allowedBlocks: readonly NhsNumberBlock[];
  readonly partRows: number;
  readonly runs: Pick<Runs, 'read' | 'update' | 'nextCohortAttempt'>;
  readonly parts: Pick<Parts, 'put' | 'list'>;
  readonly files: Pick<Files, 'writeOnce' | 'openVerified'>;
  readonly readManifest: (file: ManifestFile | undefined) => Promise<SnapshotManifest>;
  readonly readRows: (choice: CohortChoice) => AsyncIterable<CohortRow>;
}

/**
 * Reads everybody who needs an answer, sets aside with a reason whoever cannot be asked about, and cuts the rest into
 * parts that each own a range of NHS numbers. A second try writes files of its own: the cohort may have changed.
 */
export async function buildCohort({ runId }: { runId: string }, deps: BuildCohortDeps): Promise<BuildCohortOutput> {
  const run = await deps.runs.read(runId);
  if (run.cohort) {
    const pieces = (await deps.parts.list(runId)).filter(isPieceToAsk).map(({ part }) => part);
    return { parts: [...numbers(run.cohort.parts), ...pieces], requested: run.cohort.counts.requested };
  }

  const attempt = await deps.runs.nextCohortAttempt(runId);
  const quarantined = ['row,reason,patientId\n'];
  const refused = await leftOutNumbers(await deps.readManifest(baseManifestOf(run)), run.openedAt, deps.files);
  const rules = { allowed: deps.allowedBlocks, isRefused: (nhsNumber: number) => refused.has(nhsNumber) };
  const cohort = await readCohort(deps.readRows(run.cohortChoice), rules, ({ row, reason, patientId }) => {
    quarantined.push(`${row},${reason},${patientId ?? ''}\n`);
  });
  const quarantine = await deps.files.writeOnce(runFiles.quarantine(runId, attempt), quarantined.join(''));

  const cut = cutIntoParts(cohort.people, deps.partRows);
  for (const [index, { range, people }] of cut.entries()) {
    const part = index + 1;
    const body = Buffer.from([...writeCohortPart(people)].join(''));
    const file = await deps.files.writeOnce(runFiles.cohort(runId, part, attempt), body);
    await deps.parts.put(runId, {
      part,
      state: 'built',
      ...range,
      rows: people.nhsNumbers.length,
      cohort: file,
      attempt: 0,
    });
  }
  await deps.runs.update(runId, {
    cohort: { counts: cohort.counts, parts: cut.length, quarantineKey: quarantine.key },
  });
  return { parts: numbers(cut.length), requested: cohort.counts.requested };
}

function isPieceToAsk({ pieceOf, state }: Part): boolean {
  return pieceOf !== undefined && ['built', 'staged', 'sending', ...askableStates].includes(state);
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
