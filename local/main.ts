import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { CohortRow } from '../shared/ndop/cohort-csv.ts';
import { readDeployment } from './assembly/deployment.ts';
import { synthesize } from './assembly/synthesize.ts';
import { readOptions, usage, type Options } from './options.ts';
import { cohortFileRows, patientsOf, syntheticRows } from './people/load-cohort.ts';
import { readOptedOut } from './people/opted-out.ts';
import { isSyntheticOptOut } from './people/synthetic.ts';
import { collectResults } from './runner/collect-results.ts';
import { showProgress } from './runner/progress.ts';
import { Results } from './runner/results.ts';
import { runScenario } from './runner/run-scenario.ts';
import { startRuntime, type Runtime } from './runner/runtime.ts';
import { mainExecution, summaryOf, type Summary } from './runner/summary.ts';
import { scenarios, type Scenario } from './scenarios.ts';
import { PortInUse } from './stand-in.ts';
import { UsageError } from '../shared/usage-error.ts';

const root = join(import.meta.dirname, '..');
const sample = join(root, 'local', 'sample');

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(`${usage}\n`);
  else process.exitCode = await main(options);
} catch (error) {
  const isUsage = error instanceof UsageError || error instanceof PortInUse;
  process.stderr.write(
    `${error instanceof Error ? (isUsage ? error.message : (error.stack ?? error.message)) : String(error)}\n`,
  );
  if (isUsage) process.stderr.write('npm run local -- --help lists the options.\n');
  process.exitCode = isUsage ? 2 : 1;
}

/** @returns the exit code */
async function main(options: Options): Promise<number> {
  const began = performance.now();
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const scenario: Scenario = scenarios[options.scenario];
  const cohort = () => cohortRows(options);
  await readThrough(cohort());
  const isOptedOut = await optOuts(options);
  const results = await Results.open(options.out);

  const assembly = await synthesize(root);
  say(
    assembly.isNew
      ? 'Synthesized the app and bundled its functions'
      : 'Sources unchanged: the app is used as synthesized',
  );
  const directory = options.state ?? (await mkdtemp(join(tmpdir(), 'ndop-')));
  const runtime = await startRuntime({
    deployment: await readDeployment(assembly.directory),
    directory,
    settings: {
      ...(options.partRows === undefined ? {} : { PART_ROWS: String(options.partRows) }),
      ...scenario.settings,
    },
    waitScale: scenario.waitScale ?? 0.0005,
    meshPort: options.meshPort,
    onLog: (line) => {
      results.log(line);
    },
    onMeshRequest: (request) => {
      results.meshRequest(request);
    },
    onNotification: (notification) => {
      results.notification(notification);
    },
  });
  try {
    await runtime.healthLake.replacePatients(patientsOf(cohort(), runtime.idKey));
    say(`Scenario ${options.scenario}: ${scenario.tells}`);
    const progress = showProgress(process.stdout.isTTY && !options.json);
    if (options.serve) await announce(runtime, say);
    const executions = await runScenario({
      scenario,
      runtime,
      isOptedOut,
      cohortCsv: () => cohortCsv(cohort()),
      review: options.serve ? 'none' : options.review,
      progress,
    });
    const main = mainExecution(executions);
    if (!main) throw new Error('The scenario has no execution');
    await progress.finished(main.status === 'SUCCEEDED');
    const report = await collectResults(main, executions, runtime, results);
    const measured = { durationMs: performance.now() - began, memory: runtime.lambda.memoryUsed() };
    const summary = summaryOf(main, executions, report, measured);
    await results.writeJson('summary.json', summary);
    print(summary, options);
    if (options.serve) await untilInterrupted();
    return summary.status === 'SUCCEEDED' ? 0 : 1;
  } finally {
    await runtime.close();
    if (options.state === undefined) await rm(directory, { recursive: true, force: true });
  }
}

function cohortRows({ cohort, patients, seed }: Options): AsyncIterable<CohortRow> | Iterable<CohortRow> {
  if (patients !== undefined) return syntheticRows(patients, seed);
  return cohortFileRows(cohort ?? join(sample, 'cohort.csv'));
}

/** Finds whatever is wrong with a cohort before anything is started or written. */
async function readThrough(rows: AsyncIterable<CohortRow> | Iterable<CohortRow>): Promise<void> {
  const iterator = patientsOf(rows, '');
  while ((await iterator.next()).done !== true);
}

async function optOuts({
  cohort,
  optedOut,
  patients,
  optOutRate,
  seed,
}: Options): Promise<(nhsNumber: string) => boolean> {
  const isSample = cohort === undefined && patients === undefined;
  const file = optedOut ?? (isSample ? join(sample, 'opted-out.txt') : undefined);
  if (file === undefined) return (nhsNumber) => isSyntheticOptOut(nhsNumber, optOutRate, seed);
  const numbers = await readOptedOut(file);
  return (nhsNumber) => numbers.has(nhsNumber);
}

async function* cohortCsv(rows: AsyncIterable<CohortRow> | Iterable<CohortRow>): AsyncGenerator<string> {
  yield 'nhsNumber,patientId\n';
  for await (const { nhsNumber, patientId } of rows) yield `"${nhsNumber.replaceAll('"', '""')}",${patientId ?? ''}\n`;
}

/** Where `npm run ops` finds what is served. */
const servedFile = join(root, '.local', 'served.json');

async function announce({ endpoints, operator, deployment }: Runtime, say: (line: string) => void): Promise<void> {
  const { bucket, table, stateMachine } = deployment;
  const served = { endpoints, operator, bucket, table, stateMachineArn: stateMachine.arn };
  await writeFile(servedFile, JSON.stringify(served, undefined, 2), { mode: 0o600 });
  say('Serving until interrupted (Ctrl-C); npm run ops works on what is served:');
  for (const [name, url] of Object.entries(endpoints)) say(`  ${name}=${url}`);
}

async function untilInterrupted(): Promise<void> {
  await new Promise<void>((resolve) => {
    const alive = setInterval(() => undefined, 60_000);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        clearInterval(alive);
        resolve();
      });
    }
  });
  await rm(servedFile, { force: true });
}

function print(summary: Summary, options: Options): void {
  if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  else process.stdout.write(`${text(summary, options)}\n`);
  if (summary.status !== 'SUCCEEDED')
    process.stderr.write(`${summary.error ?? summary.status}: ${summary.message ?? ''}\n`);
}

function text(summary: Summary, { out }: Options): string {
  const { cohort, changes, consents, executions } = summary;
  const reasons = Object.entries(cohort.quarantinedByReason).map(([reason, count]) => `${reason} ${count}`);
  return [
    `${summary.status}: ${summary.outcome}${summary.runId ? `, run ${summary.runId}` : ''}`,
    ...(executions.length > 1 ? [`  executions  ${executions.join(', then ')}`] : []),
    `  cohort      ${cohort.rows} rows: ${cohort.requested} people asked about in ${summary.parts} part(s), ${cohort.duplicates} repeats, ${cohort.quarantined} set aside`,
    ...(reasons.length > 0 ? [`              ${reasons.join(', ')}`] : []),
    `  answers     ${summary.optedOut} opted out, ${summary.notOptedOut} not`,
    `  changes     ${changes.created} new, ${changes.activated} now opted out, ${changes.deactivated} no longer, ${changes.updated} rewritten, ${changes.retired} retired`,
    `  Consents    ${consents.written} written`,
    `  took        ${(summary.durationMs / 1000).toFixed(1)} s`,
    `  results     ${relative(process.cwd(), out) || '.'}: report.html, report.json, consents.ndjson, history.json, logs.ndjson, mesh.ndjson`,
  ].join('\n');
}
