import { buildParts, type CohortCounts } from '../../../shared/cohort/build-parts.ts';
import { collect } from '../../../shared/collect.ts';

/** Builds a cohort of test numbers from one CSV file; its parts come in order. */
export async function build(
  csv: AsyncIterable<Uint8Array>,
  partRows: number,
  writePart: (body: Buffer) => Promise<void>,
): Promise<CohortCounts> {
  async function* files(): AsyncGenerator<AsyncIterable<Uint8Array>> {
    yield await Promise.resolve(csv);
  }
  return buildParts(
    files(),
    { allowed: ['test'], refused: new Map(), partRows },
    {
      writeQuarantine: async (lines) => {
        await collect(lines);
      },
      writePart: ({ body }) => writePart(body),
    },
  );
}
