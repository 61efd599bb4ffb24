import { Readable } from 'node:stream';
import { z } from 'zod';
import { PermanentError } from '../../shared/errors.ts';
import { batchSize, type BatchOutcome, type Write } from '../../shared/fhir/batch.ts';
import { consentOf, type ConsentOptions } from '../../shared/fhir/consent.ts';
import { consentIdOf } from '../../shared/fhir/consent-id.ts';
import type { Files } from '../../shared/files.ts';
import { parseJson } from '../../shared/json.ts';
import type { LatestSnapshot } from '../../shared/ledger/latest.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { Parts } from '../../shared/ledger/parts.ts';
import type { Runs } from '../../shared/ledger/runs.ts';
import type { WritesUnderWay } from '../../shared/ledger/writes-under-way.ts';
import { changePasses, readChanges } from '../../shared/ndop/changes.ts';
import type { Change } from '../../shared/ndop/reconcile.ts';
import { runFiles } from '../../shared/run-files.ts';

export const writeConsentsInput = z.object({
  runId: z.string(),
  execution: z.string(),
  pass: z.enum(changePasses),
  part: z.number(),
  file: z.number(),
});
export type WriteConsentsInput = z.infer<typeof writeConsentsInput>;

export interface WriteConsentsOutput {
  readonly written: number;
}

export interface WriteConsentsDeps {
  readonly consent: Omit<ConsentOptions, 'runId'>;
  /** How many batches are under way at once. */
  readonly concurrency: number;
  readonly now: () => Date;
  readonly leaseSeconds: number;
  readonly runs: Pick<Runs, 'read'>;
  readonly parts: Pick<Parts, 'read'>;
  readonly latest: Pick<LatestSnapshot, 'beginWriting'>;
  readonly writes: Pick<WritesUnderWay, 'begin' | 'end'>;
  readonly mailbox: Pick<MailboxLedger, 'renewLease'>;
  readonly files: Pick<Files, 'readVerified' | 'find' | 'writeOnce' | 'writeStreamOnce'>;
  readonly writeBatch: (writes: readonly Write[]) => Promise<BatchOutcome>;
}

/** A batch that begins longer after the last look at the lease looks at it again. */
const leaseLookSeconds = 5;

const evidence = z.object({ written: z.number() });

/**
 * Writes one change file to the FHIR store. The proof that all of it is written lies beside it and is written last; a
 * repeat after a stop writes the same Consents under the same ids. Where the run has ended in the meantime, and so has the
 * mailbox no longer, it stops within a batch or two; until then no other run opens.
 *
 * @throws LeaseLost; ConsentWritesRefused where the store refused entries for good, after all others are written
 */
export async function writeConsents(input: WriteConsentsInput, deps: WriteConsentsDeps): Promise<WriteConsentsOutput> {
  const id = await deps.writes.begin();
  try {
    return await writeFile(input, deps);
  } finally {
    await deps.writes.end(id);
  }
}

async function writeFile(input: WriteConsentsInput, deps: WriteConsentsDeps): Promise<WriteConsentsOutput> {
  const { runId, execution, pass, part, file } = input;
  const renewLease = () => deps.mailbox.renewLease({ execution, runId }, deps.leaseSeconds);
  await renewLease();
  const { reconciled } = await deps.parts.read(runId, part);
  const changeFile = reconciled?.changeFiles[pass][file - 1];
  if (!changeFile)
    throw new PermanentError('LedgerInconsistent', `Part ${part} of run ${runId} has no change file ${file}`);

  const evidenceKey = runFiles.written(changeFile.key);
  const proof = evidence.safeParse(parseJson((await deps.files.find(evidenceKey))?.toString('utf8') ?? ''));
  if (proof.success) return proof.data;

  const { isRewrite = false, opening } = await deps.runs.read(runId);
  if (!(await deps.latest.beginWriting({ runId, opening }, isRewrite))) {
    throw new PermanentError('RunUnfinished', `Another run began to write and has not finished: run ${runId} may not`);
  }
  const options = { ...deps.consent, runId };
  // Read whole, so that a file that is not what the ledger recorded is refused before the first write.
  const bytes = await deps.files.readVerified(changeFile);
  const batches = batchesOf(readChanges(Readable.from([bytes])), options);
  const outcomes: BatchOutcome[] = [];
  const ensureLease = nowAndThen(renewLease, deps.now);
  // The writers take turns at one queue: an async generator hands each batch to one of them. Where one fails the queue
  // ends and the others finish, for nothing may be written once the step has ended and the mailbox may be another run's.
  const writers = Array.from({ length: deps.concurrency }, async () => {
    try {
      for (let next = await batches.next(); !next.done; next = await batches.next()) {
        await ensureLease();
        outcomes.push(await deps.writeBatch(next.value));
      }
    } finally {
      await batches.return(undefined);
    }
  });
  await Promise.allSettled(writers);
  await Promise.all(writers);

  const written = outcomes.reduce((sum, outcome) => sum + outcome.written, 0);
  const refused = outcomes.flatMap((outcome) => Object.entries(outcome.refused));
  if (refused.length > 0) {
    const statuses = [...new Set(refused.map(([status]) => status))].sort().join(', ');
    const count = refused.reduce((sum, [, times]) => sum + times, 0);
    await deps.files.writeStreamOnce(
      runFiles.refused(changeFile.key),
      Readable.from([Buffer.from(JSON.stringify({ written, refused: count }))]),
    );
    throw new PermanentError(
      'ConsentWritesRefused',
      `The FHIR store refused ${count} of ${written + count} Consents (status ${statuses}): see its log, then resume run ${runId}`,
    );
  }
  await deps.files.writeOnce(evidenceKey, JSON.stringify({ written }));
  return { written };
}

/** Does it where it was last done some seconds ago. Whoever comes meanwhile waits for the same answer. */
function nowAndThen(renewLease: () => Promise<void>, now: () => Date): () => Promise<void> {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let look = Promise.resolve();
  return () => {
    if (now().getTime() - lookedAt > leaseLookSeconds * 1000) {
      lookedAt = now().getTime();
      look = renewLease();
    }
    return look;
  };
}

async function* batchesOf(changes: AsyncIterable<Change>, options: ConsentOptions): AsyncGenerator<Write[]> {
  let batch: Write[] = [];
  for await (const { kind, optOut, patientId } of changes) {
    batch.push(
      kind === 'retire'
        ? { method: 'DELETE', id: consentIdOf(optOut.nhsNumber, options.idKey) }
        : { method: 'PUT', consent: consentOf(optOut, patientId, options) },
    );
    if (batch.length === batchSize) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
