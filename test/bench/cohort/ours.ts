/** Reads a cohort file, validates, sorts and cuts it, and writes its parts. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contend } from '../contend.ts';
import { read } from '../read.ts';
import { build } from './build.ts';

await contend(async ({ data, answer, args: [partRows = ''] }) => {
  let part = 0;
  await build(read(data.files['cohort-csv']), Number(partRows), async (body) => {
    part += 1;
    await writeFile(join(answer, `part-${String(part).padStart(4, '0')}.csv`), body);
  });
});
