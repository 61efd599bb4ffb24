import { writeFile } from 'node:fs/promises';
import { endWith, readArguments, wholeNumber } from '../../shared/command-line.ts';
import { benchMesh } from './mesh/bench-mesh.ts';
import { table } from './table.ts';

const usage = `Usage: npm run bench -- [options]

  --megabytes N   bytes that MESH carries each way, in MB (default 200)
  --runs N        runs of each contender, of which the median counts (default 3)
  --json FILE     the same figures for machines

Each contender runs in a process of its own, beside its rivals, on the same bytes. What counts is the ratio in one run.`;

interface Options {
  readonly megabytes: number;
  readonly runs: number;
  readonly json?: string;
}

function readOptions(args: string[]): Options | 'help' {
  const { values } = readArguments({
    args,
    allowPositionals: false,
    options: {
      megabytes: { type: 'string' },
      runs: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return 'help';
  return {
    megabytes: wholeNumber('--megabytes', values.megabytes ?? '200', 1, 100_000),
    runs: wholeNumber('--runs', values.runs ?? '3', 1, 1000),
    ...(values.json === undefined ? {} : { json: values.json }),
  };
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(`${usage}\n`);
  else {
    const lines = await benchMesh(options);
    process.stdout.write(table(lines));
    if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(lines, undefined, 2)}\n`);
  }
} catch (error) {
  endWith(error, 'npm run bench -- --help');
}
