import { describe, expect, it, test } from '@jest/globals';
import { RetryableError } from '../../shared/errors.ts';
import { asLines } from '../support/as-lines.ts';
import { InMemoryFhirStore } from '../support/in-memory-fhir-store.ts';
import { Killed, Mortality } from '../support/mortal.ts';
import { syntheticNumbers } from '../support/nhs-numbers.ts';
import { InMemoryPipeline } from '../support/pipeline.ts';

/** A pipeline whose steps can be killed at any call that they make, and are called again as Step Functions does. */
class MortalPipeline extends InMemoryPipeline {
  readonly mortality = new Mortality();
  override readonly store = this.mortality.of('store', new InMemoryFhirStore());

  override deps() {
    const deps = super.deps();
    const { files, runs, parts, latest, writes, consentWrites, consentImports, mailbox } = deps;
    const ledger = { runs, parts, latest, writes, consentWrites, consentImports, mailbox };
    const mortal = Object.entries({ files, ...ledger }).map(([name, target]) => [
      name,
      this.mortality.of(name, target),
    ]);
    return { ...deps, ...(Object.fromEntries(mortal) as Partial<typeof deps>) };
  }

  override write(...given: Parameters<InMemoryPipeline['write']>) {
    return this.#untilItLives(() => super.write(...given));
  }

  override correct(part: number) {
    return this.#untilItLives(() => super.correct(part));
  }

  override close(...given: Parameters<InMemoryPipeline['close']>) {
    return this.#untilItLives(() => super.close(...given));
  }

  async #untilItLives<Output>(step: () => Promise<Output>): Promise<Output> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      this.mortality.revive();
      return step();
    }
  }
}

const everybody = [...syntheticNumbers(120)].sort((a, b) => a - b);
const firstMonth = everybody.slice(0, 110);
const wasOptedOut = new Set(firstMonth.filter((_, index) => index % 4 === 0));
/** Ten are new, three have left of whom one had opted out, some turn either way. */
const secondMonth = everybody.slice(3);
const isOptedOut = new Set([
  ...[...wasOptedOut].filter((_, index) => index % 5 !== 1),
  ...secondMonth.filter((_, index) => index % 9 === 1),
]);

/** The second month, up to where it is to write. */
async function beforeWriting(): Promise<{ readonly pipeline: MortalPipeline; readonly files: Files }> {
  const pipeline = new MortalPipeline({ partRows: 60 });
  await pipeline.run(firstMonth, wasOptedOut);
  pipeline.clock.advance(31 * 86_400);
  pipeline.execution = 'arn:execution:second';
  await pipeline.open({ trigger: 'console', reason: 'second month' });
  for (const part of await pipeline.ask(secondMonth, isOptedOut)) await pipeline.reconcile(part);
  const { files } = await pipeline.weigh();
  pipeline.store.versions.clear();
  return { pipeline, files };
}
type Files = Parameters<InMemoryPipeline['writeAll']>[0];

/** What a run that nothing befalls leaves behind. */
async function undisturbed() {
  const { pipeline, files } = await beforeWriting();
  pipeline.mortality.watch();
  await pipeline.writeAll(files);
  return {
    calls: pipeline.mortality.calls,
    consents: contentOf(pipeline),
    versions: new Map(pipeline.store.versions),
    manifest: await manifestOf(pipeline),
  };
}

function contentOf({ consents }: InMemoryPipeline): string {
  return asLines([...consents].sort(([a], [b]) => a.localeCompare(b)));
}

async function manifestOf(pipeline: InMemoryPipeline) {
  const { present } = pipeline.ledger.latest;
  const { entries } = await pipeline.deps().readManifest({ key: present!.manifestKey });
  return entries.map(({ sha256, rows, optedOut }) => ({ sha256, rows, optedOut }));
}

const model = await undisturbed();

async function expectModel(pipeline: InMemoryPipeline): Promise<void> {
  expect(contentOf(pipeline)).toBe(model.consents);
  expect(await manifestOf(pipeline)).toEqual(model.manifest);
  // Each change is one version, and nothing else is any.
  expect(new Map([...pipeline.store.versions].sort())).toEqual(new Map([...model.versions].sort()));
}

it('the scene holds changes of every kind, over several parts and batches', async () => {
  const { pipeline } = await beforeWriting();
  const kinds = (await pipeline.ledger.parts.list(pipeline.runId)).map(({ reconciled }) => reconciled!.changes);
  expect(kinds).toHaveLength(2);
  for (const kind of ['activate', 'deactivate', 'create', 'retire'] as const) {
    expect(kinds.reduce((sum, counts) => sum + counts[kind], 0)).toBeGreaterThan(0);
  }
});

describe('a step that writes, killed', () => {
  const kills = model.calls.flatMap((name, index) =>
    (['before', 'after'] as const).map((when) => ({ when, name, call: index + 1 })),
  );
  test.each(kills)('$when call $call, $name, and called again leaves what it would have left', async (kill) => {
    const { pipeline, files } = await beforeWriting();
    pipeline.mortality.watch(kill);
    await pipeline.writeAll(files);
    expect(pipeline.mortality.deaths).toBe(1);
    await expectModel(pipeline);
  });
});

describe('a store', () => {
  const bundles = model.calls.filter((name) => name === 'store.postBundle').length;
  const losses = Array.from({ length: bundles }, (_, index) => index + 1).flatMap((call) =>
    (['lost', 'unanswered'] as const).map((loss) => ({ call, loss })),
  );
  test.each(losses)('whose call $call is $loss ends up the same', async ({ call, loss }) => {
    const { pipeline, files } = await beforeWriting();
    const before = pipeline.store.calls.length;
    pipeline.store.faults.onCall = () => (pipeline.store.calls.length === before + call ? loss : undefined);
    await pipeline.writeAll(files).catch(async (error: unknown) => {
      // Reads are repeated by the store's client, which this one has not.
      expect(error).toBeInstanceOf(RetryableError);
      await pipeline.writeAll(files);
    });
    await expectModel(pipeline);
  });

  it('that throttles everything for a while is written to when it no longer does', async () => {
    const { pipeline, files } = await beforeWriting();
    let isThrottling = true;
    pipeline.store.faults.onEntry = () => (isThrottling ? { status: '429' } : undefined);
    for (let step = 0; step < 3; step += 1) {
      await expect(pipeline.writeAll(files)).rejects.toMatchObject({ name: 'HealthLakeThrottled' });
    }
    expect(pipeline.store.throttles).toBeGreaterThan(20);
    isThrottling = false;
    await pipeline.writeAll(files);
    await expectModel(pipeline);
  });

  it('that throttles a third of all entries, each time others, takes everything once', async () => {
    const { pipeline, files } = await beforeWriting();
    let seen = 0;
    pipeline.store.faults.onEntry = () => ((seen += 1) % 3 === 0 ? { status: '429' } : undefined);
    await pipeline.writeAll(files);
    await expectModel(pipeline);
  });

  it('that refuses three in a hundred has them set aside, and a resume finishes the rest', async () => {
    const { pipeline, files } = await beforeWriting();
    const refused = new Set([...model.versions.keys()].filter((_, index) => index % 33 === 0));
    pipeline.store.faults.onEntry = ({ request }) =>
      request.method === 'PUT' && refused.has(request.url.slice('Consent/'.length)) ? { status: '422' } : undefined;
    expect(await pipeline.writeAll(files)).toMatchObject({ outcome: 'CompletedWithFailures' });
    pipeline.store.faults = {};
    pipeline.execution = 'arn:execution:resume';
    await pipeline.open({ trigger: 'console', mode: 'resume', resumeRunId: pipeline.runId, reason: 'mended' });
    expect(await pipeline.writeAll((await pipeline.weigh()).files)).toMatchObject({ outcome: 'Completed' });
    expect(contentOf(pipeline)).toBe(model.consents);
    expect(await manifestOf(pipeline)).toEqual(model.manifest);
    const consents = [...pipeline.store.versions].filter(([id]) => pipeline.consents.has(id));
    expect(consents.filter(([, times]) => times !== 1)).toEqual([]);
  });
});
