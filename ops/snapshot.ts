import { PermanentError } from '../shared/errors.ts';
import { inOrder } from '../shared/in-order.ts';
import { manifestOf } from '../shared/ledger/latest.ts';
import { readManifest } from '../shared/ndop/read-manifest.ts';
import { wholeNumberLine } from '../shared/ndop/number-range.ts';
import { snapshotAge, snapshotAgeText } from '../shared/ndop/snapshot-age.ts';
import type { SnapshotEntry } from '../shared/ndop/snapshot-manifest.ts';
import type { Target } from './target.ts';
import { checkFile, checkManifest, checkRefused, entriesByFile, type CheckedFile } from './verify-snapshot.ts';

/** How many files are read at once: the next ones are on their way while one is looked through. */
const filesAtOnce = 4;

/** The parts of a target that a look at its snapshot needs. */
export type SnapshotTarget = Pick<Target, 'files' | 'latest'>;

/** What the newest snapshot is made of, stretch by stretch, and how old its answers are. */
export async function showSnapshot({ files, latest }: SnapshotTarget, now: Date): Promise<string> {
  const newest = await latest.read();
  if (!newest) return noSnapshot;
  const manifest = await readManifest(files, manifestOf(newest));
  const { entries, refused } = manifest;
  const width = String(wholeNumberLine.to).length;
  return [
    `Snapshot of run ${newest.runId}, closed ${newest.closedAt}: ${newest.manifestKey}`,
    ...entries.map((entry) => {
      const range = `from ${String(entry.from).padStart(width)} to ${String(entry.to).padStart(width)}`;
      return `  ${range}  ${peopleOf(entry)}, ${agesOf(entry, now)}, model ${entry.modelVersion}  ${entry.key}`;
    }),
    ...(refused ? [`  numbers that the service refused: ${refused.key}`] : []),
    summary(entries, now),
  ].join('\n');
}

/** How old what we believe is, as the daily drain tells it. */
export async function showFreshness(
  { files, latest, maxAgeDays }: SnapshotTarget & Pick<Target, 'maxAgeDays'>,
  now: Date,
): Promise<string> {
  const newest = await latest.read();
  if (!newest) return noSnapshot;
  const manifest = await readManifest(files, manifestOf(newest));
  const { closedAt } = newest;
  return snapshotAgeText(snapshotAge(manifest, { closedAt, at: now.toISOString(), maxAgeDays }));
}

/**
 * Reads the newest snapshot from end to end and says file by file what it found.
 *
 * @param print takes a line as soon as it is known
 * @throws PermanentError SnapshotInconsistent listing every fault
 */
export async function verifySnapshot(
  { files, latest }: SnapshotTarget,
  now: Date,
  print: (line: string) => void,
): Promise<string> {
  const newest = await latest.read();
  if (!newest) return noSnapshot;
  const { manifest, faults: manifestFaults } = await checkManifest(files, newest);
  print(`${newest.manifestKey}  ${verdictOf(manifestFaults)}`);
  const faults = manifestFaults.map((fault) => `${newest.manifestKey} ${fault}`);
  const tell = (file: CheckedFile, about: string) => {
    print(`${file.key}  ${about}, ${file.bytes} bytes  ${verdictOf(file.faults)}`);
    faults.push(...file.faults.map((fault) => `${file.key} ${fault}`));
  };

  const byFile = manifest ? entriesByFile(manifest) : [];
  let believed = 0;
  const check = async (entries: readonly SnapshotEntry[]) => ({
    file: await checkFile(files, newest.runId, entries),
    entries,
  });
  for await (const { file, entries } of inOrder(byFile, filesAtOnce, check)) {
    believed += file.believed;
    const [entry] = entries;
    tell(file, `${peopleOf(file)}${entry ? `, ${agesOf(entry, now)}` : ''}`);
  }
  if (manifest?.refused) {
    const file = await checkRefused(files, manifest.refused);
    tell(file, `${file.rows} numbers that the service refused`);
  }

  const looked = `${byFile.length + (manifest?.refused ? 2 : 1)} files`;
  if (faults.length > 0) {
    throw new PermanentError(
      'SnapshotInconsistent',
      [`The snapshot of run ${newest.runId} has ${faults.length} faults in ${looked}:`, ...faults].join('\n  '),
    );
  }
  return `The snapshot of run ${newest.runId} is as it was written: ${looked}, ${believed} people. ${summary(manifest?.entries ?? [], now)}`;
}

const noSnapshot = 'No snapshot yet: no run has completed';

const verdictOf = (faults: readonly string[]): string => (faults.length === 0 ? 'ok' : `FAULTY: ${faults.join('; ')}`);

const peopleOf = ({ rows, optedOut }: Pick<SnapshotEntry, 'rows' | 'optedOut'>): string =>
  `${rows} people, ${optedOut} opted out`;

const agesOf = ({ asAt, sentAt, expiredAt }: SnapshotEntry, now: Date): string =>
  `asked ${aged(sentAt, now)}, answered ${aged(asAt, now)}${expiredAt === undefined ? '' : `, expired ${aged(expiredAt, now)}`}`;

const millisecondsPerDay = 86_400_000;

function aged(time: string, now: Date): string {
  const days = (now.getTime() - Date.parse(time)) / millisecondsPerDay;
  return `${time} (${days.toFixed(1)} days ago)`;
}

/** Freshness is that of the oldest stretch, counted from its request. */
function summary(entries: readonly SnapshotEntry[], now: Date): string {
  const oldest = entries.map(({ sentAt }) => sentAt).sort()[0];
  const files = [...new Map(entries.map((entry) => [entry.key, entry])).values()];
  const people = {
    rows: files.reduce((sum, { rows }) => sum + rows, 0),
    optedOut: files.reduce((sum, file) => sum + file.optedOut, 0),
  };
  const gaps = gapsIn(entries);
  return [
    `${entries.length} stretches whose files hold ${peopleOf(people)}`,
    ...(gaps > 0 ? [`${gaps} stretches of the number line have had no answer yet`] : []),
    ...(oldest === undefined ? [] : [`the oldest was asked about ${aged(oldest, now)}`]),
  ].join('; ');
}

function gapsIn(entries: readonly SnapshotEntry[]): number {
  let end = wholeNumberLine.from;
  let gaps = 0;
  for (const { from, to } of entries) {
    if (from > end) gaps += 1;
    end = to;
  }
  return end < wholeNumberLine.to ? gaps + 1 : gaps;
}
