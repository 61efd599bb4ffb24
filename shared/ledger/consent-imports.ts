import { z } from 'zod';
import { storedFile } from './parts.ts';
import type { LedgerTable } from './table.ts';

const importedFile = z.object({
  part: z.number(),
  file: z.number(),
  /** Changes of the file that the import has taken. */
  imported: z.number(),
  /** The changes that it has not, in the form of a change file. */
  left: storedFile,
});
/** What a bulk import made of one file of changes of the pass `others`. */
export type ImportedFile = z.infer<typeof importedFile>;

const four = (number: number) => String(number).padStart(4, '0');
const keyOf = (runId: string, part: number, file: number) => ({
  pk: `RUN#${runId}`,
  sk: `IMPORTED#${four(part)}#${four(file)}`,
});

/** What the ledger knows of the bulk imports of runs' Consents. */
export class ConsentImports {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  /** Undefined where batches alone write the file. */
  findFile(runId: string, part: number, file: number): Promise<ImportedFile | undefined> {
    return this.#table.read(keyOf(runId, part, file), importedFile);
  }

  async putFile(runId: string, row: ImportedFile): Promise<void> {
    await this.#table.put(keyOf(runId, row.part, row.file), row);
  }
}
