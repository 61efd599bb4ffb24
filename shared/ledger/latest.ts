import { z } from 'zod';
import type { LedgerTable } from './table.ts';

const latest = z.object({
  manifestKey: z.string(),
  manifestSha256: z.string(),
  runId: z.string(),
  closedAt: z.string(),
});
/** The snapshot that holds now. */
export type Latest = z.infer<typeof latest>;

const key = { pk: 'LATEST', sk: 'LATEST' };

/** The pointer to the newest snapshot: it moves only after every write of a run has succeeded. */
export class LatestSnapshot {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  read(): Promise<Latest | undefined> {
    return this.#table.read(key, latest);
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
