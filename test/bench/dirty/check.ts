import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { matchAnswer } from '../../../shared/ndop/answer.ts';
import { build } from '../cohort/build.ts';
import { grouped } from '../table.ts';
import { dirtyCohort } from './cohort-file.ts';
import { dirtyReplies } from './replies.ts';

/** Bytes come in odd lengths, so that rows and line ends are torn apart. */
const chunkBytes = 1013;

/**
 * Gives the pipeline files with faults of every kind: what can be read must come to exactly what was sown, the rest must
 * be refused by its name.
 *
 * @param directory where the files are kept
 * @returns what was seen, in sentences
 * @throws Error where anything else comes of a file
 */
export async function checkDirtyFiles(directory: string, people: number, seed: number): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const cohort = dirtyCohort(people, seed);
  await writeFile(join(directory, 'cohort.csv'), cohort.csv);
  const bodies: Buffer[] = [];
  const { rows, requested, duplicates, quarantined } = await build(
    chunksOf(Buffer.from(cohort.csv)),
    10_000,
    (body) => {
      bodies.push(Buffer.from(body));
      return Promise.resolve();
    },
  );
  equal('the dirty cohort', { rows, requested, duplicates, quarantined }, cohort.counts);
  const lines = Buffer.concat(bodies).toString('latin1').trimEnd().split('\n');
  equal(
    'the people of the dirty cohort',
    lines.map((line) => Number(line.slice(0, 10))),
    cohort.nhsNumbers,
  );
  const setAside = Object.values(quarantined).reduce((sum, count) => sum + count, 0);
  const seen = [
    `Dirty cohort: ${grouped(rows)} rows are ${grouped(requested)} people, ${grouped(duplicates)} duplicates and ${grouped(setAside)} set aside for ${Object.keys(quarantined).length} reasons, as sown`,
  ];
  const nhsNumbers = Float64Array.from(cohort.nhsNumbers);
  for (const reply of dirtyReplies(people, seed)) {
    await writeFile(join(directory, `reply ${reply.name}.dat`), reply.body, 'latin1');
    const came = await match(nhsNumbers, Buffer.from(reply.body, 'latin1'));
    const expected =
      'refusal' in reply
        ? { refusal: reply.refusal }
        : { rows: reply.rows, duplicates: reply.duplicates, optedOut: reply.optedOut };
    equal(`the reply ${reply.name}`, came, expected);
    seen.push(`Dirty reply, ${reply.name}: ${'refusal' in reply ? reply.refusal : 'read as sown'}`);
  }
  return seen;
}

async function match(nhsNumbers: Float64Array, body: Buffer): Promise<object> {
  try {
    const { returned, rows, duplicates } = await matchAnswer(nhsNumbers, chunksOf(body));
    return { rows, duplicates, optedOut: Array.from(nhsNumbers).filter((_, place) => returned[place] === 0) };
  } catch (error) {
    return { refusal: error instanceof Error ? error.name : String(error) };
  }
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    yield await Promise.resolve(bytes.subarray(at, at + chunkBytes));
  }
}

function equal(name: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  const brief = (value: unknown) => JSON.stringify(value).slice(0, 300);
  throw new Error(
    `Not what was sown in ${name}: ${brief(actual)}, expected ${brief(expected)}. No figure of this run counts`,
  );
}
