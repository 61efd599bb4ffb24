/** The pipeline's step `reconcile-part` as it is, over all parts, with its files on disk and its ledger in memory. */
import { reconcilePart } from '../../../functions/reconcile-part/reconcile-part.ts';
import { modelVersion } from '../../../shared/fhir/consent.ts';
import type { Part, StoredFile } from '../../../shared/ledger/parts.ts';
import type { Run } from '../../../shared/ledger/runs.ts';
import { contend, endPart } from '../contend.ts';
import { asAt, previousAsAt, type DataFile, type DataPart } from '../people/data-set.ts';
import { present } from '../read.ts';
import { DiskFiles } from './disk-files.ts';

const runId = '20261101T020000Z-0000';

const run: Run = {
  runId,
  state: 'running',
  trigger: 'console',
  mode: 'refresh',
  cohortChoice: { source: 'fhir-store' },
  executionArn: '',
  openedAt: asAt,
  opening: 1,
  baseManifestKey: 'previous',
};

function rowOf({ part, from, to, rows, files }: DataPart): Part {
  const reply = { messageId: 'bench', body: storedFile(files.reply), asAt };
  return { part, state: 'answered', from, to, rows, cohort: storedFile(files.people), attempt: 1, sentAt: asAt, reply };
}

function entryOf({ from, to, rows, previousOptedOut, files }: DataPart) {
  const { key, sha256 } = storedFile(files.previous);
  const times = { asAt: previousAsAt, sentAt: previousAsAt };
  return { from, to, key, sha256, rows, optedOut: previousOptedOut, ...times, modelVersion };
}

function storedFile(file: DataFile | undefined): StoredFile {
  const { path, sha256, bytes } = present(file);
  return { key: path, sha256, bytes };
}

await contend(async ({ data, answer }) => {
  const rows = new Map(data.parts.map((part) => [part.part, rowOf(part)]));
  const manifest = { runId: 'previous', entries: data.parts.map(entryOf) };
  let changes = 0;
  const deps = {
    changeFileRows: 10_000,
    storeMark: 'bench',
    retentionDays: 365,
    runs: { read: () => Promise.resolve(run) },
    parts: {
      read: (_: string, part: number) => Promise.resolve(rows.get(part)!),
      list: () => Promise.resolve([...rows.values()]),
      move: (_: string, __: number, ___: unknown, { reconciled }: Partial<Part>) => {
        changes += Object.values(reconciled?.changes ?? {}).reduce((sum, count) => sum + count, 0);
        return Promise.resolve(true);
      },
    },
    files: new DiskFiles(answer),
    readManifest: () => Promise.resolve(manifest),
  };
  for (const { part } of data.parts) {
    await reconcilePart({ runId, part }, deps);
    endPart();
  }
  if (changes !== data.changed) throw new Error(`There are ${changes} changes, not ${data.changed}`);
});
