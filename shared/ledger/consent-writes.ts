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
  /** Changes that were none: the store held the same content already. How many of each kind. */
  present: changeCounts,
  /** Changes that it would not take: each with its reason, and with what the store holds in its place. */
  setAside: storedFile
    .extend({
      count: z.number(),
      reasons: z.record(z.string(), z.number()),
      /** How many of each kind of change. */
      kinds: changeCounts,
      /** Of how many what the store holds says "not opted out", with no answer that vouches for it any more. */
      unsafe: z.number(),
    })
    .optional(),
  /** Provenances that could not be written; the Consents are. */
  provenancesFailed: z.number(),
});
/** What became of one change file. The row is written once all of the file has been tried. */
export type ChangeFileWrites = z.infer<typeof changeFileWrites>;

/** What became of several change files, together. */
export interface ChangeWrites {
  readonly written: number;
  readonly present: ChangeCounts;
  readonly setAside: ChangeCounts;
  readonly setAsideByReason: Readonly<Record<string, number>>;
  readonly unsafe: number;
  readonly provenancesFailed: number;
}

export function together(rows: readonly ChangeFileWrites[]): ChangeWrites {
  const setAsideByReason: Record<string, number> = {};
  for (const [reason, count] of rows.flatMap(({ setAside }) => Object.entries(setAside?.reasons ?? {}))) {
    setAsideByReason[reason] = (setAsideByReason[reason] ?? 0) + count;
  }
  return {
    written: rows.reduce((sum, row) => sum + row.written, 0),
    present: sumOfCounts(rows.map(({ present }) => present)),
    setAside: sumOfCounts(rows.flatMap(({ setAside }) => setAside?.kinds ?? [])),
    setAsideByReason,
    unsafe: rows.reduce((sum, { setAside }) => sum + (setAside?.unsafe ?? 0), 0),
    provenancesFailed: rows.reduce((sum, row) => sum + row.provenancesFailed, 0),
  };
}

export function sumOfCounts(counts: readonly ChangeCounts[]): ChangeCounts {
  const sum: ChangeCounts = { activate: 0, deactivate: 0, create: 0, update: 0, retire: 0 };
  for (const kind of changeKinds) sum[kind] = counts.reduce((total, each) => total + each[kind], 0);
  return sum;
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
