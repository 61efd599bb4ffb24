import { z } from 'zod';
import type { Files } from '../files.ts';
import { parseJson } from '../json.ts';
import type { Part } from '../ledger/parts.ts';
import { runFiles } from '../run-files.ts';

const outcome = z.object({ written: z.number(), refused: z.number().default(0) });
export type WriteOutcome = z.infer<typeof outcome>;

/** What the evidence beside the change files vouches for: at least so many Consents written, and so many refused. */
export async function writtenSoFar(parts: readonly Part[], files: Pick<Files, 'find'>): Promise<WriteOutcome> {
  const total = { written: 0, refused: 0 };
  for (const { reconciled } of parts) {
    for (const { key } of [...(reconciled?.changeFiles.activations ?? []), ...(reconciled?.changeFiles.others ?? [])]) {
      const evidence = (await files.find(runFiles.written(key))) ?? (await files.find(runFiles.refused(key)));
      const said = outcome.safeParse(parseJson(evidence?.toString('utf8') ?? ''));
      if (!said.success) continue;
      total.written += said.data.written;
      total.refused += said.data.refused;
    }
  }
  return total;
}
