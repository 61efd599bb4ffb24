import { PermanentError } from '../errors.ts';
import { formatNhsNumber } from './nhs-number.ts';
import type { CohortPart } from './cohort.ts';
import { readLines } from '../lines.ts';

/** A part of the cohort as it is kept for the run: `nhsNumber,patientId` and LF per person, sorted by NHS number. */
export function* writeCohortPart({ nhsNumbers, patientIds }: CohortPart): Generator<string> {
  for (const [index, value] of nhsNumbers.entries()) {
    yield `${formatNhsNumber(value)},${patientIds[index] ?? ''}\n`;
  }
}

/**
 * @param rows how many people the part holds, as the ledger says
 * @throws PermanentError FileAltered
 */
export async function readCohortPart(body: AsyncIterable<Uint8Array>, rows: number): Promise<CohortPart> {
  const nhsNumbers = new Float64Array(rows);
  const patientIds: string[] = [];
  let index = 0;
  for await (const line of readLines(body)) {
    nhsNumbers[index] = Number(line.slice(0, 10));
    patientIds.push(line.slice(11));
    index += 1;
  }
  if (index !== rows) {
    throw new PermanentError('FileAltered', `A part of the cohort holds ${index} people where the ledger says ${rows}`);
  }
  return { nhsNumbers, patientIds };
}
