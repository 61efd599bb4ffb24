import { describe, expect, it, test } from '@jest/globals';
import { asLines } from '../support/as-lines.ts';
import { InMemoryFhirStore } from '../support/in-memory-fhir-store.ts';
import { InMemoryImports, type ImportFaults, type LostAs } from '../support/in-memory-imports.ts';
import { ImportingPipeline, type WeighedFiles } from '../support/importing-pipeline.ts';
import { Killed, Mortality } from '../support/mortal.ts';
import { syntheticNumbers } from '../support/nhs-numbers.ts';
import { InMemoryPipeline } from '../support/pipeline.ts';

/** A pipeline whose import can be killed at any call that it makes. */
class MortalImport extends ImportingPipeline {
  readonly mortality = new Mortality();
  override readonly store = new InMemoryFhirStore();
  override readonly imports = this.mortality.of('imports', new InMemoryImports(this.files, this.store));
  /** What Step Functions does; a step that it gives up ends the run instead. */
  isCalledAgain = true;

  override importDeps() {
    const deps = super.importDeps();
    const { files, runs, parts, latest, writes, consentWrites, consentImports, mailbox } = deps;
    const outside = { files, runs, parts, latest, writes, consentWrites, consentImports, mailbox };
    const mortal = Object.entries(outside).map(([name, target]) => [name, this.mortality.of<object>(name, target)]);
    return { ...deps, ...(Object.fromEntries(mortal) as typeof outside) };
  }

  override writeFiles(files: WeighedFiles['others']) {
    return this.#untilItLives(() => super.writeFiles(files));
  }

  override startJob() {
    return this.#untilItLives(() => super.startJob());
  }

  override checkJob() {
    return this.#untilItLives(() => super.checkJob());
  }

  override findLeft(files: WeighedFiles['others']) {
    return this.#untilItLives(() => super.findLeft(files));
  }

  async #untilItLives<Output>(step: () => Promise<Output>): Promise<Output> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      this.mortality.revive();
      if (!this.isCalledAgain) throw error;
      return step();
    }
  }
}

const everybody = syntheticNumbers(130).sort((a, b) => a - b);
const firstMonth = everybody.slice(0, 20);
const wasOptedOut = new Set(firstMonth.filter((_, index) => index % 4 === 0));
/** Most are new, three have left of whom one had opted out, one turns either way. */
const secondMonth = everybody.slice(3);
const isOptedOut = new Set([
  ...[...wasOptedOut].filter((_, index) => index !== 1),
  ...secondMonth.filter((_, index) => index % 9 === 2),
]);

/** The second month, up to where the import begins. */
async function upToTheImport<Pipeline extends InMemoryPipeline>(pipeline: Pipeline) {
  await pipeline.run(firstMonth, wasOptedOut);
  pipeline.clock.advance(31 * 86_400);
  pipeline.execution = 'arn:execution:second';
  await pipeline.open({ trigger: 'console', reason: 'second month' });
  for (const part of await pipeline.ask(secondMonth, isOptedOut)) await pipeline.reconcile(part);
  const { files } = await pipeline.weigh();
  pipeline.store.versions.clear();
  for (const { part, file } of files.activations) await pipeline.write('activations', part, file);
  return { pipeline, files };
}

const small = { partRows: 70 };
const importing = () => upToTheImport(new MortalImport(small));

async function stateOf(pipeline: InMemoryPipeline) {
  const { consents, store, ledger } = pipeline;
  const { entries } = await pipeline.deps().readManifest({ key: ledger.latest.present!.manifestKey });
  return {
    consents: asLines([...consents].sort(([a], [b]) => a.localeCompare(b))),
    versions: new Map([...consents.keys()].sort().map((id) => [id, store.versions.get(id) ?? 0])),
    manifest: entries.map(({ sha256, rows, optedOut }) => ({ sha256, rows, optedOut })),
  };
}

/** What batches alone leave behind. */
const model = await (async () => {
  const { pipeline, files } = await upToTheImport(new InMemoryPipeline(small));
  await pipeline.writeAll(files);
  return stateOf(pipeline);
})();

const fates: readonly { readonly fate: string; readonly faults: ImportFaults }[] = [
  { fate: 'lost half-way', faults: { lost: { afterLines: 50, as: 'FAILED' } } },
  { fate: 'taken but for some lines', faults: { isRefused: (_, line) => line % 10 === 9 } },
];

async function callsOf(faults: ImportFaults): Promise<string[]> {
  const { pipeline, files } = await importing();
  pipeline.imports.faults = faults;
  pipeline.mortality.watch();
  await pipeline.importAll(files.others);
  return [...pipeline.mortality.calls];
}

const kills = (
  await Promise.all(
    fates.map(async ({ fate, faults }) =>
      (await callsOf(faults)).flatMap((name, index) =>
        (['before', 'after'] as const).map((when) => ({ fate, faults, when, name, call: index + 1 })),
      ),
    ),
  )
).flat();

it('the scene imports most of what changes, over two parts, beside changes of every other kind', async () => {
  const { pipeline, files } = await importing();
  const changes = (await pipeline.ledger.parts.list(pipeline.runId)).map(({ reconciled }) => reconciled!.changes);
  expect(changes).toHaveLength(2);
  for (const kind of ['activate', 'deactivate', 'create', 'retire'] as const) {
    expect(changes.reduce((sum, counts) => sum + counts[kind], 0)).toBeGreaterThan(0);
  }
  expect(files.others).toHaveLength(2);
  expect(new Set(model.versions.values())).toEqual(new Set([0, 1]));
});

describe('an import, killed', () => {
  test.each(kills)('$when call $call, $name, and called again leaves what batches leave: it is $fate', async (kill) => {
    const { pipeline, files } = await importing();
    pipeline.imports.faults = kill.faults;
    pipeline.mortality.watch(kill);
    await pipeline.importAll(files.others);
    expect(pipeline.mortality.deaths).toBe(1);
    await pipeline.writeAll(files);
    expect(pipeline.imports.started).toHaveLength(1);
    expect(await stateOf(pipeline)).toEqual(model);
  });

  test.each(kills)('$when call $call, $name, and resumed leaves what batches leave: it is $fate', async (kill) => {
    const { pipeline, files } = await importing();
    pipeline.imports.faults = kill.faults;
    pipeline.isCalledAgain = false;
    pipeline.mortality.watch(kill);
    await expect(pipeline.importAll(files.others)).rejects.toThrow(Killed);
    pipeline.mortality.rest();
    await resume(pipeline);
    expect(pipeline.imports.started).toHaveLength(1);
    expect(await stateOf(pipeline)).toEqual(model);
  });
});

describe('a job', () => {
  const lost = (['FAILED', 'FAILED, and says no number', 'CANCEL_COMPLETED', 'forgotten'] as const).flatMap((as) =>
    [1, 2, 60, 92, 95].map((afterLines) => ({ as, afterLines })),
  );
  test.each(lost)('lost after $afterLines lines ($as) leaves what batches leave, at once', async (job) => {
    const { pipeline, files } = await importing();
    pipeline.imports.faults = { lost: job };
    await pipeline.importAll(files.others);
    const { state, failedLines } = (await pipeline.ledger.consentImports.find(pipeline.runId))!;
    expect({ state, failedLines }).toEqual({ state: 'ended', failedLines: undefined });
    expect(await pipeline.writeAll(files)).toMatchObject({ outcome: 'Completed' });
    expect(pipeline.imports.started).toHaveLength(1);
    expect(await stateOf(pipeline)).toEqual(model);
  });

  const unbegun: readonly LostAs[] = ['FAILED', 'CANCEL_COMPLETED'];
  test.each(unbegun)('that has imported nothing (%s) ends the run, and a resume starts another', async (as) => {
    const { pipeline, files } = await importing();
    pipeline.imports.faults = { lost: { afterLines: 0, as } };
    await expect(pipeline.importAll(files.others)).rejects.toMatchObject({ name: 'ConsentImportFailed' });
    pipeline.imports.faults = {};
    await resume(pipeline);
    expect(pipeline.imports.started).toHaveLength(2);
    expect(await stateOf(pipeline)).toEqual(model);
  });
});

/** Opens the run once more, and goes through every state of it from the verdict on. */
async function resume(pipeline: MortalImport): Promise<void> {
  await pipeline.ledger.mailbox.releaseLease(pipeline.execution);
  // By then nothing that was killed can be writing any more.
  pipeline.clock.advance(16 * 60);
  pipeline.execution = 'arn:execution:resume';
  await pipeline.open({ trigger: 'console', mode: 'resume', resumeRunId: pipeline.runId, reason: 'killed' });
  expect(await pipeline.writeAllByImport((await pipeline.weigh()).files)).toMatchObject({ outcome: 'Completed' });
}
