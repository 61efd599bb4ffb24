import { provenanceOf, type Provenance, type WrittenChunk } from '../../shared/fhir/provenance.ts';
import { idOf, type Write, type Written } from '../../shared/fhir/write-batch.ts';
import type { Change } from '../../shared/ndop/reconcile.ts';

export interface ChunkOptions extends Pick<WrittenChunk, 'asAt' | 'recorded' | 'messageIds'> {
  readonly namespace: string;
  readonly runId: string;
  readonly odsCode: string;
  /** Which file, in which opening of the run. */
  readonly name: string;
}

interface Batch {
  readonly batch: readonly Change[];
  readonly writes: readonly Write[];
  readonly written: readonly Written[];
}

/** The Provenance of what the run wrote of one batch; undefined where that is nothing. */
export function chunkOf(
  { batch, writes, written }: Batch,
  number: number,
  options: ChunkOptions,
): Provenance | undefined {
  const { name, asAt, recorded, messageIds } = options;
  const isWritten = written.map(({ kind }) => kind === 'written');
  const consentIds = writes.flatMap((write, index) => (isWritten[index] === true ? idOf(write) : []));
  if (consentIds.length === 0) return undefined;
  const kinds = new Set(batch.filter((_, index) => isWritten[index]).map(({ kind }) => kind));
  const [only] = kinds.size === 1 ? kinds : [];
  const activity = only === 'create' ? 'CREATE' : only === 'retire' ? 'DELETE' : 'UPDATE';
  return provenanceOf({ chunk: `${name}/${number}`, consentIds, activity, asAt, recorded, messageIds }, options);
}
