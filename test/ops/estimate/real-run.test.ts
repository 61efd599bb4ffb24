import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defaults } from '../../../infra/environments/defaults.ts';
import { readDeployment } from '../../../local/assembly/deployment.ts';
import { synthesize } from '../../../local/assembly/synthesize.ts';
import { estimate, type RunEstimate } from '../../../ops/estimate/estimate.ts';
import { functionSettings, settings } from '../../../ops/estimate/settings.ts';
import { chunkBytes } from '../../../shared/mesh/outgoing-chunks.ts';
import { batchSize } from '../../../shared/fhir/batch.ts';
import { linesOf, runLocal, Workplace } from '../../support/local-command.ts';
import type { Summary } from '../../../local/runner/summary.ts';

interface HistoryEvent {
  readonly type: string;
  readonly stateEnteredEventDetails?: { readonly name: string };
}

const root = join(import.meta.dirname, '../../..');

describe('what an estimate takes for granted', () => {
  it('is what the environments say', () => {
    const { cohort, fhir, plausibility, replies } = defaults;
    expect({ ...settings, pollPlan: settings.pollPlan.map(({ everySeconds }) => everySeconds) }).toMatchObject({
      partRows: cohort.partRows,
      bulkImportThreshold: fhir.bulkImportThreshold,
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

describe('beside a real run', () => {
  const patients = 400;
  const partRows = 30;
  let workplace: Workplace;
  let estimated: RunEstimate;
  let events: HistoryEvent[];
  let keys: string[];
  let parts: number;

  beforeAll(async () => {
    workplace = await Workplace.open();
    const out = workplace.path('out');
    const args = ['--patients', String(patients), '--part-rows', String(partRows), '--out', out, '--json'];
    const { stdout } = await runLocal(...args);
    const summary = JSON.parse(stdout) as Summary;
    parts = summary.parts;
    const history = JSON.parse(await readFile(join(out, 'history.json'), 'utf8')) as { events: HistoryEvent[] };
    events = history.events;
    const waits = (name: string) => events.filter((event) => event.stateEnteredEventDetails?.name === name).length;
    estimated = estimate(
      {
        ...{ patients, partRows, changeRate: 0, everyDays: 30, source: 'export' },
        optOutRate: summary.optedOut / patients,
        // How often the stand-ins let a run wait is no part of what is compared.
        replySeconds: waits('Wait for replies') * settings.pollPlan[0].everySeconds,
        exportSeconds: waits('Wait for the export') * 30,
        ...{ bulkImportThreshold: settings.bulkImportThreshold, maxDeactivations: settings.maxDeactivations },
      },
      'first',
    );
    keys = (await linesOf<{ key: string }>(out, 'files.ndjson')).map(({ key }) => key);
  });
  afterAll(() => workplace.close());

  /** A part in which nobody has opted out has no file of activations. */
  const within = (counted: number, tolerance: number) => ({
    least: counted * (1 - tolerance),
    most: counted * (1 + tolerance),
  });

  it('counts the parts exactly', () => {
    expect(estimated.parts).toBe(parts);
  });

  it('counts the events of the history within a tenth', () => {
    const { least, most } = within(events.length, 0.1);
    expect(estimated.execution.historyEvents).toBeGreaterThanOrEqual(least);
    expect(estimated.execution.historyEvents).toBeLessThanOrEqual(most);
  });

  it('counts the states entered within a tenth', () => {
    const { least, most } = within(events.filter(({ type }) => type.endsWith('StateEntered')).length, 0.1);
    expect(estimated.execution.transitions).toBeGreaterThanOrEqual(least);
    expect(estimated.execution.transitions).toBeLessThanOrEqual(most);
  });

  it('counts the files written within a tenth', () => {
    const { least, most } = within(keys.filter((key) => !/^(cohorts|exports)\//.test(key)).length, 0.1);
    expect(estimated.s3.puts).toBeGreaterThanOrEqual(least);
    expect(estimated.s3.puts).toBeLessThanOrEqual(most);
  });
});
