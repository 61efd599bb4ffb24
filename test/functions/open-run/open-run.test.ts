import { describe, expect, it, test } from '@jest/globals';
import { InMemoryPipeline, leaseSeconds } from '../../support/pipeline.ts';
import { samplePeople, sampleOptedOut } from '../../support/nhs-numbers.ts';

const fromConsole = { trigger: 'console', reason: 'asked by IG' };
const resume = (resumeRunId: string) => ({ ...fromConsole, mode: 'resume', resumeRunId });

describe('a new run', () => {
  it('is recorded with what it was started by, and holds the mailbox', async () => {
    const pipeline = new InMemoryPipeline();
    const output = await pipeline.open({ ...fromConsole, cohort: { source: 's3', key: 'cohorts/a.csv' } });
    expect(output).toEqual({
      disposition: 'opened',
      runId: pipeline.runId,
      holder: '',
      isDryRun: false,
      isReopened: false,
      isRebuild: false,
      needsExport: false,
    });
    expect(await pipeline.ledger.runs.read(output.runId)).toEqual({
      runId: output.runId,
      state: 'running',
      trigger: 'console',
      mode: 'refresh',
      reason: 'asked by IG',
      cohortChoice: { source: 's3', key: 'cohorts/a.csv' },
      executionArn: 'arn:execution:first',
      openedAt: '2026-09-01T02:00:00.000Z',
      opening: 1,
    });
    const { expiresAt, ...holder } = pipeline.ledger.mailbox.lease!;
    expect(holder).toEqual({ execution: 'arn:execution:first', runId: output.runId });
    expect(Date.parse(expiresAt) - pipeline.clock.now().getTime()).toBe(leaseSeconds * 1000);
  });

  it('of a schedule has the id of its moment, however late and in whatever zone it is delivered', async () => {
    const ids = await Promise.all(
      ['2026-09-01T02:00:00Z', '2026-09-01T03:00:00+01:00'].map(async (scheduledTime, delay) => {
        const pipeline = new InMemoryPipeline();
        pipeline.execution = `arn:execution:${delay}`;
        pipeline.clock.advance(delay * 90);
        return (await pipeline.open({ trigger: 'schedule', scheduledTime })).runId;
      }),
    );
    expect(ids[0]).toMatch(/^20260901T020000Z-[0-9a-f]{4}$/);
    expect(ids[1]).toBe(ids[0]);
  });

  it('from the console has an id of its own, even in the same second', async () => {
    const first = new InMemoryPipeline();
    const second = new InMemoryPipeline();
    second.execution = 'arn:execution:second';
    expect((await first.open(fromConsole)).runId).not.toBe((await second.open(fromConsole)).runId);
  });

  it('remembers the snapshot that it compares with', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.run(samplePeople, sampleOptedOut);
    pipeline.execution = 'arn:execution:second';
    const { runId } = await pipeline.open(fromConsole);
    const { baseManifestKey, baseManifestSha256 } = await pipeline.ledger.runs.read(runId);
    expect({ manifestKey: baseManifestKey, manifestSha256: baseManifestSha256 }).toEqual({
      manifestKey: pipeline.ledger.latest.present?.manifestKey,
      manifestSha256: pipeline.ledger.latest.present?.manifestSha256,
    });
    expect(baseManifestKey).toMatch(/manifest-1\.json$/);
  });

  test.each([
    { cohort: 'fhir-store', patientRead: 'export', needsExport: true },
    { cohort: 'fhir-store', patientRead: 'search', needsExport: false },
    { cohort: 's3', patientRead: 'export', needsExport: false },
  ] as const)(
    'needs an export ($needsExport) for a cohort from $cohort where patients are read by $patientRead',
    async ({ cohort, patientRead, needsExport }) => {
      const defaultCohort = cohort === 's3' ? { source: cohort, key: 'cohorts/a.csv' } : { source: cohort };
      const output = await new InMemoryPipeline({ defaultCohort, patientRead }).open();
      expect(output.needsExport).toBe(needsExport);
    },
  );

  it('needs no export again where a run that is resumed has its cohort', async () => {
    const pipeline = new InMemoryPipeline({ patientRead: 'export' });
    pipeline.cohort = samplePeople;
    await pipeline.open();
    await pipeline.build();
    pipeline.execution = 'arn:execution:second';
    const { runId: resumeRunId } = pipeline;
    const output = await pipeline.open({ trigger: 'console', mode: 'resume', reason: 'again', resumeRunId });
    expect(output).toMatchObject({ isReopened: true, needsExport: false });
  });
});

describe('a start that meets another', () => {
  it('is a duplicate where another execution has opened the same run, and takes nothing from it', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.open();
    const lease = pipeline.ledger.mailbox.lease;
    pipeline.execution = 'arn:execution:second';
    const output = await pipeline.open();
    expect(output).toMatchObject({ disposition: 'duplicate', runId: pipeline.runId });
    expect(pipeline.ledger.mailbox.lease).toEqual(lease);
    expect((await pipeline.ledger.runs.read(pipeline.runId)).executionArn).toBe('arn:execution:first');
  });

  it('is a duplicate also when the first has ended long ago', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.run(samplePeople, sampleOptedOut);
    pipeline.execution = 'arn:execution:second';
    expect((await pipeline.open()).disposition).toBe('duplicate');
    expect(pipeline.ledger.mailbox.lease).toBeUndefined();
  });

  it('carries on where it is the same execution again', async () => {
    const pipeline = new InMemoryPipeline();
    const first = await pipeline.open();
    expect(await pipeline.open()).toEqual(first);
    expect(await pipeline.ledger.runs.read(first.runId)).toMatchObject({ opening: 1, state: 'running' });
  });

  it('names the run that holds the mailbox, and leaves no run behind', async () => {
    const pipeline = new InMemoryPipeline();
    const { runId: holder } = await pipeline.open();
    pipeline.execution = 'arn:execution:second';
    const output = await pipeline.open(fromConsole);
    expect(output).toMatchObject({ disposition: 'already-running', holder });
    expect(await pipeline.ledger.runs.find(output.runId)).toBeUndefined();
  });

  it('goes ahead once the time of a holder that never came back is up', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.open();
    pipeline.clock.advance(leaseSeconds + 1);
    pipeline.execution = 'arn:execution:second';
    expect((await pipeline.open(fromConsole)).disposition).toBe('opened');
  });
});

describe('a resume', () => {
  it('opens the run once more, with its own cohort choice', async () => {
    const { pipeline, runId } = await failedRun();
    const output = await pipeline.open({ ...resume(runId), cohort: { source: 's3', key: 'cohorts/other.csv' } });
    expect(output).toMatchObject({ disposition: 'opened', runId, isReopened: true, isDryRun: false });
    expect(await pipeline.ledger.runs.read(runId)).toMatchObject({
      opening: 2,
      state: 'running',
      mode: 'resume',
      executionArn: 'arn:execution:second',
      cohortChoice: { source: 'fhir-store' },
    });
  });

  it('counts one opening, however often the same execution repeats it', async () => {
    const { pipeline, runId } = await failedRun();
    await pipeline.open(resume(runId));
    await pipeline.open(resume(runId));
    expect((await pipeline.ledger.runs.read(runId)).opening).toBe(2);
  });

  it('may be a dry run over an earlier run', async () => {
    const { pipeline, runId } = await failedRun();
    const output = await pipeline.open({ ...fromConsole, mode: 'dry-run', resumeRunId: runId });
    expect(output).toMatchObject({ disposition: 'opened', runId, isDryRun: true, isReopened: true });
  });

  it('of a run that nobody knows is refused, and takes no mailbox', async () => {
    const pipeline = new InMemoryPipeline();
    await expect(pipeline.open(resume('20260901T020000Z-7f3a'))).rejects.toMatchObject({ name: 'RunUnknown' });
    expect(pipeline.ledger.mailbox.lease).toBeUndefined();
  });

  it('of a run that another has overtaken is refused, since its answers are old', async () => {
    const { pipeline, runId } = await failedRun();
    const input = { trigger: 'schedule', scheduledTime: '2026-09-08T02:00:00Z' };
    await pipeline.run(samplePeople, sampleOptedOut, input);
    pipeline.execution = 'arn:execution:third';
    await expect(pipeline.open(resume(runId))).rejects.toMatchObject({ name: 'SnapshotSuperseded' });
    expect((await pipeline.ledger.runs.read(runId)).opening).toBe(1);
  });

  it('of a run that has itself completed in part is no overtaking', async () => {
    const pipeline = new InMemoryPipeline();
    const { runId } = await pipeline.run(samplePeople, sampleOptedOut);
    pipeline.execution = 'arn:execution:second';
    expect(await pipeline.open(resume(runId))).toMatchObject({ disposition: 'opened', isReopened: true });
  });

  it('waits for the mailbox like any other start', async () => {
    const { pipeline, runId } = await failedRun();
    const { runId: holder } = await pipeline.open(fromConsole);
    pipeline.execution = 'arn:execution:third';
    expect(await pipeline.open(resume(runId))).toMatchObject({ disposition: 'already-running', holder });
    expect((await pipeline.ledger.runs.read(runId)).opening).toBe(1);
  });
});

describe('a run that ended while HealthLake may still be importing for it', () => {
  const afterImport = async (isUnderWay: boolean) => {
    const asked: string[] = [];
    const pipeline = new InMemoryPipeline({
      isImportUnderWay: ({ name }) => {
        asked.push(name);
        return Promise.resolve(isUnderWay);
      },
    });
    const { runId } = await pipeline.open();
    const { consentImports, latest } = pipeline.ledger;
    await latest.beginWriting({ runId, opening: 1 });
    await consentImports.begin(runId, 1, pipeline.clock.now().toISOString());
    await pipeline.fail({ stage: 'Check the import', error: { Error: 'ConsentImportOverdue' } });
    pipeline.execution = 'arn:execution:second';
    return { pipeline, runId, asked };
  };

  const rebuild = { ...fromConsole, mode: 'rebuild' };

  it('lets no rebuild begin, which would read what is still being written', async () => {
    const { pipeline, runId, asked } = await afterImport(true);
    await expect(pipeline.open(rebuild)).rejects.toMatchObject({
      name: 'WritesUnderWay',
      message: expect.stringContaining(`ndop-${runId}-1`),
    });
    expect(asked).toEqual([`ndop-${runId}-1`]);
  });

  it('is resumed all the same, since it waits for its import itself', async () => {
    const { pipeline, runId, asked } = await afterImport(true);
    expect(await pipeline.open(resume(runId))).toMatchObject({ disposition: 'opened', isReopened: true });
    expect(asked).toEqual([]);
  });

  it('lets a rebuild begin once HealthLake says that the import has ended', async () => {
    const { pipeline } = await afterImport(false);
    expect(await pipeline.open(rebuild)).toMatchObject({ disposition: 'opened' });
  });

  it('is not asked about once it is known how the import ended', async () => {
    const { pipeline, runId, asked } = await afterImport(true);
    await pipeline.ledger.consentImports.update(runId, { state: 'failed' });
    expect(await pipeline.open(rebuild)).toMatchObject({ disposition: 'opened' });
    expect(asked).toEqual([]);
  });
});

/** A run that failed after its opening, and another execution that is about to act. */
async function failedRun() {
  const pipeline = new InMemoryPipeline();
  const { runId } = await pipeline.open();
  await pipeline.fail({ stage: 'Build the cohort', error: { Error: 'HealthLakeUnavailable' } });
  pipeline.execution = 'arn:execution:second';
  return { pipeline, runId };
}
