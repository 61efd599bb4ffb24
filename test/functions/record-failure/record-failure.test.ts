import { describe, expect, it, test } from '@jest/globals';
import { recordFailure, recordFailureInput } from '../../../functions/record-failure/record-failure.ts';
import { samplePeople, sampleOptedOut } from '../../support/nhs-numbers.ts';
import { InMemoryPipeline } from '../../support/pipeline.ts';

const stage = 'Write the activations';
const lambdaCause = JSON.stringify({
  errorType: 'HealthLakeThrottled',
  errorMessage: '12 entries were never taken',
  trace: ['HealthLakeThrottled: 12 entries were never taken', '    at writeBatch (file:///var/task/index.mjs:1:1)'],
});

describe('why a run failed', () => {
  test.each([
    [
      'of a step, without its trace',
      { Error: 'HealthLakeThrottled', Cause: lambdaCause },
      '12 entries were never taken',
    ],
    ['of a state, in its own words', { Error: 'ReviewOverdue', Cause: 'Nobody answered.' }, 'Nobody answered.'],
    ['that is JSON and not Lambda’s', { Error: 'X', Cause: '{"message":"m"}' }, '{"message":"m"}'],
    ['that is not said', { Error: 'States.Timeout' }, 'States.Timeout'],
    ['that is empty', { Error: 'States.Timeout', Cause: '' }, 'States.Timeout'],
  ])('is recorded from a cause %s', async (_, error, message) => {
    const pipeline = new InMemoryPipeline();
    await pipeline.open();
    expect(await pipeline.fail({ stage, error })).toEqual({ name: error.Error, message });
    expect(await pipeline.ledger.runs.read(pipeline.runId)).toMatchObject({
      state: 'failed',
      failure: { name: error.Error, stage, message },
    });
  });
});

describe('a run that failed', () => {
  it('keeps a report of how far it came, and all that a resume needs', async () => {
    const pipeline = new InMemoryPipeline({ partRows: 4 });
    await pipeline.open();
    await pipeline.ask(samplePeople, sampleOptedOut);
    await pipeline.reconcile(1);
    const parts = await pipeline.ledger.parts.list(pipeline.runId);
    await pipeline.fail({ stage, error: { Error: 'HealthLakeThrottled', Cause: lambdaCause } });
    expect(await pipeline.ledger.parts.list(pipeline.runId)).toEqual(parts);
    const { reportKey } = await pipeline.ledger.runs.read(pipeline.runId);
    expect(reportKey).toBe(`runs/${pipeline.runId}/report/failure-20260901T020500000Z.json`);
    expect(JSON.parse(pipeline.files.text(reportKey!))).toMatchObject({
      outcome: 'Failed',
      failure: { name: 'HealthLakeThrottled', stage, message: '12 entries were never taken' },
      parts: [{ state: 'reconciled' }, { state: 'answered' }],
    });
    expect(pipeline.ledger.latest.present).toBeUndefined();
  });

  it('gives the mailbox back and tells the operators what and where', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.open();
    await pipeline.fail({ stage, error: { Error: 'HealthLakeThrottled', Cause: lambdaCause } });
    expect(pipeline.ledger.mailbox.lease).toBeUndefined();
    expect(pipeline.notices).toEqual([
      {
        subject: `NDOP run ${pipeline.runId} failed: HealthLakeThrottled`,
        message: `12 entries were never taken\nStage: ${stage}\nNo Consent was written.`,
      },
    ]);
  });

  it('gives the mailbox back even where nothing can be written any more', async () => {
    const pipeline = new InMemoryPipeline({ writeReport: () => Promise.reject(new Error('no bucket')) });
    await pipeline.open();
    await expect(pipeline.fail({ stage, error: { Error: 'FileMissing' } })).rejects.toThrow('no bucket');
    expect(pipeline.ledger.mailbox.lease).toBeUndefined();
  });

  it('may fail again after a resume: both reports stay', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.open();
    await pipeline.fail({ stage, error: { Error: 'HealthLakeThrottled' } });
    pipeline.clock.advance(3600);
    pipeline.execution = 'arn:execution:second';
    await pipeline.open({ trigger: 'console', reason: 'again', mode: 'resume', resumeRunId: pipeline.runId });
    await pipeline.fail({ stage, error: { Error: 'HealthLakeUnavailable' } });
    expect(
      pipeline.files.keysBelow(`runs/${pipeline.runId}/report/`).filter((key) => key.endsWith('.json')),
    ).toHaveLength(2);
    expect((await pipeline.ledger.runs.read(pipeline.runId)).failure?.name).toBe('HealthLakeUnavailable');
  });
});

describe('an execution without a run of its own', () => {
  it('is told of by the time of its start where it failed before it had a run id', async () => {
    const pipeline = new InMemoryPipeline();
    const input = recordFailureInput.parse({
      runId: null,
      execution: 'arn:execution:first',
      startedAt: '2026-09-01T02:00:03Z',
      stage: 'Open the run',
      written: 0,
      error: { Error: 'StateInputInvalid', Cause: '{"errorMessage":"input.reason: needed"}' },
    });
    expect(await recordFailure(input, pipeline.deps())).toEqual({
      name: 'StateInputInvalid',
      message: 'input.reason: needed',
    });
    expect(pipeline.notices[0]?.subject).toBe('NDOP the run started 2026-09-01T02:00:03Z failed: StateInputInvalid');
    expect(pipeline.files.keysBelow('')).toEqual([]);
  });

  it('touches neither the run nor the mailbox of another', async () => {
    const pipeline = new InMemoryPipeline();
    await pipeline.open();
    const before = await pipeline.ledger.runs.read(pipeline.runId);
    const { lease } = pipeline.ledger.mailbox;
    pipeline.execution = 'arn:execution:second';
    await pipeline.fail({ stage: 'Open the run', error: { Error: 'UnexpectedError' } });
    expect(await pipeline.ledger.runs.read(pipeline.runId)).toEqual(before);
    expect(pipeline.ledger.mailbox.lease).toEqual(lease);
    expect(pipeline.files.keysBelow('')).toEqual([]);
    expect(pipeline.notices).toHaveLength(1);
  });

  it('may name a run that the ledger never had', async () => {
    const pipeline = new InMemoryPipeline();
    pipeline.runId = '20260901T020000Z-0000';
    await pipeline.fail({ stage: 'Open the run', error: { Error: 'RunUnknown' } });
    expect(pipeline.notices).toHaveLength(1);
    expect(pipeline.ledger.runs.rows.size).toBe(0);
  });
});
