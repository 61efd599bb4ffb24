import { z } from 'zod';
import type { ManifestFile } from '../ndop/snapshot-manifest.ts';
import { runFiles } from '../run-files.ts';
import type { LedgerTable } from './table.ts';

const latest = z.object({
  manifestKey: z.string(),
  manifestSha256: z.string(),
  /** The run that made it, or the expiry: see `expiryIdOf`. */
  runId: z.string(),
  /** When the last run closed; an expiry leaves it as it was. */
  closedAt: z.string(),
});
/** The snapshot that holds now. */
export type Latest = z.infer<typeof latest>;

/** The manifest of the snapshot that holds now; undefined before the first run has completed. */
export function manifestOf(latest: Latest | undefined): ManifestFile | undefined {
  return latest && { key: latest.manifestKey, sha256: latest.manifestSha256 };
}

/**
 * The run that has completed, or the expiry, since another one took its base, and so made that one's comparison old;
 * undefined where there is none. A run that has completed in part and is resumed is not overtaken by itself.
 */
export function overtakerOf(
  run: { readonly runId: string; readonly baseManifestKey?: string | undefined },
  latest: Latest | undefined,
): string | undefined {
  return latest && latest.runId !== run.runId && latest.manifestKey !== run.baseManifestKey ? latest.runId : undefined;
}

/** Whether, since a rebuild was opened, a run has begun to write of which it does not know; it may have stopped again. */
export function hasWrittenSince(
  rebuild: { readonly unfinishedWriter?: Writer | undefined },
  writer: Writer | undefined,
): boolean {
  const known = rebuild.unfinishedWriter;
  return writer !== undefined && (writer.runId !== known?.runId || writer.opening !== known.opening);
}

/**
 * The run that began to write and never closed. One whose snapshot holds has closed, and stopped before it could say so.
 */
export function stillUnfinished(writer: Writer | undefined, latest: Latest | undefined): Writer | undefined {
  const isClosed = writer && latest?.manifestKey === runFiles.manifest(writer.runId, writer.opening);
  return isClosed === true ? undefined : writer;
}

const key = { pk: 'LATEST', sk: 'LATEST' };
const writerKey = { pk: 'LATEST', sk: 'WRITER' };

export const writer = z.object({
  runId: z.string(),
  /** The opening of the run in which it last began. */
  opening: z.number().default(1),
});
/** A run that has begun to write. */
export type Writer = z.infer<typeof writer>;

/** The pointer to the newest snapshot: it moves only after every write of a run has succeeded. */
export class LatestSnapshot {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  read(): Promise<Latest | undefined> {
    return this.#table.read(key, latest);
  }

  /**
   * The run that has begun to write and has not closed: the FHIR store then holds what no snapshot says, and comparing
   * with the snapshot would leave it so.
   */
  unfinishedWriter(): Promise<Writer | undefined> {
    return this.#table.read(writerKey, writer);
  }

  /**
   * Records, before the first write, that the store will differ from the snapshot until this run closes.
   *
   * @returns false where another run is unfinished
   */
  beginWriting({ runId, opening }: Writer): Promise<boolean> {
    const unlessAnother = { expression: 'attribute_not_exists(pk) OR runId = :runId', values: { ':runId': runId } };
    return this.#table.put(writerKey, { runId, opening }, unlessAnother);
  }

  /** Records, once the pointer has moved, that the store is as the snapshot says. */
  async endWriting(runId: string): Promise<void> {
    await this.#table.remove(writerKey, { expression: 'runId = :runId', values: { ':runId': runId } });
  }

  /** Moves the pointer from the snapshot that the run compared with; false where another run has moved it since. */
  move(baseManifestKey: string | undefined, next: Latest): Promise<boolean> {
    return this.#table.put(
      key,
      next,
      baseManifestKey === undefined
        ? { expression: 'attribute_not_exists(pk) OR runId = :runId', values: { ':runId': next.runId } }
        : {
            expression: 'manifestKey = :base OR runId = :runId',
            values: { ':base': baseManifestKey, ':runId': next.runId },
          },
    );
  }
}
