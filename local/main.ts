import { endWith } from '../shared/command-line.ts';
import { readOptions, usage } from './options.ts';
import { runLocally } from './runner/run-locally.ts';

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
  endWith(error, 'npm run local -- --help');
}
