import { once } from 'node:events';
import { Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { z } from 'zod';
import { modelVersion } from '../../shared/fhir/consent.ts';
import { collect } from '../../shared/collect.ts';
import type { Files } from '../../shared/files.ts';
import type { Part, Parts, StoredFile } from '../../shared/ledger/parts.ts';
import { baseManifestOf, type Runs } from '../../shared/ledger/runs.ts';
import { readWholeLines } from '../../shared/lines.ts';
import { passOf, writeChange, type ChangePass } from '../../shared/ndop/changes.ts';
import { PartReconciliation } from '../../shared/ndop/part-reconciliation.ts';
import type { Change } from '../../shared/ndop/reconcile.ts';
import type { RequestIdentity } from '../../shared/ndop/run-id.ts';
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
  /** Where the Consents live, and how they name people. */
  readonly storeMark: string;
  readonly runs: Pick<Runs, 'read'>;
  readonly parts: Pick<Parts, 'read' | 'list' | 'move'>;
  readonly files: Pick<Files, 'openVerified' | 'writeOnce'>;
  readonly readManifest: (file: ManifestFile | undefined) => Promise<SnapshotManifest>;
}

/** How many people, new to the snapshot, are judged before their changes and lines go to their files. */
const newcomersAtOnce = 10_000;
const gunzipChunkBytes = 262_144;

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
  const { cohort, answered, kept, attempt, pieces } = await answeredPeople(runId, row, deps);
  const reconciliation = new PartReconciliation(cohort, answered, {
    asAt: kept.asAt,
    isModelCurrent: isRewrite !== true && entries.every((entry) => isCurrent(entry, deps.storeMark)),
    retentionDays: deps.retentionDays,
  });

  const changeFiles = new ChangeFiles({ runId, part, attempt }, deps);
  const snapshot = new SnapshotFile();
  const takeOut = async () => {
    const { lines, changes } = reconciliation.take();
    for (const some of lines) await snapshot.write(some);
    for (const change of changes) await changeFiles.add(change);
  };
  for await (const { lines, entry } of earlierLines(entries, deps.files)) {
    let done = 0;
    while (done < lines.length) {
      done += reconciliation.compare(lines.subarray(done), entry, newcomersAtOnce);
      await takeOut();
    }
  }
  let isMore = true;
  while (isMore) {
    isMore = reconciliation.judgeRest(newcomersAtOnce);
    await takeOut();
  }
  await changeFiles.close();
  const file = await deps.files.writeOnce(runFiles.snapshotPart(runId, part, attempt), await snapshot.close());

  const { before, after, changes } = reconciliation;
  const reconciled = {
    optedOut: reconciliation.answered.optedOut,
    notOptedOut: reconciliation.answered.rows - reconciliation.answered.optedOut,
    ...kept,
    ...previousShare(before, entries),
    modelVersion,
    store: deps.storeMark,
    changes,
    changeFiles: changeFiles.files,
    snapshot: { ...file, ...after },
  };
  // Pieces first: a second answer to one of them must not bring a part up again that is done.
  for (const piece of pieces) await deps.parts.move(runId, piece, ['answered'], { state: 'reconciled' });
  await deps.parts.move(runId, part, ['answered', 'split', 'quarantined'], { state: 'reconciled', reconciled });
  return { part, ...pick(reconciled) };
}

/** Whether the Consents of a stretch stand where this run writes, in the form that it writes. Older entries have no mark. */
function isCurrent({ modelVersion: version, store }: SnapshotEntry, storeMark: string): boolean {
  return version === modelVersion && (store === undefined || store === storeMark);
}

/** A stretch that has expired names none but those who are opted out: there is no share to compare with. */
function previousShare(
  before: { readonly rows: number; readonly optedOut: number },
  entries: readonly SnapshotEntry[],
) {
  const isWhole = entries.every(({ expiredAt }) => expiredAt === undefined);
  return { previousRows: isWhole ? before.rows : 0, previousOptedOut: isWhole ? before.optedOut : 0 };
}

function pick({ optedOut, notOptedOut }: NonNullable<Part['reconciled']>) {
  return { optedOut, notOptedOut };
}

/** Whole lines of the earlier snapshot, and the entry that says for which of them its file counts. */
async function* earlierLines(
  entries: readonly SnapshotEntry[],
  files: ReconcilePartDeps['files'],
): AsyncGenerator<{ readonly lines: Uint8Array; readonly entry: SnapshotEntry }> {
  for (const entry of entries) {
    // Read whole, so that a file that is not what the ledger recorded is refused before it says anything of anybody.
    const file = await collect(await files.openVerified(entry));
    const body = Readable.from([file]).pipe(createGunzip({ chunkSize: gunzipChunkBytes }));
    for await (const lines of readWholeLines(body)) yield { lines, entry };
  }
}

/** The part's stretch of the new snapshot, compressed as it grows. */
class SnapshotFile {
  readonly #gzip = createGzip({ level: 6 });
  readonly #compressed = collect(this.#gzip);

  async write(lines: Uint8Array): Promise<void> {
    if (!this.#gzip.write(lines)) await once(this.#gzip, 'drain');
  }

  async close(): Promise<Buffer> {
    this.#gzip.end();
    return this.#compressed;
  }
}

/** The part's changes in files of bounded length, those that withhold apart from the rest. */
class ChangeFiles {
  readonly files: Record<ChangePass, StoredFile[]> = { activations: [], others: [] };
  readonly #lines: Record<ChangePass, string[]> = { activations: [], others: [] };
  readonly #request: RequestIdentity;
  readonly #deps: ReconcilePartDeps;

  constructor(request: RequestIdentity, deps: ReconcilePartDeps) {
    this.#request = request;
    this.#deps = deps;
  }

  async add(change: Change): Promise<void> {
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
