import { z } from 'zod';
import { changePasses, type ChangePass } from '../ndop/changes.ts';
import { changeKinds } from '../ndop/reconcile.ts';
import { partName } from '../ndop/run-id.ts';
import { changeCounts, storedFile, type ChangeCounts } from './parts.ts';
import type { LedgerTable } from './table.ts';

const changeFileWrites = z.object({
  part: z.number(),
  pass: z.enum(changePasses),
  file: z.number(),
  /** Of the run, in which it was last worked on. */
  opening: z.number(),
  /** Changes that the FHIR store has taken, in whichever opening. */
  written: z.number(),
  /** Changes that it would not take: each with its reason, and with what the store holds in its place. */
  setAside: storedFile
    .extend({
      count: z.number(),
      reasons: z.record(z.string(), z.number()),
      /** How many of each kind of change. */
      kinds: changeCounts,
    })
    .optional(),
  /** Provenances that could not be written; the Consents are. */
  provenancesFailed: z.number(),
});
/** What became of one change file. The row is written once all of the file has been tried. */
export type ChangeFileWrites = z.infer<typeof changeFileWrites>;

/** What was set aside of several change files, together. */
export interface SetAsideCounts {
  readonly reasons: Readonly<Record<string, number>>;
  readonly kinds: ChangeCounts;
}

export function setAsideOf(rows: readonly ChangeFileWrites[]): SetAsideCounts {
  const reasons: Record<string, number> = {};
  const kinds: ChangeCounts = { activate: 0, deactivate: 0, create: 0, update: 0, retire: 0 };
  for (const { setAside } of rows) {
    for (const [reason, count] of Object.entries(setAside?.reasons ?? {}))
      reasons[reason] = (reasons[reason] ?? 0) + count;
    for (const kind of changeKinds) kinds[kind] += setAside?.kinds[kind] ?? 0;
  }
  return { reasons, kinds };
}

/** Which change file of a run. */
export interface ChangeFileRef {
  readonly part: number;
  readonly pass: ChangePass;
  readonly file: number;
}

const prefix = 'WRITTEN#';
const keyOf = (runId: string, { part, pass, file }: ChangeFileRef) => ({
  pk: `RUN#${runId}`,
  sk: `${prefix}${partName(part).slice('part-'.length)}#${pass}#${String(file).padStart(4, '0')}`,
});

/** The rows that say which change files of a run have been written. */
export class ConsentWrites {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  find(runId: string, file: ChangeFileRef): Promise<ChangeFileWrites | undefined> {
    return this.#table.read(keyOf(runId, file), changeFileWrites);
  }

  list(runId: string): Promise<ChangeFileWrites[]> {
    return this.#table.list(`RUN#${runId}`, prefix, changeFileWrites);
  }

  async put(runId: string, row: ChangeFileWrites): Promise<void> {
    await this.#table.put(keyOf(runId, row), row);
  }
}
