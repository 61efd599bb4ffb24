import { beforeEach, describe, expect, it } from '@jest/globals';
import { startImport, type StartImportDeps } from '../../../functions/start-import/start-import.ts';
import { PermanentError, RetryableError } from '../../../shared/errors.ts';
import { Clock } from '../../support/clock.ts';
import { type InMemoryLatest, openInMemoryLedger, type InMemoryLedger } from '../../support/in-memory-ledger.ts';
import { Observer } from '../../support/observed.ts';
import { usualRun } from '../../support/runs.ts';

const { runId } = usualRun;
const input = { runId, execution: 'arn:execution' };
const clock = new Clock('2026-09-01T02:00:00Z');
let ledger: InMemoryLedger;
let started: string[];

beforeEach(async () => {
  ledger = openInMemoryLedger(clock.now);
  started = [];
  await ledger.runs.open(usualRun);
  await ledger.mailbox.holdLease(input, 60);
  await ledger.consentImports.putInput(runId, 1, { part: 1, file: 1, consents: 7, provenances: 1 });
});

const unheard = () => Promise.reject(new RetryableError('HealthLakeUnavailable', 'HealthLake did not answer'));

function run(deps: Partial<StartImportDeps> = {}) {
  return startImport(input, {
    ...ledger,
    now: clock.now,
    leaseSeconds: 60,
    startImport: (name) => {
      if (!started.includes(name)) started.push(name);
      return Promise.resolve(`job-${started.indexOf(name) + 1}`);
    },
    ...deps,
  });
}

describe('the import of a run', () => {
  it('is started once, under a name that carries the run', async () => {
    expect(await run()).toEqual({ isStarted: true });
    expect(await run({ startImport: () => Promise.reject(new Error('was started twice')) })).toEqual({
      isStarted: true,
    });
    expect(started).toEqual([`ndop-${runId}-1`]);
    expect(await ledger.consentImports.read(runId)).toEqual({
      ...{ state: 'started', attempt: 1, startedAt: '2026-09-01T02:00:00.000Z', jobId: 'job-1' },
    });
  });

  it('is not started where there is nothing to import', async () => {
    ledger.consentImports.inputs.clear();
    expect(await run()).toEqual({ isStarted: false });
    expect(started).toEqual([]);
    expect(ledger.latest.writer).toBeUndefined();
  });

  it('is started again under the same name where nobody knows whether it was started', async () => {
    await expect(run({ startImport: unheard })).rejects.toThrow('did not answer');
    expect(await run()).toEqual({ isStarted: true });
    expect(started).toEqual([`ndop-${runId}-1`]);
  });

  it('is started again under the same name where HealthLake has refused it', async () => {
    const refused = () => Promise.reject(new PermanentError('HealthLakeForbidden', 'HealthLake answered 400'));
    await expect(run({ startImport: refused })).rejects.toMatchObject({ name: 'HealthLakeForbidden' });
    await run();
    expect(started).toEqual([`ndop-${runId}-1`]);
  });

  it('takes a new name where the one before has failed', async () => {
    await run();
    await ledger.consentImports.update(runId, { state: 'failed' });
    await ledger.consentImports.putInput(runId, 2, { part: 1, file: 2, consents: 7, provenances: 1 });
    await run();
    expect(started.at(-1)).toBe(`ndop-${runId}-2`);
    expect(await ledger.consentImports.read(runId)).toMatchObject({ state: 'started', attempt: 2, jobId: 'job-2' });
  });

  it('that has ended is the run’s last, and is still to be accounted for', async () => {
    await run();
    await ledger.consentImports.update(runId, { state: 'ended' });
    await ledger.consentImports.putInput(runId, 2, { part: 1, file: 2, consents: 7, provenances: 1 });
    expect(await run()).toEqual({ isStarted: true });
    expect(started).toEqual([`ndop-${runId}-1`]);
    expect(await ledger.consentImports.read(runId)).toMatchObject({ state: 'ended', attempt: 1, jobId: 'job-1' });
  });

  it('is not started where another run has begun to write', async () => {
    ledger.latest.writer = { runId: 'another', opening: 1 };
    await expect(run()).rejects.toMatchObject({ name: 'RunUnfinished' });
    expect(started).toEqual([]);
  });

  it('is not started by an execution that has the mailbox no longer', async () => {
    await ledger.mailbox.releaseLease(input.execution);
    await expect(run()).rejects.toMatchObject({ name: 'LeaseLost' });
    expect(started).toEqual([]);
    expect(ledger.writes.rows.size).toBe(0);
  });
});

it('an import that may have begun is always on record, wherever its start stops', async () => {
  const whole = new Observer();
  await run(watched(whole));
  for (let call = 1; call <= whole.calls.length; call += 1) {
    for (const when of ['before', 'after'] as const) {
      ledger = openInMemoryLedger(clock.now);
      started = [];
      await ledger.runs.open(usualRun);
      await ledger.mailbox.holdLease(input, 60);
      await ledger.consentImports.putInput(runId, 1, { part: 1, file: 1, consents: 7, provenances: 1 });
      await run(watched(new Observer({ call, when }))).catch(() => undefined);
      if (started.length === 0) continue;
      expect(await ledger.consentImports.pending()).toMatchObject({ runId, attempt: 1 });
      expect(ledger.latest.writer).toEqual({ runId, opening: 1 });
    }
  }
});

function watched(observer: Observer): Partial<StartImportDeps> {
  const job = observer.watch('job', {
    start: (name: string) => Promise.resolve(`job-${started.push(name)}`),
  });
  return {
    mailbox: observer.watch('mailbox', ledger.mailbox),
    latest: observer.watch<InMemoryLatest>('latest', ledger.latest),
    writes: observer.watch('writes', ledger.writes),
    consentImports: observer.watch('consentImports', ledger.consentImports),
    startImport: (name) => job.start(name),
  };
}
