import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defaults } from '../../../infra/environments/defaults.ts';
import { filesAtOnce } from '../../../infra/pipeline/steps.ts';
import { readDeployment } from '../../../local/assembly/deployment.ts';
import { synthesize } from '../../../local/assembly/synthesize.ts';
import { estimate, type RunEstimate } from '../../../ops/estimate/estimate.ts';
import { functionSettings, settings } from '../../../ops/estimate/settings.ts';
import { chunkBytes } from '../../../shared/mesh/outgoing-chunks.ts';
import { batchSize } from '../../../shared/fhir/batch.ts';
import { linesOf, Workplace } from '../../support/local-command.ts';
import type { Summary } from '../../../local/runner/summary.ts';
import type { Calls } from './count-calls.ts';

interface HistoryEvent {
  readonly type: string;
  readonly stateEnteredEventDetails?: { readonly name: string };
}

const root = join(import.meta.dirname, '../../..');

describe('what an estimate takes for granted', () => {
  it('is what the environments say', () => {
    const { cohort, fhir, keptDays, plausibility, replies } = defaults;
    expect({ ...settings, pollPlan: settings.pollPlan.map(({ everySeconds }) => everySeconds) }).toMatchObject({
      partRows: cohort.partRows,
      bulkImportThreshold: fhir.bulkImportThreshold,
      importDeadlineSeconds: fhir.importDeadlineSeconds,
      maxAgeDays: fhir.maxAgeDays,
      importDays: keptDays.imports,
      filesWrittenAtOnce: filesAtOnce,
      batchesAtOnce: fhir.bundleCalls / filesAtOnce,
      maxDeactivations: plausibility.maxDeactivations,
      pollPlan: replies.pollPlan.map(({ everySeconds }) => everySeconds),
      chunkBytes: chunkBytes.internet,
      batchSize,
    });
  });

  it('is how the functions are deployed', async () => {
    const { directory } = await synthesize(root);
    const { functions } = await readDeployment(directory);
    for (const [name, { megabytes, timeoutSeconds }] of Object.entries(functionSettings)) {
      const deployed = functions.find((found) => found.name.startsWith(`Steps${name}`));
      expect({ name, memorySize: deployed?.memorySize, timeoutSeconds: deployed?.timeoutSeconds }).toEqual({
        ...{ name, memorySize: megabytes, timeoutSeconds },
      });
    }
  });
});

describe.each(['happy', 'bulk-import'])('beside a real run, %s', (scenario) => {
  const patients = 200;
  const partRows = 30;
  let workplace: Workplace;
  let estimated: RunEstimate;
  let events: HistoryEvent[];
  let keys: string[];
  let rows: number;
  let calls: Calls;
  let parts: number;

  beforeAll(async () => {
    workplace = await Workplace.open();
    const out = workplace.path('out');
    const callsFile = workplace.path('calls.json');
    const args = ['--scenario', scenario, '--patients', String(patients), '--part-rows', String(partRows)];
    // So many that hardly a part is without any: such a part has no file of activations.
    args.push('--opt-out-rate', '0.2');
    const { stdout } = await runCounted(callsFile, ...args, '--out', out, '--json');
    const summary = JSON.parse(stdout) as Summary;
    parts = summary.parts;
    const history = JSON.parse(await readFile(join(out, 'history.json'), 'utf8')) as { events: HistoryEvent[] };
    events = history.events;
    const waits = (name: string) => events.filter((event) => event.stateEnteredEventDetails?.name === name).length;
    estimated = estimate(
      {
        ...{ patients, partRows, changeRate: 0, everyDays: 7, source: 'export' },
        optOutRate: summary.optedOut / patients,
        // How often the stand-ins let a run wait is no part of what is compared.
        replySeconds: waits('Wait for replies') * settings.pollPlan[0].everySeconds,
        exportSeconds: waits('Wait for the export') * 30,
        importSeconds: waits('Wait for the import') * 30,
        bulkImportThreshold: scenario === 'bulk-import' ? 1 : settings.bulkImportThreshold,
        maxDeactivations: settings.maxDeactivations,
      },
      'first',
    );
    keys = (await linesOf<{ key: string }>(out, 'files.ndjson')).map(({ key }) => key);
    rows = (await linesOf(out, 'ledger.ndjson')).length;
    calls = JSON.parse(await readFile(callsFile, 'utf8')) as Calls;
  }, 240_000);
  afterAll(() => workplace.close());

  const expectWithinATenth = (figure: number, counted: number) => {
    expect(figure).toBeGreaterThanOrEqual(counted * 0.9);
    expect(figure).toBeLessThanOrEqual(counted * 1.1);
  };

  it('counts the parts exactly', () => {
    expect(estimated.parts).toBe(parts);
  });

  it('lets an import write as the run did', () => {
    const isImport = events.some((event) => event.stateEnteredEventDetails?.name === 'Start the import');
    expect(estimated.changes.isImport).toBe(isImport);
  });

  it('counts the events of the history within a tenth', () => {
    expectWithinATenth(estimated.execution.historyEvents, events.length);
  });

  it('counts the states entered within a tenth', () => {
    const entered = events.filter(({ type }) => type.endsWith('StateEntered')).length;
    expectWithinATenth(estimated.execution.transitions, entered);
  });

  it('counts the files written within a tenth', () => {
    const written = keys.filter((key) => !/^(cohorts|exports)\/|\/output\//.test(key)).length;
    expectWithinATenth(estimated.s3.objects, written);
  });

  it('counts the requests for files within a tenth', () => {
    expectWithinATenth(estimated.s3.puts, calls.filePuts);
    expectWithinATenth(estimated.s3.gets, calls.fileGets);
  });

  it('counts the rows of the ledger, and the units written and read, within a tenth', () => {
    expectWithinATenth(estimated.dynamo.items, rows);
    // A part's row takes two units once it is reconciled, and a list reads all parts' rows.
    expectWithinATenth(estimated.dynamo.writeUnits, calls.ledgerWrites + parts);
    const unitsOfList = Math.ceil((parts * 1_800) / 4_096);
    expectWithinATenth(estimated.dynamo.readUnits, calls.ledgerReads + unitsOfList * calls.ledgerLists);
  });

  it('counts the Bundles within a tenth', () => {
    expectWithinATenth(estimated.healthLake.bundles, calls.bundles);
  });
});

/** Runs the command behind `npm run local`, which writes down what its stand-ins were asked for. */
function runCounted(callsFile: string, ...args: readonly string[]): Promise<{ stdout: string }> {
  const counter = pathToFileURL(join(import.meta.dirname, 'count-calls.ts')).href;
  return promisify(execFile)(process.execPath, ['--import', counter, join(root, 'local/main.ts'), ...args], {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: '', CALLS_FILE: callsFile },
    maxBuffer: 64 << 20,
  });
}
