import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { UsageError } from '../../shared/usage-error.ts';
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
  const { values } = parse(args);
  if (values.help === true) return 'help';
  return {
    megabytes: whole('--megabytes', values.megabytes ?? '200'),
    runs: whole('--runs', values.runs ?? '3'),
    ...(values.json === undefined ? {} : { json: values.json }),
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: false,
      options: {
        megabytes: { type: 'string' },
        runs: { type: 'string' },
        json: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function whole(option: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError(`${option} ${text}: must be a whole number above 0`);
  return Number(text);
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
  const isUsage = error instanceof UsageError;
  process.stderr.write(`${error instanceof Error ? (isUsage ? error.message : (error.stack ?? '')) : String(error)}\n`);
  if (isUsage) process.stderr.write('npm run bench -- --help lists the options.\n');
  process.exitCode = isUsage ? 2 : 1;
}
