import { parseArgs } from 'node:util';
import { PermanentError } from '../shared/errors.ts';
import { UsageError } from '../shared/usage-error.ts';
import { commands } from './commands.ts';
import { openTarget } from './target.ts';

const usage = [
  'Usage: npm run ops -- COMMAND [--env NAME]',
  '',
  ...Object.entries(commands).map(([name, { tells }]) => `  ${name.padEnd(8)} ${tells}`),
  '',
  'Without --env, the command works on what npm run local -- --serve serves.',
].join('\n');

try {
  process.stdout.write(`${await main(process.argv.slice(2))}\n`);
} catch (error) {
  const isUsage = error instanceof UsageError;
  const isNamed = isUsage || error instanceof PermanentError;
  process.stderr.write(
    `${error instanceof Error ? (isNamed ? error.message : `${error.name}: ${error.message}`) : String(error)}\n`,
  );
  if (isUsage) process.stderr.write('npm run ops -- --help lists the commands.\n');
  process.exitCode = isUsage ? 2 : 1;
}

async function main(args: string[]): Promise<string> {
  const { values, positionals } = parse(args);
  const [name, runId] = positionals;
  if (values.help === true || name === undefined) return usage;
  const command = commands[name];
  if (!command) throw new UsageError(`Unknown command ${name}`);
  return command.run(
    {
      ...(runId === undefined ? {} : { runId }),
      ...(values.reason === undefined ? {} : { reason: values.reason }),
      ...(values['cohort-key'] === undefined ? {} : { cohortKey: values['cohort-key'] }),
      isDryRun: values['dry-run'] === true,
      isRewrite: values.rewrite === true,
    },
    await openTarget(values.env),
  );
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        env: { type: 'string' },
        reason: { type: 'string' },
        'dry-run': { type: 'boolean' },
        rewrite: { type: 'boolean' },
        'cohort-key': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
