import { describe, expect, it, test } from '@jest/globals';
import { consentIdOf } from '../../shared/fhir/consent-id.ts';
import { Killed } from '../support/mortal.ts';
import { day, idKey, people, Weeks } from '../support/weeks.ts';

const [low, high] = [people.slice(0, 4), people.slice(4)];
/** One in each half. */
const optedOut = new Set([low[1]!, high[2]!]);

const truthOf = (out: ReadonlySet<number>) => people.map((person) => (out.has(person) ? 'active' : 'inactive'));
const allOf = truthOf(optedOut);
const highExpired = allOf.map((status, place) => (place >= 4 && status === 'inactive' ? 'none' : status));
const bothExpired = allOf.map((status) => (status === 'inactive' ? 'none' : status));

/** The low half was asked about eight days ago, the high half twenty-two. */
async function halfExpired(settings?: ConstructorParameters<typeof Weeks>[0]): Promise<Weeks> {
  const pipeline = new Weeks(settings);
  await pipeline.run(people, optedOut);
  pipeline.clock.advance(14 * day);
  await pipeline.runHalf(optedOut);
  pipeline.clock.advance(3 * day);
  expect(pipeline.statuses()).toEqual(allOf);
  pipeline.markers.length = 0;
  pipeline.notices.length = 0;
  return pipeline;
}

describe('answers that are too old', () => {
  it('take with them the Consents of those who have not opted out, and of nobody else', async () => {
    const pipeline = await halfExpired();
    expect(await pipeline.expire()).toBe(3);
    expect(pipeline.statuses()).toEqual(highExpired);
    expect((await pipeline.manifest()).entries).toMatchObject([
      { rows: 4, optedOut: 1, modelVersion: 1 },
      { rows: 1, optedOut: 1, modelVersion: 0, expiredAt: pipeline.clock.now().toISOString() },
    ]);
    expect(pipeline.ledger.mailbox.lease).toBeUndefined();
  });

  it('let consumers go on with what is still fresh', async () => {
    const pipeline = await halfExpired();
    const [{ sentAt } = { sentAt: '' }] = (await pipeline.manifest()).entries;
    await pipeline.expire();
    expect(pipeline.markers).toMatchObject([{ outcome: 'AnswersExpired', asAt: sentAt, consentWrites: 3 }]);
  });

  it('are told to the operators', async () => {
    const pipeline = await halfExpired();
    await pipeline.expire();
    expect(pipeline.notices).toMatchObject([
      {
        subject: 'NDOP: answers have expired, 3 Consents deleted',
        message: expect.stringContaining('1 of 2 stretches of the snapshot have expired'),
      },
    ]);
  });

  it('are done with once, and spoken of every day', async () => {
    const pipeline = await halfExpired();
    await pipeline.expire();
    const latest = pipeline.ledger.latest.present;
    pipeline.clock.advance(day);
    expect(await pipeline.expire('arn:execution:tomorrow')).toBe(0);
    expect(pipeline.ledger.latest.present).toEqual(latest);
    expect(pipeline.notices.map(({ subject }) => subject)).toEqual([
      'NDOP: answers have expired, 3 Consents deleted',
      'NDOP: answers have expired',
    ]);
  });

  it('leave no marker where nothing is fresh any more', async () => {
    const pipeline = await halfExpired();
    pipeline.clock.advance(20 * day);
    await pipeline.expire();
    expect(pipeline.statuses()).toEqual(bothExpired);
    expect(pipeline.markers).toEqual([]);
  });

  it('take everybody with them once an opt-out may not be kept either', async () => {
    const pipeline = await halfExpired();
    await pipeline.expire();
    pipeline.clock.advance(30 * day);
    await pipeline.expire('arn:execution:last-day');
    expect(pipeline.statuses()).toEqual(bothExpired);
    pipeline.clock.advance(day);
    await pipeline.expire('arn:execution:gone');
    expect(pipeline.statuses()).toEqual(bothExpired.map((status, place) => (place < 4 ? status : 'none')));
    expect((await pipeline.manifest()).entries).toHaveLength(1);
  });

  it('that nobody looked at for long are too old from when they are found', async () => {
    const pipeline = await halfExpired();
    pipeline.clock.advance(60 * day);
    await pipeline.expire();
    expect(pipeline.statuses()).toEqual(bothExpired);
    pipeline.clock.advance(31 * day);
    await pipeline.expire('arn:execution:gone');
    expect(pipeline.consents.size).toBe(0);
    expect((await pipeline.manifest()).entries).toEqual([]);
    expect(await pipeline.expire('arn:execution:again')).toBe(0);
  });

  it('of which nobody knows how old they are are too old at once, and are kept as long as if they were just that', async () => {
    const pipeline = new Weeks();
    await pipeline.run(people, optedOut);
    pipeline.next('rebuild');
    pipeline.markers.length = 0;
    await pipeline.rebuildAll(people);
    await pipeline.expire();
    expect(pipeline.statuses()).toEqual(bothExpired);
    pipeline.clock.advance(30 * day);
    await pipeline.expire('arn:execution:last-day');
    expect(pipeline.statuses()).toEqual(bothExpired);
    pipeline.clock.advance(day);
    await pipeline.expire('arn:execution:gone');
    expect(pipeline.consents.size).toBe(0);
  });
});

describe('a run after answers have expired', () => {
  it('writes everybody anew whom it is answered about', async () => {
    const pipeline = await halfExpired();
    await pipeline.expire();
    const changed = new Set([high[0]!]);
    await pipeline.run(people, changed, pipeline.next('after'));
    expect(pipeline.statuses()).toEqual(truthOf(changed));
    expect((await pipeline.manifest()).entries.every(({ expiredAt }) => expiredAt === undefined)).toBe(true);
  });

  it('that is answered in part leaves the rest as it was', async () => {
    const pipeline = await halfExpired();
    await pipeline.expire();
    await pipeline.runHalf(new Set());
    expect(pipeline.statuses()).toEqual([...truthOf(new Set()).slice(0, 4), ...highExpired.slice(4)]);
    expect((await pipeline.manifest()).entries[1]).toMatchObject({ rows: 1, modelVersion: 0 });
  });

  it('keeps whoever has left the cohort opted out, for as long as it keeps any leaver', async () => {
    const pipeline = await halfExpired();
    await pipeline.expire();
    const left = high[2]!;
    const stayed = people.filter((person) => person !== left);
    await pipeline.run(stayed, optedOut, pipeline.next('after'));
    expect(pipeline.statuses()).toEqual(allOf);
    pipeline.clock.advance(30 * day);
    await pipeline.run(stayed, optedOut, pipeline.next('much later'));
    expect(pipeline.consents.has(consentIdOf(left, idKey))).toBe(false);
  });

  it('is not held for the share of opted-out people, of whom alone the snapshot knows by then', async () => {
    const limits = {
      ...{ rateGateFrom: 1, maxOptOutPercent: 100, maxChangePoints: 2, maxDeactivations: 1000 },
      ...{ maxInvalidNumbers: 100, maxPieces: 4000, splittingSeconds: 432_000 },
    };
    const pipeline = await halfExpired({ limits });
    await pipeline.expire();
    await pipeline.open(pipeline.next('after'));
    for (const part of await pipeline.ask(people, optedOut)) await pipeline.reconcile(part);
    expect((await pipeline.weigh()).reasons).toEqual([]);
  });

  it('that was under way with the earlier snapshot may not go on', async () => {
    const pipeline = await halfExpired();
    await pipeline.open(pipeline.next('failed'));
    const { runId } = pipeline;
    await pipeline.fail({ stage: 'Replies overdue', error: { Error: 'ReplyOverdue' } });
    await pipeline.expire();
    pipeline.execution = 'arn:execution:resume';
    await expect(
      pipeline.open({ trigger: 'console', mode: 'resume', resumeRunId: runId, reason: 'go on' }),
    ).rejects.toMatchObject({ name: 'SnapshotSuperseded' });
  });
});

describe('an expiry that stops dead at any call', () => {
  /** Expects every way on from there to lead to the same end. */
  const waysOn: { way: string; goOn: (pipeline: Weeks) => Promise<unknown>; leadsTo: string[] }[] = [
    {
      way: 'the next day’s drain',
      goOn: async (pipeline) => {
        pipeline.ledger.mailbox.lease = undefined;
        pipeline.clock.advance(day);
        await pipeline.expire('arn:execution:tomorrow');
      },
      leadsTo: highExpired,
    },
    {
      way: 'a run, and then the next day’s drain',
      goOn: async (pipeline) => {
        pipeline.ledger.mailbox.lease = undefined;
        pipeline.clock.advance(day);
        await pipeline.run(people, new Set([high[0]!]), pipeline.next('after'));
        await pipeline.expire('arn:execution:tomorrow');
      },
      leadsTo: truthOf(new Set([high[0]!])),
    },
    {
      way: 'a run that is answered in part, and then the next day’s drain and another run',
      goOn: async (pipeline) => {
        pipeline.ledger.mailbox.lease = undefined;
        pipeline.clock.advance(3_600);
        await pipeline.runHalf(optedOut);
        await pipeline.expire('arn:execution:tomorrow');
        expect(pipeline.statuses()).toEqual(highExpired);
        await pipeline.run(people, optedOut, pipeline.next('after'));
      },
      leadsTo: allOf,
    },
  ];

  async function atEveryCall(stopAndGoOn: (pipeline: Weeks) => Promise<unknown>, leadsTo: string[]): Promise<void> {
    const whole = await halfExpired({ mostDeletes: 2 });
    whole.mortality.watch();
    await whole.expire();
    const calls = [...whole.mortality.calls];
    expect(calls.length).toBeGreaterThan(20);
    for (const when of ['before', 'after'] as const) {
      for (const [index, name] of calls.entries()) {
        const pipeline = await halfExpired({ mostDeletes: 2 });
        pipeline.mortality.watch({ call: index + 1, when });
        await stopAndGoOn(pipeline);
        expect(pipeline.mortality.deaths).toBe(1);
        const at = `${when} ${name}`;
        expect({ at, statuses: pipeline.statuses() }).toEqual({ at, statuses: leadsTo });
      }
    }
  }

  it('is put right by a repeat of the step', async () => {
    await atEveryCall((pipeline) => {
      pipeline.isRetried = true;
      return pipeline.expire();
    }, highExpired);
  });

  test.each(waysOn)('is put right by $way', async ({ goOn, leadsTo }) => {
    await atEveryCall(async (pipeline) => {
      await expect(pipeline.expire()).rejects.toBeInstanceOf(Killed);
      pipeline.mortality.rest();
      await goOn(pipeline);
    }, leadsTo);
  });
});

describe('a run that began to write and never closed', () => {
  /** It has found that nobody is opted out, and stopped after its activations and as many other files as said. */
  async function stopped(daysBefore: number, files: number, settings = {}): Promise<Weeks> {
    const pipeline = new Weeks({ changeFileRows: 2, ...settings });
    const known = people.filter((person) => person !== low[3]);
    await pipeline.run(known, optedOut);
    pipeline.clock.advance(daysBefore * day);
    await pipeline.open(pipeline.next('stopped'));
    for (const part of await pipeline.ask(people, new Set([low[0]!]))) await pipeline.reconcile(part);
    const { files: found } = await pipeline.weigh();
    for (const { part, file } of found.activations) await pipeline.write('activations', part, file);
    for (const { part, file } of found.others.slice(0, files)) await pipeline.write('others', part, file);
    await pipeline.fail({ stage: 'Write the other Consents', error: { Error: 'HealthLakeForbidden' } });
    return pipeline;
  }

  it('leaves nobody as not opted out, whom no snapshot names, once the snapshot that it compared with is too old', async () => {
    const pipeline = await stopped(20, 2);
    expect(pipeline.statuses()[3]).toBe('inactive');
    pipeline.clock.advance(2 * day);
    await pipeline.expire();
    expect(pipeline.statuses()).not.toContain('inactive');
    expect(pipeline.statuses()[0]).toBe('active');
    expect(pipeline.notices.at(-1)?.message).toContain(
      `Run ${pipeline.runId} began to write and stopped. It cannot be resumed any more: npm run ops -- snapshot rebuild, then a run`,
    );
    pipeline.next('rebuild');
    await pipeline.rebuildAll(people);
    await pipeline.run(people, optedOut, pipeline.next('after'));
    expect(pipeline.statuses()).toEqual(allOf);
  });

  it('is left alone as long as it can be resumed', async () => {
    const pipeline = await stopped(10, 1);
    const before = pipeline.statuses();
    pipeline.clock.advance(2 * day);
    expect(await pipeline.expire()).toBe(0);
    expect(pipeline.statuses()).toEqual(before);
    pipeline.execution = 'arn:execution:resume';
    await pipeline.open({ trigger: 'console', mode: 'resume', resumeRunId: pipeline.runId, reason: 'go on' });
    await pipeline.writeAll((await pipeline.weigh()).files);
    expect(pipeline.statuses()).toEqual(truthOf(new Set([low[0]!])));
  });

  it('is cleared away though no run before it has ever completed', async () => {
    const pipeline = new Weeks();
    await pipeline.open();
    for (const part of await pipeline.ask(people, optedOut)) await pipeline.reconcile(part);
    const { files } = await pipeline.weigh();
    for (const { part, file } of files.activations) await pipeline.write('activations', part, file);
    for (const { part, file } of files.others) await pipeline.write('others', part, file);
    await pipeline.fail({ stage: 'Close the run', error: { Error: 'HealthLakeForbidden' } });
    pipeline.clock.advance(22 * day);
    expect(await pipeline.expire()).toBe(6);
    expect(pipeline.statuses()).toEqual(bothExpired);
    pipeline.clock.advance(30 * day);
    await pipeline.expire('arn:execution:gone');
    expect(pipeline.consents.size).toBe(0);
  });

  it('has left nothing out where it stopped at the very end of its closing', async () => {
    const pipeline = await halfExpired();
    const { runId } = pipeline;
    pipeline.ledger.latest.writer = { runId, opening: 1 };
    await pipeline.expire();
    expect(pipeline.statuses()).toEqual(highExpired);
    expect(pipeline.ledger.latest.writer).toBeUndefined();
  });
});
