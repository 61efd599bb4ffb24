import { endWith, readArguments, UsageError } from '../shared/command-line.ts';
import { commands } from './commands.ts';
import { estimateCommand } from './estimate/estimate-command.ts';
import { openTarget } from './target.ts';

const usage = [
  'Usage: npm run ops -- COMMAND [--env NAME]',
  '',
  ...Object.entries(commands).map(([name, { tells }]) => `  ${name.padEnd(16)} ${tells}`),
  `  ${'estimate'.padEnd(16)} --patients N: what a first load and a regular run would move, take and cost (--help)`,
  '',
  'Without --env, the command works on what npm run local -- --serve serves.',
].join('\n');

try {
  process.stdout.write(`${await main(process.argv.slice(2))}\n`);
} catch (error) {
  endWith(error, 'npm run ops -- --help');
}

async function main(args: string[]): Promise<string> {
  // It needs no target, and has options of its own.
  if (args[0] === 'estimate') return estimateCommand(args.slice(1));
  const { values, positionals } = parse(args);
  const [first, second] = positionals;
  if (values.help === true || first === undefined) return usage;
  // A command is one word or two.
  const name = commands[`${first} ${second ?? ''}`] ? `${first} ${second ?? ''}` : first;
  const [, runId] = positionals.slice(name === first ? 0 : 1);
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
    (line) => {
      process.stdout.write(`${line}\n`);
    },
  );
}

function parse(args: string[]) {
  return readArguments({
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
}
