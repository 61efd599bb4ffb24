import { Readable } from 'node:stream';
import { z } from 'zod';
import { inputNames } from '../../shared/fhir/import-log.ts';
import type { Files } from '../../shared/files.ts';
import type { ConsentImport, ConsentImportInput, ConsentImports } from '../../shared/ledger/consent-imports.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { changeFileOf, type Parts } from '../../shared/ledger/parts.ts';
import { readChanges, writeChange } from '../../shared/ndop/changes.ts';
import { runFiles } from '../../shared/run-files.ts';

export const findUnimportedInput = z.object({
  runId: z.string(),
  execution: z.string(),
  files: z.array(z.object({ part: z.number(), file: z.number() })),
});
export type FindUnimportedInput = z.infer<typeof findUnimportedInput>;

export interface FindUnimportedOutput {
  readonly imported: number;
  /** Changes that batches are to look at. */
  readonly left: number;
}

export interface FindUnimportedDeps {
  readonly leaseSeconds: number;
  readonly mailbox: Pick<MailboxLedger, 'renewLease'>;
  readonly parts: Pick<Parts, 'read'>;
  readonly consentImports: Pick<ConsentImports, 'read' | 'findInput' | 'findFile' | 'putFile'>;
  readonly files: Pick<Files, 'readVerified' | 'writeOnce'>;
}

/**
 * Says, for some change files, which changes are left to batches now that the import has ended: whoever's Consent is to be
 * deleted, and every line that the import has not taken; all of them where no account of its own is believed. A batch
 * reads before it writes, so what is left without need does no harm.
 *
 * @throws LeaseLost
 */
export async function findUnimported(
  { runId, execution, files }: FindUnimportedInput,
  deps: FindUnimportedDeps,
): Promise<FindUnimportedOutput> {
  const ended = await deps.consentImports.read(runId);
  const total = { imported: 0, left: 0 };
  for (const { part, file } of files) {
    await deps.mailbox.renewLease({ execution, runId }, deps.leaseSeconds);
    const input = await deps.consentImports.findInput(runId, ended.attempt, part, file);
    if (!input || (await deps.consentImports.findFile(runId, part, file))) continue;
    const { imported, left } = await findLeft(runId, ended, input, deps);
    total.imported += imported;
    total.left += left;
  }
  return total;
}

async function findLeft(
  runId: string,
  { attempt, failedLines }: ConsentImport,
  { part, file, consents }: ConsentImportInput,
  deps: FindUnimportedDeps,
): Promise<FindUnimportedOutput> {
  const { changeFile } = changeFileOf(runId, await deps.parts.read(runId, part), 'others', file);
  const names = inputNames(part, file);
  const failed = new Set(failedLines?.[names.consents]);
  const isLeft = (line: number) => failedLines === undefined || failed.has(line) || failed.has(line - 1);
  let line = 0;
  let unimported = 0;
  const left: string[] = [];
  for await (const change of readChanges(Readable.from([await deps.files.readVerified(changeFile)]))) {
    if (change.kind !== 'retire') {
      line += 1;
      // Whether lines are counted from 0 or from 1 is said nowhere: both are left.
      if (!isLeft(line)) continue;
      unimported += 1;
    }
    left.push(writeChange(change));
  }
  const stored = await deps.files.writeOnce(runFiles.left(changeFile.key, attempt), left.join(''));
  const imported = consents - unimported;
  // Where nothing is known of them, batches write a Provenance of everything that they find written.
  const provenancesFailed = failedLines?.[names.provenances]?.length ?? 0;
  await deps.consentImports.putFile(runId, {
    ...{ part, file, imported, left: stored },
    ...(provenancesFailed > 0 ? { provenancesFailed } : {}),
  });
  return { imported, left: left.length };
}
