/** NHS England's "MESH API Compliance Test" against any MESH: `npm run conformance`. */
import { log } from '../../shared/log.ts';
import { endWith } from '../../shared/command-line.ts';
import { catalogue } from './catalogue.ts';
import { CatalogueRun } from './catalogue-run.ts';
import { checkEvidenceDirectory, dropBegun, PackElsewhere, writeEvidence } from './evidence/write-evidence.ts';
import { openEnvironment, settingsFor } from './open-environment.ts';
import { type Options, readOptions, usage } from './options.ts';
import { exitCode, table } from './table.ts';

/** What every further call would end with too. */
const lockedOut = ['MeshAuthenticationRefused', 'MeshCertificateRefused', 'MeshServerUntrusted'];

async function runCatalogue(options: Options): Promise<number> {
  const { evidence } = options;
  if (evidence === undefined) return runCases(options);
  await checkEvidenceDirectory(evidence);
  try {
    return await runCases(options);
  } catch (error) {
    if (!(error instanceof PackElsewhere)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  } finally {
    await dropBegun(evidence);
  }
}

async function runCases(options: Options): Promise<number> {
  const { environment, close } = await openEnvironment(options, process.env);
  const settings = settingsFor(options, environment);
  const run = new CatalogueRun(environment, { settings });
  try {
    const { ours, other, dormant } = environment.mailboxes;
    say(
      `${environment.kind} at ${environment.baseUrl}: ours ${ours.mailboxId}, other ${other.mailboxId}, dormant ${dormant.mailboxId}`,
    );
    for (const conformanceCase of catalogue.filter(({ number }) => options.only.includes(number))) {
      process.stderr.write(`${conformanceCase.number} ${conformanceCase.title} …\n`);
      const { error } = await run.run(conformanceCase);
      if (error === undefined || !lockedOut.includes(error)) continue;
      process.stderr.write(
        'Stopped here: MESH does not let this mailbox in, and may lock it where that is tried often\n',
      );
      break;
    }
  } finally {
    run.close();
    await close();
  }
  process.stdout.write(`\n${table(run.results)}`);
  if (options.evidence !== undefined) {
    await writeEvidence(options.evidence, environment, run.results);
    say(`The evidence pack is in ${options.evidence}: begin with README.txt`);
  }
  return exitCode(run.results);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The pipeline's own log is for its operators. */
log.setLogLevel('SILENT');
try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') say(usage);
  else process.exitCode = await runCatalogue(options);
} catch (error) {
  endWith(error, 'npm run conformance -- --help');
}
