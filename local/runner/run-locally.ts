import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDeployment } from '../assembly/deployment.ts';
import { synthesize } from '../assembly/synthesize.ts';
import type { Options } from '../options.ts';
import { checkCohort, cohortCsv, cohortRows, optOuts, unknownPeople } from '../people/cohort-source.ts';
import { isSuperseded } from '../people/merged-records.ts';
import { scenarioPatients } from '../people/scenario-patients.ts';
import { scenarios, type Scenario } from '../scenarios.ts';
import { collectResults } from './collect-results.ts';
import { summaryText } from './print-summary.ts';
import { showProgress } from './progress.ts';
import { Results } from './results.ts';
import { runScenario } from './run-scenario.ts';
import { startRuntime } from './runtime.ts';
import { announce, untilInterrupted } from './serve.ts';
import { statePreferences } from './state-preferences.ts';
import { mainExecution, summaryOf, type Summary } from './summary.ts';

const root = join(import.meta.dirname, '../..');
const servedFile = join(root, '.local', 'served.json');

/** How much of a Wait state is waited unless a scenario says otherwise: five minutes become 0.15 seconds. */
const usualWaitScale = 0.0005;

/**
 * The main job on this machine: synthesize, start the stand-ins, load the cohort, run the scenario to its end, keep and
 * print the results.
 *
 * @throws UsageError, PortInUse before anything is written; SynthesisFailed
 */
export async function runLocally(options: Options): Promise<Summary> {
  const began = performance.now();
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const scenario: Scenario = scenarios[options.scenario];
  await checkCohort(cohortRows(options));
  const isOptedOut = await optOuts(options);
  const unknown = await unknownPeople(options, scenario.unknownPeople ?? 0);
  const results = await Results.open(options.out);

  const assembly = await synthesize(root);
  say(
    assembly.isNew
      ? 'Synthesized the app and bundled its functions'
      : 'Sources unchanged: using the app as synthesized',
  );
  const directory = options.state ?? (await mkdtemp(join(tmpdir(), 'ndop-')));
  const runtime = await startRuntime({
    deployment: await readDeployment(assembly.directory),
    directory,
    settings: {
      ...(options.partRows === undefined ? {} : { PART_ROWS: String(options.partRows) }),
      ...scenario.settings,
    },
    waitScale: scenario.waitScale ?? usualWaitScale,
    meshPort: options.meshPort,
    isMutualTls: scenario.isMutualTls ?? false,
    hasSeparateStore: scenario.hasSeparateStore ?? false,
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
    const isMerged = scenario.hasMergedRecords ?? false;
    await runtime.healthLake.replacePatients(
      scenarioPatients(scenario, cohortRows(options), runtime.idKey, isOptedOut),
    );
    await results.clear();
    if (options.serve) await announce(runtime, servedFile, say);
    say(`Scenario ${options.scenario}: ${scenario.tells}`);
    const progress = showProgress(process.stdout.isTTY && !options.json);
    const executions = await runScenario({
      scenario,
      runtime,
      isOptedOut: (nhsNumber) => isOptedOut(nhsNumber) || (isMerged && isSuperseded(nhsNumber)),
      isKnown: (nhsNumber) => !unknown.has(nhsNumber),
      cohortCsv: () => cohortCsv(cohortRows(options)),
      review: options.serve ? 'none' : options.review,
      progress,
    });
    const main = mainExecution(executions);
    if (!main) throw new Error('The scenario has no execution');
    await progress.finished(main.status === 'SUCCEEDED');

    if (scenario.hasPreferences === true) {
      await results.writeJson('noom.json', await statePreferences(runtime, isOptedOut, say));
    }
    const report = await collectResults(main, executions, runtime, results);
    const measured = { durationMs: performance.now() - began, memory: runtime.lambda.memoryUsed() };
    const summary = summaryOf(main, executions, report, measured);
    await results.writeJson('summary.json', summary);
    process.stdout.write(`${options.json ? JSON.stringify(summary) : summaryText(summary, report && options.out)}\n`);
    if (options.serve) await untilInterrupted(servedFile);
    return summary;
  } finally {
    await runtime.close();
    if (options.state === undefined) await rm(directory, { recursive: true, force: true });
  }
}
