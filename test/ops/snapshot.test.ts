import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it, test } from '@jest/globals';
import { showSnapshot, verifySnapshot } from '../../ops/snapshot.ts';
import { samplePeople, sampleOptedOut } from '../support/nhs-numbers.ts';
import { InMemoryPipeline } from '../support/pipeline.ts';

const malformed = { name: 'ReplyMalformed', message: 'Row 3 of the answer is not an NHS number and a comma' };

/** Two months: the second one has an answer to parts 1 and 3 alone, and two refused numbers on record. */
async function twoMonths(): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline({ partRows: 3 });
  await pipeline.run(samplePeople, sampleOptedOut);
  pipeline.clock.advance(28 * 86_400);
  pipeline.execution = 'arn:execution:next';
  await pipeline.open({ trigger: 'console', reason: 'next' });
  await pipeline.ask(samplePeople, sampleOptedOut);
  for (const part of [1, 3]) await pipeline.reconcile(part);
  await pipeline.weigh([{ part: 2, failure: malformed }]);
  await pipeline.close();
  return pipeline;
}

async function verify(pipeline: InMemoryPipeline) {
  const lines: string[] = [];
  const target = { files: pipeline.files, latest: pipeline.ledger.latest };
  const verdict = await verifySnapshot(target as never, pipeline.clock.now(), (line) => lines.push(line)).catch(
    (error: unknown) => error as Error,
  );
  return { lines, verdict };
}

/** The file of an entry of the newest manifest, counted from 0. */
function fileOf(pipeline: InMemoryPipeline, entry: number): string {
  const manifest = JSON.parse(pipeline.files.text(pipeline.ledger.latest.present!.manifestKey)) as {
    entries: { key: string }[];
  };
  return manifest.entries[entry]!.key;
}

/** Changes the text of a file, and compresses it again. */
function rewrite(pipeline: InMemoryPipeline, key: string, change: (text: string) => string): void {
  pipeline.files.alter(key, (bytes) => gzipSync(change(gunzipSync(bytes).toString('latin1'))));
}

describe('a snapshot that is whole', () => {
  it('is said to be so, file by file, with counts and ages', async () => {
    const pipeline = await twoMonths();
    const { lines, verdict } = await verify(pipeline);
    expect(lines).toHaveLength(4);
    expect(lines.every((line) => line.endsWith('  ok'))).toBe(true);
    expect(lines[1]).toMatch(
      /^snapshots\/.*csv\.gz {2}3 people, \d opted out, asked .* ago\), answered .* ago\), \d+ bytes/,
    );
    expect(verdict).toMatch(/^The snapshot of run \S+ is as it was written: 4 files, 8 people\. 3 stretches/);
    expect(verdict).toMatch(/the oldest was asked about 2026-09-01.* \(28\.\d days ago\)$/);
  });

  it('is shown stretch by stretch', async () => {
    const pipeline = await twoMonths();
    const shown = await showSnapshot(
      { files: pipeline.files, latest: pipeline.ledger.latest } as never,
      pipeline.clock.now(),
    );
    expect(shown.split('\n')).toHaveLength(5);
    expect(shown).toMatch(/ {2}from {11}0 to +\d+ {2}3 people, \d opted out, asked 2026-09-29.*model 1/);
    expect(shown).toContain(
      '3 stretches whose files hold 8 people, 2 opted out; the oldest was asked about 2026-09-01',
    );
  });

  it('names no person, whatever is wrong', async () => {
    const pipeline = await twoMonths();
    rewrite(pipeline, fileOf(pipeline, 0), (text) => text.replace('inactive', 'unknown'));
    const { lines, verdict } = await verify(pipeline);
    const said = [...lines, String(verdict)].join('\n');
    for (const person of samplePeople) expect(said).not.toContain(String(person));
  });

  it('may be none yet', async () => {
    expect(await verify(new InMemoryPipeline())).toEqual({
      lines: [],
      verdict: 'No snapshot yet: no run has completed',
    });
  });
});

type Change = (text: string) => string;
const swapped: Change = (text) =>
  text
    .split('\n')
    .slice(0, -1)
    .reverse()
    .map((line) => `${line}\n`)
    .join('');

test.each<{ what: string; change: Change; says: string }>([
  { what: 'swapped lines', change: swapped, says: 'has 2 lines not above the one before, line 2 the first' },
  {
    what: 'a repeated line',
    change: (text) => text.replace(/^.*\n/, '$&$&'),
    says: '1 lines not above the one before',
  },
  {
    what: 'a lost line',
    change: (text) => text.replace(/^.*\n/, ''),
    says: 'holds 2 people where the manifest says 3',
  },
  {
    what: 'another status',
    change: (text) => text.replace(',inactive,', ',unknown,'),
    says: 'has 1 lines that are no',
  },
  {
    what: 'a status turned',
    change: (text) => text.replace(',inactive,', ',active,'),
    says: 'has 1 lines that are no',
  },
  { what: 'a thirteenth month', change: (text) => text.replace('-09-', '-13-'), says: 'has 1 lines that are no' },
  { what: 'a hash cut short', change: (text) => text.replace(/[0-9a-f],\n/, ',\n'), says: 'has 1 lines that are no' },
  { what: 'another field', change: (text) => text.replace('\n', ',\n'), says: 'has 1 lines that are no' },
  {
    what: 'a wrong digit',
    change: (text) =>
      text.replace(/^(\d{9})(\d)/, (_, stem: string, check: string) => `${stem}${(Number(check) + 1) % 10}`),
    says: 'has 1 lines with a wrong check digit, line 1 the first',
  },
  { what: 'no last line end', change: (text) => text.slice(0, -1), says: 'ends within a line' },
])('a file with $what is faulty', async ({ change, says }) => {
  const pipeline = await twoMonths();
  const key = fileOf(pipeline, 0);
  rewrite(pipeline, key, change);
  const { lines, verdict } = await verify(pipeline);
  expect(verdict).toMatchObject({
    name: 'SnapshotInconsistent',
    message: expect.stringContaining(`${key} is not what the manifest recorded: its bytes have changed`),
  });
  expect(String(verdict)).toContain(`${key} `);
  expect(String(verdict)).toContain(says);
  expect(lines.filter((line) => line.includes('FAULTY'))).toHaveLength(1);
});

describe('a snapshot of which', () => {
  it('a file is cut off says so, and goes on with the others', async () => {
    const pipeline = await twoMonths();
    pipeline.files.alter(fileOf(pipeline, 0), (bytes) => bytes.subarray(0, bytes.length - 10));
    const { lines, verdict } = await verify(pipeline);
    expect(String(verdict)).toContain('is no gzip data, or not to its end');
    expect(lines.filter((line) => line.endsWith('  ok'))).toHaveLength(3);
  });

  it('a file is gone says so', async () => {
    const pipeline = await twoMonths();
    pipeline.files.contents.delete(fileOf(pipeline, 1));
    expect(String((await verify(pipeline)).verdict)).toMatch(/has 1 faults in 4 files:\n {2}\S+ is not in the bucket$/);
  });

  it('the manifest is gone says so', async () => {
    const pipeline = await twoMonths();
    pipeline.files.contents.delete(pipeline.ledger.latest.present!.manifestKey);
    expect((await verify(pipeline)).verdict).toMatchObject({
      message: expect.stringContaining('is not in the bucket'),
    });
  });

  it('the manifest was altered looks at the files all the same', async () => {
    const pipeline = await twoMonths();
    const { manifestKey } = pipeline.ledger.latest.present!;
    pipeline.files.alter(manifestKey, (bytes) => bytes.toString('utf8').replace(/"rows": 3/, '"rows": 4'));
    const { verdict, lines } = await verify(pipeline);
    expect(lines).toHaveLength(4);
    expect(String(verdict)).toContain(`${manifestKey} is not what the ledger recorded`);
    expect(String(verdict)).toContain('holds 3 people where the manifest says 4');
  });

  it('somebody stands in a file of this run outside its stretch says so', async () => {
    const pipeline = await twoMonths();
    const { manifestKey } = pipeline.ledger.latest.present!;
    pipeline.files.alter(manifestKey, (bytes) => {
      const manifest = JSON.parse(bytes.toString('utf8')) as { entries: { from: number }[] };
      manifest.entries[2]!.from = Math.max(...samplePeople);
      return JSON.stringify(manifest);
    });
    expect(String((await verify(pipeline)).verdict)).toContain('people outside its stretch of the number line');
  });

  it('the refused numbers are altered says so', async () => {
    const pipeline = await twoMonths();
    const { manifestKey } = pipeline.ledger.latest.present!;
    const key = manifestKey.replace('manifest-1.json', 'refused-1.csv');
    pipeline.files.contents.set(key, Buffer.from('no number,2026-09-01T00:00:00Z\n'));
    pipeline.files.alter(manifestKey, (bytes) =>
      JSON.stringify({ ...(JSON.parse(bytes.toString('utf8')) as object), refused: { key, sha256: 'other' } }),
    );
    const { lines, verdict } = await verify(pipeline);
    expect(lines.at(-1)).toMatch(/refused-1\.csv {2}0 numbers that the service refused, 31 bytes {2}FAULTY/);
    expect(String(verdict)).toContain(`${key} has 1 lines that are no lines of such a file, line 1 the first`);
  });
});
