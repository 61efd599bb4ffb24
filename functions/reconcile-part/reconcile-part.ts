import { createGunzip, createGzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { modelVersion } from '../../shared/fhir/consent.ts';
import { collect, type Files } from '../../shared/files.ts';
import type { ChangeCounts, Part, Parts, StoredFile } from '../../shared/ledger/parts.ts';
import { baseManifestOf, type Runs } from '../../shared/ledger/runs.ts';
import { passOf, writeChange, type ChangePass } from '../../shared/ndop/changes.ts';
import { reconcile } from '../../shared/ndop/reconcile.ts';
import type { RequestIdentity } from '../../shared/ndop/run-id.ts';
import { readRecords, writeRecord, type PersonRecord } from '../../shared/ndop/snapshot.ts';
import {
  entriesWithin,
  type ManifestFile,
  type SnapshotEntry,
  type SnapshotManifest,
} from '../../shared/ndop/snapshot-manifest.ts';
import { runFiles } from '../../shared/run-files.ts';
import { answeredPeople } from './answered-people.ts';

export const reconcilePartInput = z.object({ runId: z.string(), part: z.number() });
export type ReconcilePartInput = z.infer<typeof reconcilePartInput>;

export interface ReconcilePartOutput {
  readonly part: number;
  readonly optedOut: number;
  readonly notOptedOut: number;
}

export interface ReconcilePartDeps {
  readonly changeFileRows: number;
  readonly retentionDays: number;
  readonly runs: Pick<Runs, 'read'>;
  readonly parts: Pick<Parts, 'read' | 'list' | 'move'>;
  readonly files: Pick<Files, 'openVerified' | 'writeOnce'>;
  readonly readManifest: (file: ManifestFile | undefined) => Promise<SnapshotManifest>;
}

/**
 * Reconciles one part: its answer with the people who were asked about, and both with what the earlier snapshot says of
 * the part's range. Gives the changes to write and the part's stretch of the new snapshot; writes nothing to the FHIR
 * store.
 *
 * @throws ReplyTruncated, ReplyMalformed, ReplyHasStrangers: the answer is refused and the part keeps what it had
 */
export async function reconcilePart(input: ReconcilePartInput, deps: ReconcilePartDeps): Promise<ReconcilePartOutput> {
  const { runId, part } = input;
  const row = await deps.parts.read(runId, part);
  if (row.state === 'reconciled' && row.reconciled) return { part, ...pick(row.reconciled) };
  const run = await deps.runs.read(runId);
  const { isRewrite } = run;
  const entries = entriesWithin(await deps.readManifest(baseManifestOf(run)), row);
  const { cohort, returned, kept, attempt, pieces } = await answeredPeople(runId, row, deps);

  const changeFiles = new ChangeFiles({ runId, part, attempt }, deps);
  const snapshot = new SnapshotPart();
  const previous = new PreviousRecords(entries, deps.files);
  const context = {
    asAt: kept.asAt,
    isModelCurrent: isRewrite !== true && entries.every((entry) => entry.modelVersion === modelVersion),
    retentionDays: deps.retentionDays,
  };
  for await (const { record, change } of reconcile(cohort, returned, previous.read(), context)) {
    if (record) snapshot.add(record);
    if (change) await changeFiles.add(change);
  }
  await changeFiles.close();
  const file = await deps.files.writeOnce(runFiles.snapshotPart(runId, part, attempt), await snapshot.close());
  const notOptedOut = returned.reduce((sum, flag) => sum + flag, 0);
  const reconciled = {
    optedOut: returned.length - notOptedOut,
    notOptedOut,
    ...kept,
    previousRows: previous.rows,
    previousOptedOut: previous.optedOut,
    modelVersion,
    changes: changeFiles.counts,
    changeFiles: changeFiles.files,
    snapshot: { ...file, rows: snapshot.rows, optedOut: snapshot.optedOut },
  };
  // Pieces first: a second answer to one of them must not bring a part up again that is done.
  for (const piece of pieces) await deps.parts.move(runId, piece, ['answered'], { state: 'reconciled' });
  await deps.parts.move(runId, part, ['answered', 'split', 'quarantined'], { state: 'reconciled', reconciled });
  return { part, ...pick(reconciled) };
}

function pick({ optedOut, notOptedOut }: NonNullable<Part['reconciled']>) {
  return { optedOut, notOptedOut };
}

/** The earlier snapshot's records of a part's range, counted as they pass. */
class PreviousRecords {
  rows = 0;
  optedOut = 0;
  readonly #entries: readonly SnapshotEntry[];
  readonly #files: ReconcilePartDeps['files'];

  constructor(entries: readonly SnapshotEntry[], files: ReconcilePartDeps['files']) {
    this.#entries = entries;
    this.#files = files;
  }

  async *read(): AsyncGenerator<PersonRecord> {
    for (const entry of this.#entries) {
      // Read whole, so that a file that is not what the ledger recorded is refused before it says anything of anybody.
      const file = await collect(await this.#files.openVerified(entry));
      for await (const record of readRecords(Readable.from([file]).pipe(createGunzip()), entry)) {
        this.rows += 1;
        if (record.status === 'active') this.optedOut += 1;
        yield record;
      }
    }
  }
}

/** The part's stretch of the new snapshot, compressed as it grows. */
class SnapshotPart {
  rows = 0;
  optedOut = 0;
  readonly #gzip = createGzip({ level: 6 });
  readonly #compressed = collect(this.#gzip);
  #lines: string[] = [];

  add(record: PersonRecord): void {
    this.rows += 1;
    if (record.status === 'active') this.optedOut += 1;
    this.#lines.push(writeRecord(record));
    if (this.#lines.length >= 1000) this.#flush();
  }

  async close(): Promise<Buffer> {
    this.#flush();
    this.#gzip.end();
    return this.#compressed;
  }

  #flush(): void {
    this.#gzip.write(this.#lines.join(''));
    this.#lines = [];
  }
}

/** The part's changes in files of bounded length, those that withhold apart from the rest. */
class ChangeFiles {
  readonly counts: ChangeCounts = { activate: 0, deactivate: 0, create: 0, update: 0, retire: 0 };
  readonly files: Record<ChangePass, StoredFile[]> = { activations: [], others: [] };
  readonly #lines: Record<ChangePass, string[]> = { activations: [], others: [] };
  readonly #request: RequestIdentity;
  readonly #deps: ReconcilePartDeps;

  constructor(request: RequestIdentity, deps: ReconcilePartDeps) {
    this.#request = request;
    this.#deps = deps;
  }

  async add(change: Parameters<typeof writeChange>[0]): Promise<void> {
    this.counts[change.kind] += 1;
    const pass = passOf(change);
    this.#lines[pass].push(writeChange(change));
    if (this.#lines[pass].length >= this.#deps.changeFileRows) await this.#flush(pass);
  }

  async close(): Promise<void> {
    await this.#flush('activations');
    await this.#flush('others');
  }

  async #flush(pass: ChangePass): Promise<void> {
    const lines = this.#lines[pass];
    if (lines.length === 0) return;
    this.#lines[pass] = [];
    const { runId, part, attempt } = this.#request;
    const key = runFiles.changes(runId, part, attempt, pass, this.files[pass].length + 1);
    this.files[pass].push(await this.#deps.files.writeOnce(key, lines.join('')));
  }
}
