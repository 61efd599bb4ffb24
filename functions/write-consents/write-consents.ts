import { Readable } from 'node:stream';
import { z } from 'zod';
import { PermanentError, RetryableError } from '../../shared/errors.ts';
import { batchesOf } from '../../shared/batches.ts';
import { batchSize } from '../../shared/fhir/batch.ts';
import { consentOf, type ConsentOptions } from '../../shared/fhir/consent.ts';
import { consentIdOf } from '../../shared/fhir/consent-id.ts';
import type { Provenance } from '../../shared/fhir/provenance.ts';
import { recordOfOurs } from '../../shared/fhir/record-of-consent.ts';
import type { Write, Written } from '../../shared/fhir/write-batch.ts';
import type { Files } from '../../shared/files.ts';
import { inOrder } from '../../shared/in-order.ts';
import { isPending, type ConsentImports } from '../../shared/ledger/consent-imports.ts';
import { sumOfCounts, type ChangeFileWrites, type ConsentWrites } from '../../shared/ledger/consent-writes.ts';
import type { LatestSnapshot } from '../../shared/ledger/latest.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { changeFileOf, type Parts } from '../../shared/ledger/parts.ts';
import type { Runs } from '../../shared/ledger/runs.ts';
import type { WritesUnderWay } from '../../shared/ledger/writes-under-way.ts';
import { changePasses, readChanges } from '../../shared/ndop/changes.ts';
import type { Change } from '../../shared/ndop/reconcile.ts';
import { readSetAside } from '../../shared/ndop/set-aside.ts';
import { runFiles } from '../../shared/run-files.ts';
import { chunkOf, type ChunkOptions } from './chunk.ts';
import { WrittenCounts } from './written-counts.ts';

export const writeConsentsInput = z.object({
  runId: z.string(),
  execution: z.string(),
  pass: z.enum(changePasses),
  part: z.number(),
  file: z.number(),
});
export type WriteConsentsInput = z.infer<typeof writeConsentsInput>;

export interface WriteConsentsOutput {
  readonly part: number;
  readonly written: number;
  /** Changes that the store did not take. */
  readonly setAside: number;
}

export interface WriteConsentsDeps {
  readonly consent: Omit<ConsentOptions, 'runId'>;
  /** Our own organisation, in Provenances; undefined where none are written. */
  readonly odsCode: string | undefined;
  /** How many batches are under way at once. */
  readonly concurrency: number;
  readonly now: () => Date;
  readonly leaseSeconds: number;
  readonly runs: Pick<Runs, 'read'>;
  readonly parts: Pick<Parts, 'read'>;
  readonly latest: Pick<LatestSnapshot, 'beginWriting'>;
  readonly writes: Pick<WritesUnderWay, 'begin' | 'end'>;
  readonly consentWrites: Pick<ConsentWrites, 'find' | 'put'>;
  readonly consentImports: Pick<ConsentImports, 'find' | 'findFile'>;
  readonly mailbox: Pick<MailboxLedger, 'renewLease'>;
  readonly files: Pick<Files, 'readVerified' | 'writeOnce'>;
  /** Gives what became of each change, in step. */
  readonly writeBatch: (writes: readonly Write[], runId: string) => Promise<readonly Written[]>;
  /** Gives how many were refused. */
  readonly writeProvenances: (provenances: readonly Provenance[]) => Promise<number>;
}

/** A batch that begins longer after the last look at the lease looks at it again. */
const leaseLookSeconds = 5;

/**
 * Writes one change file to the FHIR store. The row that vouches for it is written last; a repeat after a stop anywhere
 * reads what the store holds and writes only what is missing. Changes that the store does not take are set aside, in a
 * file, with what it holds in their place; a resume tries those again. Where the run has ended in the meantime, and so has
 * the mailbox no longer, it stops within a batch or two; until then no other run opens.
 *
 * @throws LeaseLost; RunUnfinished; ConsentWritesRefused where the store refuses so much that something else is wrong
 */
export async function writeConsents(input: WriteConsentsInput, deps: WriteConsentsDeps): Promise<WriteConsentsOutput> {
  const tryId = await deps.writes.begin();
  try {
    return await writeFile(input, tryId, deps);
  } finally {
    await deps.writes.end(tryId);
  }
}

async function writeFile(
  input: WriteConsentsInput,
  tryId: string,
  deps: WriteConsentsDeps,
): Promise<WriteConsentsOutput> {
  const { runId, execution, pass, part, file } = input;
  const renewLease = () => deps.mailbox.renewLease({ execution, runId }, deps.leaseSeconds);
  await renewLease();
  const { changeFile, reconciled } = changeFileOf(runId, await deps.parts.read(runId, part), pass, file);
  const { opening } = await deps.runs.read(runId);
  const before = await deps.consentWrites.find(runId, { part, pass, file });
  if (before && (!before.setAside || before.opening === opening)) return outputOf(before);
  if (!(await deps.latest.beginWriting({ runId, opening }))) {
    throw new PermanentError('RunUnfinished', `Another run began to write and has not finished: run ${runId} may not`);
  }

  const consentImport = await deps.consentImports.find(runId);
  if (pass === 'others' && consentImport && isPending(consentImport)) {
    throw new RetryableError('WritesUnderWay', `The import of run ${runId} is not known to have ended`);
  }
  const imported = pass === 'others' ? await deps.consentImports.findFile(runId, part, file) : undefined;
  // Read whole, so that a file that is not what the ledger recorded is refused before the first write.
  const bytes = await deps.files.readVerified(before?.setAside ?? imported?.left ?? changeFile);
  const body = Readable.from([bytes]);
  const changes = before?.setAside ? changesSetAside(body) : readChanges(body);

  const options = { ...deps.consent, runId };
  const ensureLease = nowAndThen(renewLease, deps.now);
  const counts = new WrittenCounts(reconciled.optedOut + reconciled.notOptedOut);
  const provenances: Provenance[] = [];
  const chunkOptions: ChunkOptions = {
    ...{ namespace: options.namespace, runId, odsCode: deps.odsCode ?? '', asAt: reconciled.asAt },
    ...{ messageIds: reconciled.messageIds ?? [], recorded: deps.now().toISOString() },
    name: `part-${part}/${pass}-${file}/${opening}`,
  };
  const done = inOrder(batchesOf(changes, batchSize), deps.concurrency, async (batch) => {
    await ensureLease();
    const writes = batch.map((change) => writeOf(change, options));
    return { batch, writes, written: await deps.writeBatch(writes, runId) };
  });
  for await (const { batch, writes, written } of done) {
    counts.add(batch, written, (change, held) =>
      recordOfOurs(held, { ...change.optOut, patientId: change.patientId }, options, change.optOut.since),
    );
    counts.refuseIfTooMany(runId);
    const chunk = chunkOf({ batch, writes, written }, provenances.length + 1, chunkOptions);
    if (chunk) provenances.push(chunk);
  }
  const provenancesFailed = deps.odsCode === undefined ? 0 : await deps.writeProvenances(provenances);

  const row: ChangeFileWrites = {
    ...{ part, pass, file, opening },
    provenancesFailed: provenancesFailed + (before?.provenancesFailed ?? imported?.provenancesFailed ?? 0),
    written: counts.written + (before?.written ?? imported?.imported ?? 0),
    present: sumOfCounts([counts.present, ...(before ? [before.present] : [])]),
    ...(counts.setAside > 0
      ? {
          setAside: {
            ...(await deps.files.writeOnce(runFiles.setAside(changeFile.key, tryId), counts.setAsideLines)),
            ...{ count: counts.setAside, reasons: counts.reasons, kinds: counts.kinds, unsafe: counts.unsafe },
          },
        }
      : {}),
  };
  await deps.consentWrites.put(runId, row);
  return outputOf(row);
}

function outputOf({ part, written, setAside }: ChangeFileWrites): WriteConsentsOutput {
  return { part, written, setAside: setAside?.count ?? 0 };
}

async function* changesSetAside(body: AsyncIterable<Uint8Array>): AsyncGenerator<Change> {
  for await (const { change } of readSetAside(body)) yield change;
}

function writeOf({ kind, optOut, patientId }: Change, options: ConsentOptions): Write {
  return kind === 'retire'
    ? { method: 'DELETE', id: consentIdOf(optOut.nhsNumber, options.idKey) }
    : { method: 'PUT', consent: consentOf(optOut, patientId, options) };
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
