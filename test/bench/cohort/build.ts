import { Readable } from 'node:stream';
import { cutIntoParts, readCohort, type CohortCounts } from '../../../shared/ndop/cohort.ts';
import { readCohortCsv } from '../../../shared/ndop/cohort-csv.ts';
import { writeCohortPart } from '../../../shared/ndop/cohort-part.ts';

/** Builds a cohort of test numbers from one CSV file; its parts come in order. */
export async function build(
  csv: AsyncIterable<Uint8Array>,
  partRows: number,
  writePart: (body: Buffer) => Promise<void>,
): Promise<CohortCounts> {
  const rules = { allowed: ['test'] as const, isRefused: () => false };
  const { people, counts } = await readCohort(readCohortCsv(Readable.from(csv)), rules, () => undefined);
  for (const part of cutIntoParts(people, partRows))
    await writePart(Buffer.from([...writeCohortPart(part.people)].join('')));
  return counts;
}
