import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Deployment } from '../assembly/deployment.ts';
import type { Decision } from '../iam/access.ts';
import type { Options } from '../options.ts';
import { cohortCsv, cohortRows, optOuts, unknownPeople } from '../people/cohort-source.ts';
import { isSuperseded } from '../people/merged-records.ts';
import { scenarioPatients } from '../people/scenario-patients.ts';
import { runScenario, type EndedExecution } from '../runner/run-scenario.ts';
import { startRuntime } from '../runner/runtime.ts';
import { statePreferences } from '../runner/state-preferences.ts';
import { scenarios, type Scenario } from '../scenarios.ts';
import type { Play } from './plays.ts';

const quiet = { entered: () => undefined, finished: () => Promise.resolve() };

/**
 * Plays a scenario over a few people and tells every decision about a role. Answers to writes are lost, so that whatever
 * a repeated write needs is needed.
 */
export async function play(
  { scenario: name, people: patients = 600 }: Play,
  deployment: Deployment,
  onDecision: (decision: Decision) => void,
): Promise<EndedExecution[]> {
  const scenario: Scenario = scenarios[name];
  const people: Options = {
    ...{ scenario: name, patients, optOutRate: 0.054, seed: 1, review: 'reject' },
    ...{ out: '', json: false, serve: false, meshPort: 0 },
  };
  const isOptedOut = await optOuts(people);
  const unknown = await unknownPeople(people, scenario.unknownPeople ?? 0);
  const directory = await mkdtemp(join(tmpdir(), 'ndop-'));
  const runtime = await startRuntime({
    deployment,
    directory,
    settings: scenario.settings ?? {},
    waitScale: Math.min(scenario.waitScale ?? 1, 0.0002),
    meshPort: 0,
    isMutualTls: scenario.isMutualTls ?? false,
    hasSeparateStore: scenario.hasSeparateStore ?? false,
    onLog: () => undefined,
    onMeshRequest: () => undefined,
    onNotification: () => undefined,
    onDecision,
    losesFirstAnswers: true,
  });
  try {
    const isMerged = scenario.hasMergedRecords ?? false;
    await runtime.healthLake.replacePatients(scenarioPatients(scenario, cohortRows(people), runtime.idKey, isOptedOut));
    const ended = await runScenario({
      scenario,
      runtime,
      isOptedOut: (nhsNumber) => isOptedOut(nhsNumber) || (isMerged && isSuperseded(nhsNumber)),
      isKnown: (nhsNumber) => !unknown.has(nhsNumber),
      cohortCsv: () => cohortCsv(cohortRows(people)),
      review: 'reject',
      progress: quiet,
    });
    if (scenario.hasPreferences === true) await statePreferences(runtime, isOptedOut, () => undefined);
    return ended;
  } finally {
    await runtime.close();
    await rm(directory, { recursive: true, force: true });
  }
}
