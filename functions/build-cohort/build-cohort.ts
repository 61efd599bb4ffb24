import { z } from 'zod';
import { buildParts } from '../../shared/cohort/build-parts.ts';
import type { Files } from '../../shared/files.ts';
import { askableStates, type Part, type Parts } from '../../shared/ledger/parts.ts';
import { baseManifestOf, type Run, type Runs } from '../../shared/ledger/runs.ts';
import { log } from '../../shared/log.ts';
import { refuseEmptied } from '../../shared/ndop/emptied-cohort.ts';
import type { NhsNumberBlock } from '../../shared/ndop/nhs-number.ts';
import { unlessLost } from '../../shared/ndop/read-manifest.ts';
import { leftOutNumbers } from '../../shared/ndop/refused-numbers.ts';
import type { ManifestFile, SnapshotManifest } from '../../shared/ndop/snapshot-manifest.ts';
import { runFiles } from '../../shared/run-files.ts';

/** At 500 Consents a second, a slow store, a part of this length takes less than four minutes of the step's fifteen. */
const mostRowsToRebuild = 100_000;

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
  readonly files: Pick<Files, 'writeOnce' | 'writeStreamOnce' | 'openVerified'>;
  readonly readManifest: (file: ManifestFile | undefined) => Promise<SnapshotManifest>;
  /** The cohort as CSV files, each with a header of its own. */
  readonly openCohort: (run: Run) => AsyncIterable<AsyncIterable<Uint8Array>>;
}

/**
 * Reads everybody who needs an answer, sets aside with a reason whoever cannot be asked about, and cuts the rest into
 * parts that each own a range of NHS numbers. A second try writes files of its own: the cohort may have changed.
 *
 * @throws PermanentError CohortEmptied where nobody is left of whom the snapshot knows some; what opening the cohort throws
 */
export async function buildCohort({ runId }: { runId: string }, deps: BuildCohortDeps): Promise<BuildCohortOutput> {
  const run = await deps.runs.read(runId);
  if (run.cohort) {
    const pieces = (await deps.parts.list(runId)).filter(isPieceToAsk).map(({ part }) => part);
    return { parts: [...numbers(run.cohort.parts), ...pieces], requested: run.cohort.counts.requested };
  }

  const attempt = await deps.runs.nextCohortAttempt(runId);
  // A rebuild asks nobody, needs no earlier snapshot, and takes parts that one step can read from the store in its time.
  const isRebuild = run.isRebuild === true;
  const reading = deps.readManifest(baseManifestOf(run));
  const base = isRebuild ? await unlessLost(reading) : await reading;
  const refused = isRebuild || !base ? new Map<number, string>() : await leftOutNumbers(base, run.openedAt, deps.files);
  const partRows = isRebuild ? Math.min(deps.partRows, mostRowsToRebuild) : deps.partRows;
  const quarantineKey = runFiles.quarantine(runId, attempt);
  let parts = 0;
  const counts = await buildParts(
    deps.openCohort(run),
    { allowed: deps.allowedBlocks, refused, partRows },
    {
      writeQuarantine: async (lines) => {
        await deps.files.writeStreamOnce(quarantineKey, lines);
      },
      writePart: async ({ range, rows, body }) => {
        const part = parts + 1;
        const cohort = await deps.files.writeOnce(runFiles.cohort(runId, part, attempt), body);
        await deps.parts.put(runId, { part, state: 'built', ...range, rows, cohort, attempt: 0 });
        parts = part;
      },
      progress: (stage, counts) => {
        log.info(`cohort.${stage}`, { runId, attempt, ...counts });
      },
    },
  );
  refuseEmptied(counts, base);
  await deps.runs.update(runId, { cohort: { counts, parts, quarantineKey } });
  return { parts: numbers(parts), requested: counts.requested };
}

function isPieceToAsk({ pieceOf, state }: Part): boolean {
  return pieceOf !== undefined && ['built', 'staged', 'sending', ...askableStates].includes(state);
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
