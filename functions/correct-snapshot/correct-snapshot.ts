import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { collectGzipped } from '../../shared/collect.ts';
import { PermanentError } from '../../shared/errors.ts';
import type { Files } from '../../shared/files.ts';
import type { ChangeFileWrites, ConsentWrites } from '../../shared/ledger/consent-writes.ts';
import type { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import type { Parts } from '../../shared/ledger/parts.ts';
import type { Runs } from '../../shared/ledger/runs.ts';
import { readLines } from '../../shared/lines.ts';
import { readSetAside } from '../../shared/ndop/set-aside.ts';
import { readRecord, writeRecord, type PersonRecord } from '../../shared/ndop/snapshot.ts';
import { runFiles } from '../../shared/run-files.ts';

export const correctSnapshotInput = z.object({ runId: z.string(), execution: z.string(), part: z.number() });
export type CorrectSnapshotInput = z.infer<typeof correctSnapshotInput>;

export interface CorrectSnapshotOutput {
  readonly part: number;
  /** People of whom the snapshot now says what the store holds instead of what the answer said. */
  readonly corrected: number;
}

export interface CorrectSnapshotDeps {
  readonly leaseSeconds: number;
  readonly runs: Pick<Runs, 'read'>;
  readonly parts: Pick<Parts, 'read' | 'move'>;
  readonly consentWrites: Pick<ConsentWrites, 'list'>;
  readonly mailbox: Pick<MailboxLedger, 'keepLease'>;
  readonly files: Pick<Files, 'openVerified' | 'writeOnce'>;
}

/**
 * Makes a part's stretch of the snapshot say what the FHIR store holds of those whose change it did not take, so that the
 * next run compares with the truth and tries them again.
 *
 * @throws LeaseLost; LedgerInconsistent where the part was not reconciled
 */
export async function correctSnapshot(
  { runId, execution, part }: CorrectSnapshotInput,
  deps: CorrectSnapshotDeps,
): Promise<CorrectSnapshotOutput> {
  await deps.mailbox.keepLease({ execution, runId }, deps.leaseSeconds);
  const { opening } = await deps.runs.read(runId);
  const { attempt, reconciled } = await deps.parts.read(runId, part);
  if (!reconciled) throw new PermanentError('LedgerInconsistent', `Part ${part} of run ${runId} was not reconciled`);
  const rows = (await deps.consentWrites.list(runId)).filter((row) => row.part === part);
  const held = await heldInstead(rows, deps);

  const snapshot = await deps.files.openVerified(reconciled.snapshot);
  const lines = readLines(Readable.from(snapshot).pipe(createGunzip()));
  const counts = { rows: 0, optedOut: 0 };
  const body = await collectGzipped(linesWith(lines, held, counts));
  const file = await deps.files.writeOnce(runFiles.correctedPart(runId, part, attempt, opening), body);
  await deps.parts.move(runId, part, ['reconciled'], { corrected: { ...file, ...counts, opening } });
  return { part, corrected: held.length };
}

interface Held {
  readonly nhsNumber: number;
  readonly record: PersonRecord | undefined;
}

/** What the store holds of everybody who was set aside, by NHS number. */
async function heldInstead(
  rows: readonly ChangeFileWrites[],
  { files }: Pick<CorrectSnapshotDeps, 'files'>,
): Promise<Held[]> {
  const held: Held[] = [];
  for (const { setAside } of rows) {
    if (!setAside) continue;
    for await (const { change, held: record } of readSetAside(await files.openVerified(setAside))) {
      held.push({ nhsNumber: change.optOut.nhsNumber, record });
    }
  }
  return held.sort((a, b) => a.nhsNumber - b.nhsNumber);
}

/** Both are sorted: each of the snapshot's lines goes over unless something else is held in its place. */
async function* linesWith(
  lines: AsyncIterable<string>,
  held: readonly Held[],
  counts: { rows: number; optedOut: number },
): AsyncGenerator<string> {
  const lineOf = (record: PersonRecord) => {
    counts.rows += 1;
    if (record.status === 'active') counts.optedOut += 1;
    return writeRecord(record);
  };
  let next = 0;
  for await (const line of lines) {
    const record = readRecord(line);
    let isHeldInstead = false;
    for (let other = held[next]; other && other.nhsNumber <= record.nhsNumber; other = held[next]) {
      if (other.record) yield lineOf(other.record);
      isHeldInstead = other.nhsNumber === record.nhsNumber;
      next += 1;
    }
    if (!isHeldInstead) yield lineOf(record);
  }
  for (const { record } of held.slice(next)) if (record) yield lineOf(record);
}
