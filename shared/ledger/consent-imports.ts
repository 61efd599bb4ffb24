import { z } from 'zod';
import { PermanentError } from '../errors.ts';
import { storedFile } from './parts.ts';
import type { LedgerTable } from './table.ts';

const consentImport = z.object({
  /**
   * `starting` after a stop means that nobody knows whether HealthLake has begun it. `ended` may have written something,
   * however it ended, and is a run's last; `failed` has written nothing.
   */
  state: z.enum(['starting', 'started', 'ended', 'failed']),
  /** 1 for the first; after one that has failed, a resume takes the next. */
  attempt: z.number(),
  startedAt: z.string(),
  jobId: z.string().optional(),
  /** Of an ended one: the lines that it has not taken, by input file; absent where no account of its own is believed. */
  failedLines: z.record(z.string(), z.array(z.number()).readonly()).optional(),
});
/** Where the bulk import of a run's Consents stands. */
export type ConsentImport = z.infer<typeof consentImport>;

const importInput = z.object({
  part: z.number(),
  file: z.number(),
  consents: z.number(),
  provenances: z.number(),
});
/** What an import is given of one file of changes of the pass `others`. */
export type ConsentImportInput = z.infer<typeof importInput>;

const importedFile = z.object({
  part: z.number(),
  file: z.number(),
  /** Changes of the file that the import has taken. */
  imported: z.number(),
  /** The changes that it has not, in the form of a change file. */
  left: storedFile,
  /** Provenances that it has not taken and that batches write no others for; absent where there are none. */
  provenancesFailed: z.number().optional(),
});
/** What a bulk import made of one file of changes of the pass `others`. */
export type ImportedFile = z.infer<typeof importedFile>;

const four = (number: number) => String(number).padStart(4, '0');
const partitionOf = (runId: string) => `RUN#${runId}`;
const keyOf = (runId: string) => ({ pk: partitionOf(runId), sk: 'IMPORT' });
const newestKey = { pk: 'LATEST', sk: 'IMPORT' };
const inputPrefix = (attempt: number) => `IMPORTING#${attempt}#`;
const inputKeyOf = (runId: string, attempt: number, part: number, file: number) => ({
  pk: partitionOf(runId),
  sk: `${inputPrefix(attempt)}${four(part)}#${four(file)}`,
});
const fileKeyOf = (runId: string, part: number, file: number) => ({
  pk: partitionOf(runId),
  sk: `IMPORTED#${four(part)}#${four(file)}`,
});

/** The number of the import that a run's files are being written for, or that has begun already. */
export function attemptOf(found: ConsentImport | undefined): number {
  if (!found) return 1;
  return hasBegun(found) ? found.attempt : found.attempt + 1;
}

/** Whether the import may have written something, or may yet: a second one would write the same again. */
export function hasBegun({ state }: ConsentImport): boolean {
  return state !== 'failed';
}

/** Whether the import has begun, or may have, and its end is not known. */
export function isPending({ state }: ConsentImport): boolean {
  return state === 'starting' || state === 'started';
}

/** What an import job is called, and what HealthLake knows a repeat of its start by. */
export function importName(runId: string, attempt: number): string {
  return `ndop-${runId}-${attempt}`;
}

/** What the ledger knows of the bulk imports of runs' Consents. */
export class ConsentImports {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  find(runId: string): Promise<ConsentImport | undefined> {
    return this.#table.read(keyOf(runId), consentImport);
  }

  /** @throws PermanentError LedgerInconsistent where the run has no import that was started */
  async read(runId: string): Promise<ConsentImport & { readonly jobId: string }> {
    const found = await this.find(runId);
    if (found?.jobId === undefined) {
      throw new PermanentError('LedgerInconsistent', `Run ${runId} has no import of Consents in the ledger`);
    }
    return { ...found, jobId: found.jobId };
  }

  /**
   * Records, before the start, that an import may be under way. False where there is an attempt of this number, or a later
   * one.
   */
  async begin(runId: string, attempt: number, startedAt: string): Promise<boolean> {
    await this.#table.put(newestKey, { runId });
    return this.#table.put(
      keyOf(runId),
      { state: 'starting', attempt, startedAt },
      { expression: 'attribute_not_exists(pk) OR attempt < :attempt', values: { ':attempt': attempt } },
    );
  }

  async update(runId: string, fields: Partial<ConsentImport>): Promise<void> {
    await this.#table.set(keyOf(runId), fields);
  }

  /** The newest import of all runs where its end is not known: it may be writing still, whatever became of its run. */
  async pending(): Promise<(ConsentImport & { readonly runId: string }) | undefined> {
    const newest = await this.#table.read(newestKey, z.object({ runId: z.string() }));
    const found = newest && (await this.find(newest.runId));
    return newest && found && isPending(found) ? { ...found, runId: newest.runId } : undefined;
  }

  async putInput(runId: string, attempt: number, row: ConsentImportInput): Promise<void> {
    await this.#table.put(inputKeyOf(runId, attempt, row.part, row.file), row);
  }

  findInput(runId: string, attempt: number, part: number, file: number): Promise<ConsentImportInput | undefined> {
    return this.#table.read(inputKeyOf(runId, attempt, part, file), importInput);
  }

  listInputs(runId: string, attempt: number): Promise<ConsentImportInput[]> {
    return this.#table.list(partitionOf(runId), inputPrefix(attempt), importInput);
  }

  /** Undefined where batches alone write the file. */
  findFile(runId: string, part: number, file: number): Promise<ImportedFile | undefined> {
    return this.#table.read(fileKeyOf(runId, part, file), importedFile);
  }

  async putFile(runId: string, row: ImportedFile): Promise<void> {
    await this.#table.put(fileKeyOf(runId, row.part, row.file), row);
  }
}
