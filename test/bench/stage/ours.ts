/** Reads each part of the cohort and writes its request. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCohortPart } from '../../../shared/ndop/cohort-part.ts';
import { buildRequest, startRowOf } from '../../../shared/ndop/request.ts';
import { contend, endPart } from '../contend.ts';
import { present, read } from '../read.ts';

await contend(async ({ data, answer }) => {
  for (const { part, rows, files } of data.parts) {
    const { nhsNumbers } = await readCohortPart(read(files.cohort), present(files.cohort));
    const startAt = startRowOf({ runId: '20261101T020000Z-0000', part, attempt: 1 }, rows);
    await writeFile(
      join(answer, `part-${String(part).padStart(4, '0')}.dat`),
      buildRequest(nhsNumbers, 'CRLF', startAt),
    );
    endPart();
  }
});
