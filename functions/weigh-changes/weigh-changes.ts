import { z } from 'zod';
import { PermanentError } from '../../shared/errors.ts';
import { hasBegun, type ConsentImports } from '../../shared/ledger/consent-imports.ts';
import { overtakerOf, type LatestSnapshot } from '../../shared/ledger/latest.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { failedStates, type ChangeCounts, type Part, type Parts } from '../../shared/ledger/parts.ts';
import type { Runs } from '../../shared/ledger/runs.ts';
import { changePasses, type ChangePass } from '../../shared/ndop/changes.ts';
import { isOlder } from '../../shared/ndop/expiry.ts';
import { refuseMisfits } from '../../shared/ndop/part-ranges.ts';
import { reasonsToHold, type PlausibilityLimits, type RunTotals } from '../../shared/ndop/plausibility.ts';
import { changeKinds } from '../../shared/ndop/reconcile.ts';
import { partsOf } from '../../shared/report/report.ts';

export const weighChangesInput = z.object({
  runId: z.string(),
  execution: z.string(),
  /** Parts whose answer was refused by their reconciliation. */
  refused: z.array(z.object({ part: z.number(), failure: z.object({ name: z.string(), message: z.string() }) })),
});
export type WeighChangesInput = z.infer<typeof weighChangesInput>;

/** One change file for one write step. */
export interface ChangeFileRef {
  readonly part: number;
  readonly file: number;
}

export interface WeighChangesOutput {
  readonly reconciled: number;
  /** Why a person has to look first; empty where nothing is unusual. */
  readonly reasons: readonly string[];
  /** Too many changes for batches: a bulk import job is to write them. */
  readonly needsBulkImport: boolean;
  /** The run has begun an import in an earlier opening: whatever else is so, it goes on with that one. */
  readonly isImporting: boolean;
  /** No snapshot says what the store holds, and this run has not written to it. */
  readonly isFirst: boolean;
  /** How long a reviewer has, should the run be held. */
  readonly reviewSeconds: number;
  readonly files: Readonly<Record<ChangePass, readonly ChangeFileRef[]>>;
  readonly failure?: { readonly name: string; readonly message: string };
}

export interface WeighChangesDeps {
  readonly limits: PlausibilityLimits;
  readonly bulkImportThreshold: number;
  readonly reviewSeconds: number;
  /** Days after which an answer says nothing any more. */
  readonly maxAgeDays: number;
  readonly now: () => Date;
  readonly leaseSeconds: number;
  readonly runs: Pick<Runs, 'read' | 'update'>;
  readonly parts: Pick<Parts, 'list' | 'move'>;
  readonly latest: Pick<LatestSnapshot, 'read' | 'unfinishedWriter'>;
  readonly consentImports: Pick<ConsentImports, 'find'>;
  readonly mailbox: Pick<MailboxLedger, 'keepLease'>;
}

/**
 * Sums what the parts found, decides whether it is plausible, and lists the change files in the order of writing.
 *
 * @throws LeaseLost; SnapshotSuperseded where another run has completed since this one began; AnswersExpired;
 *   LedgerInconsistent where the parts do not fit together, so that nobody is written about who stands in two of them
 */
export async function weighChanges(input: WeighChangesInput, deps: WeighChangesDeps): Promise<WeighChangesOutput> {
  const { runId, execution } = input;
  await deps.mailbox.keepLease({ execution, runId }, deps.leaseSeconds);
  for (const { part, failure } of input.refused) {
    await deps.parts.move(runId, part, ['answered'], { state: 'refused', failure });
  }
  const run = await deps.runs.read(runId);
  const latest = await deps.latest.read();
  const overtaker = overtakerOf(run, latest);
  if (overtaker !== undefined) {
    throw new PermanentError(
      'SnapshotSuperseded',
      `Run ${runId} compared with a snapshot that ${overtaker} has replaced since: start a new run`,
    );
  }
  const parts = await deps.parts.list(runId);
  refuseMisfits(runId, partsOf(run, parts));
  refuseExpired(parts, deps);
  const reconciled = parts.flatMap(({ part, reconciled: result }) => (result ? [{ part, ...result }] : []));
  const sum = (value: (part: (typeof reconciled)[number]) => number) =>
    reconciled.reduce((total, part) => total + value(part), 0);
  const changes: ChangeCounts = { activate: 0, deactivate: 0, create: 0, update: 0, retire: 0 };
  for (const kind of changeKinds) changes[kind] = sum((part) => part.changes[kind]);

  const totals: RunTotals = {
    optedOut: sum((part) => part.optedOut),
    notOptedOut: sum((part) => part.notOptedOut),
    previousOptedOut: sum((part) => part.previousOptedOut),
    previousRows: sum((part) => part.previousRows),
    changes,
    duplicates: sum((part) => part.duplicates),
    parts: reconciled,
  };
  const reasons = reasonsToHold(totals, deps.limits);
  const { optedOut, notOptedOut, previousOptedOut, previousRows } = totals;
  await deps.runs.update(runId, {
    verdict: { reasons, optedOut, notOptedOut, previousOptedOut, previousRows, changes },
  });
  const filesOf = (pass: ChangePass) =>
    reconciled.flatMap(({ part, changeFiles }) => changeFiles[pass].map((_, index) => ({ part, file: index + 1 })));
  const consentImport = await deps.consentImports.find(runId);
  const writer = await deps.latest.unfinishedWriter();
  const failure = parts.find(({ state }) => failedStates.includes(state))?.failure;
  return {
    reconciled: reconciled.length,
    reasons,
    reviewSeconds: deps.reviewSeconds,
    isImporting: consentImport !== undefined && hasBegun(consentImport),
    isFirst: latest === undefined && writer?.runId !== runId,
    needsBulkImport: changeKinds.reduce((total, kind) => total + changes[kind], 0) > deps.bulkImportThreshold,
    files: { activations: filesOf(changePasses[0]), others: filesOf(changePasses[1]) },
    ...(failure ? { failure } : {}),
  };
}

/** A check counts from the moment that its request was sent; a resume long after must ask anew. */
function refuseExpired(parts: readonly Part[], { maxAgeDays, now }: WeighChangesDeps): void {
  const at = now().toISOString();
  const oldest = parts.find(({ reconciled }) => reconciled && isOlder(reconciled.sentAt, maxAgeDays, at));
  if (!oldest) return;
  throw new PermanentError(
    'AnswersExpired',
    `The answer to part ${oldest.part} is more than ${maxAgeDays} days old: start a new run`,
  );
}
