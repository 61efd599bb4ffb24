/** Reads a cohort file, validates, sorts and cuts it, and writes its parts. */
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cutIntoParts, readCohort } from '../../../shared/ndop/cohort.ts';
import { readCohortCsv } from '../../../shared/ndop/cohort-csv.ts';
import { writeCohortPart } from '../../../shared/ndop/cohort-part.ts';
import { contend } from '../contend.ts';
import { present } from '../read.ts';

await contend(async ({ data, answer, args: [partRows = ''] }) => {
  const rules = { allowed: ['test'] as const, isRefused: () => false };
  const rows = readCohortCsv(createReadStream(present(data.files['cohort-csv']).path));
  const { people } = await readCohort(rows, rules, () => {
    throw new Error('A valid row was set aside');
  });
  for (const [index, part] of cutIntoParts(people, Number(partRows)).entries()) {
    const body = [...writeCohortPart(part.people)].join('');
    await writeFile(join(answer, `part-${String(index + 1).padStart(4, '0')}.csv`), body);
  }
});
