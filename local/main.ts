import { UsageError } from '../shared/usage-error.ts';
import { readOptions, usage } from './options.ts';
import { runLocally } from './runner/run-locally.ts';
import { PortInUse } from './stand-in.ts';

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(`${usage}\n`);
  else {
    const { status, outcome, error, message } = await runLocally(options);
    const hasRun = outcome !== 'AlreadyRunning' && outcome !== 'Duplicate';
    if (status !== 'SUCCEEDED' || !hasRun) {
      process.stderr.write(`${error ?? outcome}: ${message ?? 'nothing was run'}\n`);
      process.exitCode = 1;
    }
  }
} catch (error) {
  const isUsage = error instanceof UsageError || error instanceof PortInUse;
  const text = error instanceof Error ? (isUsage ? error.message : error.stack) : undefined;
  process.stderr.write(`${text ?? String(error)}\n`);
  if (isUsage) process.stderr.write('npm run local -- --help lists the options.\n');
  process.exitCode = isUsage ? 2 : 1;
}
