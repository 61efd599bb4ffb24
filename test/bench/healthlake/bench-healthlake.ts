import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Alone } from '../alone.ts';
import { ours } from '../contest.ts';
import { figures, type Figures } from '../measure.ts';
import { writeDataSet } from '../people/data-set.ts';
import { present } from '../read.ts';
import { median, type HealthLakeLine, type QuotaLine } from '../table.ts';
import { withStore, type StoreFigures } from './store-process.ts';

export interface HealthLakeFigures {
  readonly lines: readonly HealthLakeLine[];
  readonly quota: QuotaLine;
}

const consents = 5_000;
const warmUpConsents = 500;
const quotaConsents = 18_000;
/** HealthLake's default. Source: AWS HealthLake Developer Guide, "Endpoints and quotas". */
const unitsPerSecond = 3_000;
const leastShare = 0.9;

/** The PUTs take longest and vary least: once is enough. */
const contenders = [
  { name: 'ours', title: ours, mostRuns: Infinity },
  { name: 'puts', title: 'PUT after PUT', mostRuns: 1 },
  { name: 'floor', title: 'floor: posting the bytes', mostRuns: Infinity },
] as const;

/**
 * Consents a second into the HealthLake stand-in: by the step that writes a change file, beside one PUT after another, and
 * beside Bundles of the same bytes that are built and signed beforehand. And how much of a quota the step makes use of.
 *
 * @throws Error where the stores differ in what they hold, or less than 90 % of the quota is made use of
 */
export async function benchHealthLake({ runs, seed }: { runs: number; seed: number }): Promise<HealthLakeFigures> {
  const directory = await mkdtemp(join(tmpdir(), 'ndop-bench-'));
  const program = await Alone.bundle(join(import.meta.dirname, 'write.ts'));
  const changesOf = (rows: number) =>
    present(
      writeDataSet({
        directory: join(directory, String(rows)),
        rows,
        partRows: rows,
        seed,
        kinds: new Set(['changes']),
      }).files.changes,
    ).path;
  const write = async (contender: string, changes: string, warmUp: number, quota?: number) => {
    const { result, store } = await withStore(quota, (url) => program.run(contender, url, changes, String(warmUp)));
    return { figures: figures.parse(JSON.parse(result)), store };
  };
  try {
    const changes = changesOf(consents + warmUpConsents);
    const measured = new Map<string, Figures[]>();
    const stores: StoreFigures[] = [];
    for (let run = 0; run < runs; run += 1) {
      for (const { name } of contenders.filter(({ mostRuns }) => run < mostRuns)) {
        const one = await write(name, changes, warmUpConsents);
        measured.set(name, [...(measured.get(name) ?? []), one.figures]);
        stores.push(one.store);
      }
    }
    ensureSame(stores);
    const limited = await write('ours', changesOf(quotaConsents), 0, unitsPerSecond);
    return { lines: linesOf(measured), quota: quotaLineOf(limited.figures, limited.store) };
  } finally {
    await program.remove();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Each contender has written every Consent once, and the same ones. */
function ensureSame(stores: readonly StoreFigures[]): void {
  const due = consents + warmUpConsents;
  const wrong = stores.find(({ writes, sha256 }) => writes !== due || sha256 !== stores[0]?.sha256);
  if (wrong) throw new Error(`${wrong.writes} versions written where ${due} were due, or others than the first wrote`);
}

function linesOf(measured: ReadonlyMap<string, readonly Figures[]>): HealthLakeLine[] {
  const of = (name: string, figure: (one: Figures) => number) => median((measured.get(name) ?? []).map(figure));
  const oursSeconds = of('ours', ({ seconds }) => seconds);
  return contenders.map(({ name, title }) => {
    const seconds = of(name, (one) => one.seconds);
    return {
      contender: title,
      runs: measured.get(name)?.length ?? 0,
      consents,
      seconds,
      processorSeconds: of(name, (one) => one.processorSeconds),
      peakMemoryMiB: of(name, (one) => one.peakMemoryMiB),
      ratio: seconds / oursSeconds,
    };
  });
}

function quotaLineOf({ seconds }: Figures, { writes, writeUnits, throttledEntries }: StoreFigures): QuotaLine {
  // The store lets through a full second's quota at once in the beginning.
  const share = writeUnits / (unitsPerSecond * (seconds + 1));
  if (writes !== quotaConsents) throw new Error(`${writes} versions written where ${quotaConsents} were due`);
  if (share < leastShare) {
    throw new Error(`${(share * 100).toFixed(0)} % of the quota was made use of, less than ${leastShare * 100} %`);
  }
  return { unitsPerSecond, consents: writes, seconds, throttledEntries, share };
}
