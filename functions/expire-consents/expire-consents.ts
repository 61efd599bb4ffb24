import { Readable } from 'node:stream';
import { z } from 'zod';
import { PermanentError } from '../../shared/errors.ts';
import { batchSize } from '../../shared/fhir/batch.ts';
import type { ConsentOptions } from '../../shared/fhir/consent.ts';
import { consentIdOf } from '../../shared/fhir/consent-id.ts';
import type { Deletion } from '../../shared/fhir/delete-consents.ts';
import type { Files } from '../../shared/files.ts';
import { inOrder } from '../../shared/in-order.ts';
import { manifestOf, type LatestSnapshot } from '../../shared/ledger/latest.ts';
import { drainHolder, type MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { Parts } from '../../shared/ledger/parts.ts';
import type { WritesUnderWay } from '../../shared/ledger/writes-under-way.ts';
import { changePasses, readChanges } from '../../shared/ndop/changes.ts';
import { expiring, type Expiring } from '../../shared/ndop/expiring.ts';
import { dueOf, isOlder, type ExpiryLimits } from '../../shared/ndop/expiry.ts';
import { unlessLost } from '../../shared/ndop/read-manifest.ts';
import { recordsOf } from '../../shared/ndop/read-snapshot.ts';
import type { OptOut } from '../../shared/ndop/snapshot.ts';
import { unknownModelVersion, type ManifestFile, type SnapshotManifest } from '../../shared/ndop/snapshot-manifest.ts';

export const expireConsentsInput = z.object({ execution: z.string(), at: z.string(), due: expiring });
export type ExpireConsentsInput = z.infer<typeof expireConsentsInput>;

export interface ExpireConsentsDeps extends ExpiryLimits {
  readonly consent: Pick<ConsentOptions, 'idKey'>;
  /** How many Consents one step looks up at most. */
  readonly mostDeletes: number;
  /** How many batches are under way at once. */
  readonly concurrency: number;
  readonly leaseSeconds: number;
  readonly mailbox: Pick<MailboxLedger, 'renewLease'>;
  readonly writes: Pick<WritesUnderWay, 'begin' | 'end'>;
  readonly latest: Pick<LatestSnapshot, 'read' | 'unfinishedWriter'>;
  readonly parts: Pick<Parts, 'read'>;
  readonly files: Pick<Files, 'readVerified'>;
  readonly readManifest: (file: ManifestFile | undefined) => Promise<SnapshotManifest>;
  readonly deleteConsents: (ids: readonly string[], isActiveKept: boolean) => Promise<Deletion>;
}

/** People of a stretch or a part, row by row; undefined for a row of somebody whose Consent may stand. */
interface People {
  readonly isActiveKept: boolean;
  readonly rows: AsyncIterable<number | undefined>;
}

/**
 * Deletes Consents that may not stand any longer, so many in one step, and says how far it has come. A repeat finds them
 * gone. What the store refuses to delete is counted and the rest goes on.
 *
 * @throws LeaseLost; LedgerInconsistent where the snapshot does not say that these people are to be written anew
 */
export async function expireConsents(
  { execution, at, due }: ExpireConsentsInput,
  deps: ExpireConsentsDeps,
): Promise<Expiring> {
  const id = await deps.writes.begin();
  try {
    await deps.mailbox.renewLease({ execution, runId: drainHolder }, deps.leaseSeconds);
    const { isActiveKept, rows } =
      due.what === 'stretch' ? await peopleOfStretch(due.number, at, deps) : await peopleOfPart(due.number, at, deps);
    let { row, deleted, kept } = due;
    let isDone = true;
    const batches = batchesOf(rows, due.row, deps.mostDeletes, (reached, isEnd) => {
      row = reached;
      isDone = isEnd;
    });
    const deletions = inOrder(batches, deps.concurrency, (people) =>
      deps.deleteConsents(
        people.map((nhsNumber) => consentIdOf(nhsNumber, deps.consent.idKey)),
        isActiveKept,
      ),
    );
    for await (const deletion of deletions) {
      deleted += deletion.deleted;
      kept += deletion.kept;
    }
    return { ...due, row, deleted, kept, isDone };
  } finally {
    await deps.writes.end(id);
  }
}

async function peopleOfStretch(place: number, at: string, deps: ExpireConsentsDeps): Promise<People> {
  const manifest = await deps.readManifest(manifestOf(await deps.latest.read()));
  const entry = manifest.entries[place];
  if (entry?.modelVersion !== unknownModelVersion) {
    throw new PermanentError('LedgerInconsistent', `Stretch ${place} of the snapshot is not marked to be written anew`);
  }
  const due = dueOf(entry, at, deps);
  return { isActiveKept: due !== 'everybody', rows: rowsOf(recordsOf(entry, deps.files), due) };
}

/** Whoever a part of a run that stopped may have written about. */
async function peopleOfPart(part: number, at: string, deps: ExpireConsentsDeps): Promise<People> {
  const { runId = '' } = (await deps.latest.unfinishedWriter()) ?? {};
  const { reconciled } = await deps.parts.read(runId, part);
  if (!reconciled) throw new PermanentError('LedgerInconsistent', `Part ${part} of run ${runId} wrote nothing`);
  const isAllDue = isOlder(reconciled.sentAt, deps.maxAgeDays + deps.retentionDays, at);
  async function* optOuts(): AsyncGenerator<OptOut> {
    for (const file of changePasses.flatMap((pass) => reconciled?.changeFiles[pass] ?? [])) {
      // Its files are kept for 90 days, and all of it has been due since long before.
      const bytes = await unlessLost(deps.files.readVerified(file));
      for await (const { optOut } of readChanges(Readable.from(bytes ? [bytes] : []))) yield optOut;
    }
  }
  return { isActiveKept: !isAllDue, rows: rowsOf(optOuts(), isAllDue ? 'everybody' : 'inactive') };
}

async function* rowsOf(
  people: AsyncIterable<OptOut>,
  due: ReturnType<typeof dueOf>,
): AsyncGenerator<number | undefined> {
  for await (const { nhsNumber, status } of people) {
    const isDue = due === 'everybody' || (due === 'inactive' && status === 'inactive');
    yield isDue ? nhsNumber : undefined;
  }
}

/** @param reach told of the row that comes next, and whether none does */
async function* batchesOf(
  rows: AsyncIterable<number | undefined>,
  from: number,
  most: number,
  reach: (row: number, isEnd: boolean) => void,
): AsyncGenerator<number[]> {
  let row = 0;
  let taken = 0;
  let batch: number[] = [];
  for await (const nhsNumber of rows) {
    if (taken === most) {
      if (batch.length > 0) yield batch;
      reach(row, false);
      return;
    }
    row += 1;
    if (row <= from || nhsNumber === undefined) continue;
    taken += 1;
    batch.push(nhsNumber);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
  reach(row, true);
}
