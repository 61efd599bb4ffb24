import { z } from 'zod';
import { PermanentError, RetryableError } from '../../shared/errors.ts';
import { attemptOf, importName, type ConsentImports } from '../../shared/ledger/consent-imports.ts';
import type { LatestSnapshot } from '../../shared/ledger/latest.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { Runs } from '../../shared/ledger/runs.ts';
import type { WritesUnderWay } from '../../shared/ledger/writes-under-way.ts';

export const startImportInput = z.object({ runId: z.string(), execution: z.string() });
export type StartImportInput = z.infer<typeof startImportInput>;

export interface StartImportOutput {
  /** Whether there is an import to wait for, or to account for; false where there is nothing to import. */
  readonly isStarted: boolean;
}

export interface StartImportDeps {
  readonly now: () => Date;
  readonly leaseSeconds: number;
  readonly mailbox: Pick<MailboxLedger, 'renewLease'>;
  readonly runs: Pick<Runs, 'read'>;
  readonly latest: Pick<LatestSnapshot, 'beginWriting'>;
  readonly writes: Pick<WritesUnderWay, 'begin' | 'end'>;
  readonly consentImports: Pick<ConsentImports, 'find' | 'listInputs' | 'begin' | 'update'>;
  /** Gives the id of the job that it starts, or that was started under this name before. */
  readonly startImport: (name: string, attempt: number) => Promise<string>;
}

/**
 * Lets the FHIR store import the run's files. A job that was started is left alone, and so is one that has ended; a start that went unanswered is
 * repeated under the same name, by which HealthLake knows it. That an import may be under way is recorded before the
 * start: no other run opens from then on, until HealthLake says that it has ended.
 *
 * @throws LeaseLost; RunUnfinished; HealthLakeForbidden, HealthLakeRefused where HealthLake does not take the job
 */
export async function startImport(input: StartImportInput, deps: StartImportDeps): Promise<StartImportOutput> {
  const id = await deps.writes.begin();
  try {
    return await start(input, deps);
  } finally {
    await deps.writes.end(id);
  }
}

async function start({ runId, execution }: StartImportInput, deps: StartImportDeps): Promise<StartImportOutput> {
  await deps.mailbox.renewLease({ execution, runId }, deps.leaseSeconds);
  const earlier = await deps.consentImports.find(runId);
  if (earlier?.state === 'started' || earlier?.state === 'ended') return { isStarted: true };
  const attempt = attemptOf(earlier);
  if ((await deps.consentImports.listInputs(runId, attempt)).length === 0) return { isStarted: false };

  const { opening } = await deps.runs.read(runId);
  if (!(await deps.latest.beginWriting({ runId, opening }))) {
    throw new PermanentError('RunUnfinished', `Another run began to write and has not finished: run ${runId} may not`);
  }
  const isBegun =
    earlier?.state === 'starting' || (await deps.consentImports.begin(runId, attempt, deps.now().toISOString()));
  if (!isBegun) throw new RetryableError('AwsUnavailable', 'Another try is about to start the import of Consents');
  const jobId = await deps.startImport(importName(runId, attempt), attempt);
  await deps.consentImports.update(runId, { state: 'started', jobId });
  return { isStarted: true };
}
