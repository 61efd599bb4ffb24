import { writeFile } from 'node:fs/promises';
import { endWith } from '../../shared/command-line.ts';
import { benchCohort, type CohortFigures } from './bench-cohort.ts';
import { growthTable } from './growth.ts';
import { benchHealthLake } from './healthlake/bench-healthlake.ts';
import { benchMesh } from './mesh/bench-mesh.ts';
import { benchNoom } from './noom/bench-noom.ts';
import { readOptions, usage, type Options } from './options.ts';
import { grouped, healthLakeTable, meshTable, noomTable, quotaText, taskTable } from './table.ts';

const say = (progress: string) => process.stderr.write(`${progress}\n`);

async function bench(options: Options): Promise<void> {
  const isCohort = [...options.only].some((name) => !['healthlake', 'noom', 'mesh'].includes(name));
  const cohort = isCohort ? await benchCohort(options, say) : undefined;
  const healthLake = options.only.has('healthlake') ? await benchHealthLake(options) : undefined;
  const noom = options.only.has('noom') ? await benchNoom(options) : undefined;
  const mesh = options.only.has('mesh') ? await benchMesh(options) : undefined;
  const tables = [
    ...(cohort ? textOf(cohort, options) : []),
    ...(healthLake ? [`HealthLake, medians\n${healthLakeTable(healthLake.lines)}${quotaText(healthLake.quota)}`] : []),
    ...(noom ? [`NOOM API, medians of ${options.runs}, eight calls at once\n${noomTable(noom)}`] : []),
    ...(mesh ? [`MESH, medians of ${options.runs}\n${meshTable(mesh)}`] : []),
  ];
  process.stdout.write(tables.join('\n'));
  if (options.json !== undefined) {
    await writeFile(
      options.json,
      `${JSON.stringify({ options: { ...options, only: [...options.only] }, ...cohort, healthLake, noom, mesh }, undefined, 2)}\n`,
    );
  }
}

function textOf({ tasks, growth }: CohortFigures, { rows, partRows, seed }: Options): string[] {
  const title = `${grouped(rows)} people in parts of ${grouped(partRows)}, seed ${seed}; medians; time ratio: times ours`;
  return [`${title}\n${taskTable(tasks)}`, ...(growth.length > 0 ? [`Growth of ours\n${growthTable(growth)}`] : [])];
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(`${usage}\n`);
  else await bench(options);
} catch (error) {
  endWith(error, 'npm run bench -- --help');
}
