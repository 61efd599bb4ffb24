import { Readable } from 'node:stream';
import { z } from 'zod';
import { batchSize } from '../../shared/fhir/batch.ts';
import { consentOf, type ConsentOptions } from '../../shared/fhir/consent.ts';
import { consentIdOf } from '../../shared/fhir/consent-id.ts';
import { inputNames } from '../../shared/fhir/import-log.ts';
import { provenanceOf, type Provenance } from '../../shared/fhir/provenance.ts';
import type { Files } from '../../shared/files.ts';
import { attemptOf, hasBegun, type ConsentImports } from '../../shared/ledger/consent-imports.ts';
import type { ConsentWrites } from '../../shared/ledger/consent-writes.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { changeFileOf, type Parts } from '../../shared/ledger/parts.ts';
import { readChanges } from '../../shared/ndop/changes.ts';
import type { Change } from '../../shared/ndop/reconcile.ts';
import { runFiles } from '../../shared/run-files.ts';

export const writeImportFilesInput = z.object({
  runId: z.string(),
  execution: z.string(),
  files: z.array(z.object({ part: z.number(), file: z.number() })),
});
export type WriteImportFilesInput = z.infer<typeof writeImportFilesInput>;

export interface WriteImportFilesDeps {
  readonly consent: Omit<ConsentOptions, 'runId'>;
  /** Our own organisation, in Provenances; undefined where none are written. */
  readonly odsCode: string | undefined;
  readonly now: () => Date;
  readonly leaseSeconds: number;
  readonly mailbox: Pick<MailboxLedger, 'renewLease'>;
  readonly parts: Pick<Parts, 'read'>;
  readonly consentWrites: Pick<ConsentWrites, 'find'>;
  readonly consentImports: Pick<ConsentImports, 'find' | 'findInput' | 'putInput'>;
  readonly files: Pick<Files, 'readVerified' | 'writeStreamOnce'>;
}

/**
 * Makes files to import of some change files of the pass `others`: their Consents one a line in the order of the changes,
 * and beside them their Provenances. Consents that are to be deleted are none. A change file that batches have been
 * through is passed over. Where an import has begun, no more are made: a run has one, and batches write the rest.
 *
 * @throws LeaseLost
 */
export async function writeImportFiles(
  { runId, execution, files }: WriteImportFilesInput,
  deps: WriteImportFilesDeps,
): Promise<{ readonly consents: number }> {
  const earlier = await deps.consentImports.find(runId);
  const attempt = attemptOf(earlier);
  let consents = 0;
  for (const { part, file } of earlier && hasBegun(earlier) ? [] : files) {
    await deps.mailbox.renewLease({ execution, runId }, deps.leaseSeconds);
    if (await deps.consentWrites.find(runId, { part, pass: 'others', file })) continue;
    const done = await deps.consentImports.findInput(runId, attempt, part, file);
    consents += done?.consents ?? (await writeFiles({ runId, attempt, part, file }, deps));
  }
  return { consents };
}

/** @returns the number of Consents */
async function writeFiles(
  input: { readonly runId: string; readonly attempt: number; readonly part: number; readonly file: number },
  deps: WriteImportFilesDeps,
): Promise<number> {
  const { runId, attempt, part, file } = input;
  const { changeFile, reconciled } = changeFileOf(runId, await deps.parts.read(runId, part), 'others', file);
  const changes: Change[] = [];
  for await (const change of readChanges(Readable.from([await deps.files.readVerified(changeFile)]))) {
    if (change.kind !== 'retire') changes.push(change);
  }
  if (changes.length === 0) return 0;

  const names = inputNames(part, file);
  const folder = runFiles.importInput(runId, attempt);
  const options = { ...deps.consent, runId };
  await deps.files.writeStreamOnce(
    folder + names.consents,
    ndjson(changes, ({ optOut, patientId }) => consentOf(optOut, patientId, options)),
  );
  const chunks = deps.odsCode === undefined ? [] : chunksOf(changes);
  if (chunks.length > 0) {
    const { asAt, messageIds = [] } = reconciled;
    const of = { asAt, messageIds, recorded: deps.now().toISOString() };
    const provenanceOptions = { namespace: options.namespace, runId, odsCode: deps.odsCode ?? '' };
    await deps.files.writeStreamOnce(
      folder + names.provenances,
      ndjson(chunks, (chunk, index): Provenance => {
        const consentIds = chunk.map(({ optOut }) => consentIdOf(optOut.nhsNumber, options.idKey));
        const activity = chunk.every(({ kind }) => kind === 'create') ? 'CREATE' : 'UPDATE';
        const name = `part-${part}/others-${file}/import/${index + 1}`;
        return provenanceOf({ chunk: name, consentIds, activity, ...of }, provenanceOptions);
      }),
    );
  }
  await deps.consentImports.putInput(runId, attempt, {
    ...{ part, file, consents: changes.length, provenances: chunks.length },
  });
  return changes.length;
}

/** As many as one batch would have written. */
function chunksOf(changes: readonly Change[]): Change[][] {
  const starts = Array.from({ length: Math.ceil(changes.length / batchSize) }, (_, index) => index * batchSize);
  return starts.map((start) => changes.slice(start, start + batchSize));
}

const pieceBytes = 65_536;

async function* ndjson<Item>(
  items: readonly Item[],
  resourceOf: (item: Item, index: number) => object,
): AsyncGenerator<Buffer> {
  let piece = '';
  for (const [index, item] of items.entries()) {
    piece += `${JSON.stringify(resourceOf(item, index))}\n`;
    if (piece.length < pieceBytes) continue;
    // The upload takes a piece before the next one is made, so that no more of the file is ever in memory.
    yield await Promise.resolve(Buffer.from(piece));
    piece = '';
  }
  if (piece !== '') yield Buffer.from(piece);
}
