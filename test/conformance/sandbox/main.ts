/** The catalogue against NHS England's own sandbox: `npm run conformance:sandbox`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { log } from '../../../shared/log.ts';
import { catalogue } from '../catalogue.ts';
import { CatalogueRun } from '../catalogue-run.ts';
import { runSettings } from '../settings.ts';
import { exitCode, table } from '../table.ts';
import { Children } from './children.ts';
import { differences } from './differences.ts';
import { serveSandbox } from './serve-sandbox.ts';
import { installSandbox, NotToBeHad, sandboxPackage } from './virtual-environment.ts';

const usage = `Usage: npm run conformance:sandbox

Installs ${sandboxPackage} into a virtual environment of its own, starts it on a free port, runs the catalogue against
it, stops it and removes everything. Exit code: 0 every case passed or differs as listed in
test/conformance/sandbox/differences.ts, 1 a case failed or a listed difference is none any more, 3 Python or the
package is not to be had here.`;

/** What fails once it is over fails for that. */
const interruption = new AbortController();

async function runAgainstSandbox(children: Children): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'mesh-sandbox-'));
  const clean = (): Promise<void> => rm(directory, { recursive: true, force: true });
  const close = (): Promise<void> => children.end().finally(clean);
  const endAt = (signal: NodeJS.Signals, code: number): void => {
    process.once(signal, () => {
      interruption.abort();
      void close().finally(() => process.exit(code));
    });
  };
  endAt('SIGINT', 130);
  endAt('SIGTERM', 143);
  try {
    progress(`Installing ${sandboxPackage} …`);
    const python = await installSandbox(join(directory, 'venv'), children);
    const environment = await serveSandbox(python, directory, children);
    const run = new CatalogueRun(environment, { settings: runSettings(false), differences });
    for (const conformanceCase of catalogue) {
      progress(`${conformanceCase.number} ${conformanceCase.title} …`);
      await run.run(conformanceCase);
    }
    run.close();
    process.stdout.write(`\n${table(run.results)}`);
    return exitCode(run.results);
  } finally {
    await close();
  }
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The pipeline's own log is for its operators. */
log.setLogLevel('SILENT');
const [argument] = process.argv.slice(2);
if (argument === '--help' || argument === '-h') process.stdout.write(`${usage}\n`);
else if (argument !== undefined) {
  process.stderr.write(`${argument}: there are no options\nnpm run conformance:sandbox -- --help says what it does.\n`);
  process.exitCode = 2;
} else {
  const children = new Children();
  try {
    process.exitCode = await runAgainstSandbox(children);
  } catch (error) {
    const isNotToBeHad = error instanceof NotToBeHad;
    const text = error instanceof Error ? (isNotToBeHad ? error.message : error.stack) : undefined;
    if (!interruption.signal.aborted)
      process.stderr.write(`${isNotToBeHad ? 'The sandbox is not to be had here: ' : ''}${text ?? String(error)}\n`);
    process.exitCode = isNotToBeHad ? 3 : 1;
  }
}
