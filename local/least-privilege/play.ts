import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Deployment } from '../assembly/deployment.ts';
import type { Decision } from '../iam/access.ts';
import type { Options } from '../options.ts';
import { cohortCsv, cohortRows, optOuts, unknownPeople } from '../people/cohort-source.ts';
import { patientsOf } from '../people/load-cohort.ts';
import { isSuperseded, withMergedRecords } from '../people/merged-records.ts';
import { runScenario, type EndedExecution } from '../runner/run-scenario.ts';
import { startRuntime } from '../runner/runtime.ts';
import { scenarios, type Scenario, type ScenarioName } from '../scenarios.ts';

const quiet = { entered: () => undefined, finished: () => Promise.resolve() };

/**
 * Plays a scenario over a few people and tells every decision about a role. Answers to writes are lost, so that whatever
 * a repeated write needs is needed.
 */
export async function play(
  name: ScenarioName,
  deployment: Deployment,
  onDecision: (decision: Decision) => void,
): Promise<EndedExecution[]> {
  const scenario: Scenario = scenarios[name];
  const people = peopleOf(name);
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
    const patients = patientsOf(cohortRows(people), runtime.idKey);
    const isMerged = scenario.hasMergedRecords ?? false;
    await runtime.healthLake.replacePatients(isMerged ? withMergedRecords(patients, isOptedOut) : patients);
    return await runScenario({
      scenario,
      runtime,
      isOptedOut: (nhsNumber) => isOptedOut(nhsNumber) || (isMerged && isSuperseded(nhsNumber)),
      isKnown: (nhsNumber) => !unknown.has(nhsNumber),
      cohortCsv: () => cohortCsv(cohortRows(people)),
      review: 'reject',
      progress: quiet,
    });
  } finally {
    await runtime.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** As few as make a held run, a rejection and three parts. */
function peopleOf(scenario: ScenarioName): Options {
  return {
    scenario,
    patients: 600,
    optOutRate: 0.054,
    seed: 1,
    out: '',
    json: false,
    serve: false,
    review: 'reject',
    meshPort: 0,
  };
}
