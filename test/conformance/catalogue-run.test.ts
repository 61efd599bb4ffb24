import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { log } from '../../shared/log.ts';
import type { CaseContext, ConformanceCase, RunSettings } from './case.ts';
import { catalogue } from './catalogue.ts';
import { CatalogueRun, type CaseResult, type Difference } from './catalogue-run.ts';
import { Waiting } from './checks.ts';
import type { Environment } from './environment.ts';
import { makePayload } from './payload.ts';
import { runSettings } from './settings.ts';
import { type RunningEnvironment, startStandIn } from './stand-in.ts';
import { exitCode, table } from './table.ts';

log.setLogLevel('SILENT');

let standIn: RunningEnvironment;

beforeAll(async () => {
  standIn = await startStandIn();
});
afterAll(() => standIn.close());

/** A case that does as it is told. */
function made(run: (context: CaseContext) => void): ConformanceCase {
  const about = { number: '999', title: 'A case', asks: 'Something.', passes: 'Somehow.' };
  return {
    ...about,
    run: async (context) => {
      run(context);
      return Promise.resolve();
    },
  };
}

async function verdict(
  run: (context: CaseContext) => void,
  differences: readonly Difference[] = [],
): Promise<CaseResult> {
  const catalogueRun = new CatalogueRun(standIn.environment, { settings: runSettings(false), differences });
  const result = await catalogueRun.run(made(run));
  catalogueRun.close();
  return result;
}

const difference: Difference = { number: '999', claim: 'B', reason: 'it is so' };

describe('a case', () => {
  it.each([
    { when: 'all checks hold', run: ({ checks }: CaseContext) => void checks.that('A', true), is: 'passed', code: 0 },
    { when: 'one does not', run: ({ checks }: CaseContext) => void checks.that('A', false), is: 'failed', code: 1 },
    { when: 'none was made', run: () => undefined, is: 'failed', code: 1 },
    {
      when: 'it waits for somebody',
      run: ({ checks }: CaseContext) => {
        checks.that('A', true);
        throw new Waiting('Call the assessor');
      },
      is: 'waiting',
      code: 4,
    },
    {
      when: 'it waits and a check does not hold',
      run: ({ checks }: CaseContext) => {
        checks.that('A', false);
        throw new Waiting('Call the assessor');
      },
      is: 'failed',
      code: 1,
    },
    {
      when: 'something breaks',
      run: ({ checks }: CaseContext) => {
        checks.that('A', true);
        throw new Error('broken');
      },
      is: 'failed',
      code: 1,
    },
  ])('is $is where $when', async ({ run, is, code }) => {
    const result = await verdict(run);
    expect(result.verdict).toBe(is);
    expect(exitCode([result])).toBe(code);
  });

  it('differs as listed where the listed check alone does not hold', async () => {
    const result = await verdict(
      ({ checks }) => {
        checks.that('A', true);
        checks.that('B', false);
      },
      [difference],
    );
    expect(result).toMatchObject({ verdict: 'differs', checks: [{}, { claim: 'B', difference: 'it is so' }] });
    expect(exitCode([result])).toBe(0);
    expect(table([result])).toContain('differs: B: it is so');
  });

  it.each([{ holds: true }, { holds: undefined }])(
    'fails where a listed difference does not differ (check holds: $holds)',
    async ({ holds }) => {
      const result = await verdict(
        ({ checks }) => {
          checks.that('A', true);
          if (holds !== undefined) checks.that('B', holds);
        },
        [difference],
      );
      expect(result.verdict).toBe('failed');
      expect(table([result])).toContain('does not hold: A listed difference still differs (not: B)');
    },
  );
});

it('calls a run without any case a failure', () => {
  expect(exitCode([])).toBe(1);
});

/** As a MESH of NHS England's own is seen: nothing to be turned, and the other mailboxes are somebody else's. */
function asIntegration(environment: Environment): Environment {
  const { ours, other, dormant } = environment.mailboxes;
  return {
    ...environment,
    ...{
      kind: 'integration',
      admin: undefined,
      overlapsSeen: undefined,
      delivery: { forSeconds: 1, everyMilliseconds: 100 },
    },
    mailboxes: { ours, other: { mailboxId: other.mailboxId }, dormant: { mailboxId: dormant.mailboxId } },
  };
}

async function runCases(environment: Environment, numbers: string[], settings: Partial<RunSettings> = {}) {
  const run = new CatalogueRun(environment, { settings: { ...runSettings(false), ...settings } });
  for (const one of catalogue.filter(({ number }) => numbers.includes(number))) await run.run(one);
  run.close();
  return new Map(run.results.map((result) => [result.number, result]));
}

describe('in an environment of NHS England', () => {
  it('passes nothing that a person has to confirm, and says what to do', async () => {
    const environment = asIntegration(standIn.environment);
    const results = await runCases(environment, ['201', '401', '501', '601', '701', '702', '704', '801', '802']);
    const of = (verdict: string) =>
      [...results.values()].filter((result) => result.verdict === verdict).map(({ number }) => number);
    expect(of('failed')).toEqual([]);
    expect(of('waiting')).toEqual(['201', '401', '501', '601', '701', '802']);
    expect(of('passed')).toEqual(['702', '704', '801']);
    expect(results.get('201')?.remark).toMatch(
      /^Have the owner of mailbox X26ABC2 confirm that message \S+ arrived as 20,000 bytes, SHA-256 /,
    );
    expect(results.get('401')?.remark).toMatch(/^Have mailbox X26ABC2 send one message, uncompressed, to X26ABC1/);
    expect(results.get('601')?.remark).toMatch(/^Have mailbox X26ABC2 send 600 messages to X26ABC1/);
    expect(results.get('802')?.remark).toMatch(/^This run made no call to download, acknowledge: run this case again/);
    expect(results.get('701')?.remark).toContain('--only 701 --disabled-mailbox X26ABC1');
  });

  it('takes a shorter body than the catalogue asks for as a rehearsal', async () => {
    const { mailboxes } = standIn.environment;
    const results = await runCases({ ...asIntegration(standIn.environment), mailboxes }, ['501', '502']);
    for (const number of ['501', '502']) {
      expect(results.get(number)).toMatchObject({ verdict: 'waiting' });
      expect(results.get(number)?.remark).toContain('Run again with --large');
    }
  });

  it('judges what somebody else sent, and has the owner confirm it', async () => {
    const { environment } = standIn;
    const sender = new CatalogueRun(swapped(environment), { settings: runSettings(false) });
    const sent = await sender.run({
      ...made(() => undefined),
      run: async ({ ours, localId, checks }) => {
        const payload = await makePayload('text', 3_000);
        const outcome = await ours.send(payload, { to: 'X26ABC1', subject: 'By hand', localId: localId() });
        checks.equal('sent', outcome.outcome, 'accepted');
      },
    });
    sender.close();
    expect(sent.verdict).toBe('passed');
    const results = await runCases(asIntegration(environment), ['401']);
    expect(results.get('401')).toMatchObject({ verdict: 'waiting' });
    expect(results.get('401')?.remark).toMatch(
      /^Have the owner of mailbox X26ABC2 confirm that it sent 3,000 bytes, SHA-256 [0-9a-f]{64}/,
    );
    expect(results.get('401')?.checks.every(({ holds }) => holds)).toBe(true);
  });

  it('finishes 703, 705 and 803 five days later', async () => {
    const environment = asIntegration(standIn.environment);
    const first = await runCases(environment, ['703', '705', '803']);
    expect([...first.values()].map(({ verdict }) => verdict)).toEqual(['waiting', 'waiting', 'waiting']);
    const [, undeliveredMessage = ''] = /--undelivered-message (\S+)$/.exec(first.get('703')?.remark ?? '') ?? [];
    expect(undeliveredMessage).toMatch(/^\d{20}_[0-9A-F]{6}$/);

    const early = await runCases(environment, ['703'], { undeliveredMessage });
    expect(early.get('703')).toMatchObject({ verdict: 'waiting' });

    const order = { messageId: undeliveredMessage, sender: 'X26ABC1', workflowId: 'TEST_WORKFLOW', localId: '' };
    await standIn.environment.admin?.letExpire(order);
    const later = await runCases(environment, ['703', '705', '803'], { undeliveredMessage });
    expect([...later.values()].map(({ verdict, remark }) => [verdict, remark])).toEqual([
      ['passed', undefined],
      ['passed', undefined],
      ['passed', undefined],
    ]);
  });

  it('judges 701 while the mailbox is disabled', async () => {
    const environment = asIntegration(standIn.environment);
    await standIn.environment.admin?.setDisabled('X26ABC1', true);
    const results = await runCases(environment, ['701'], { isDisabledNow: true });
    await standIn.environment.admin?.setDisabled('X26ABC1', false);
    expect(results.get('701')).toMatchObject({ verdict: 'passed', notes: [{}, { name: 'Still to do' }] });
    expect(results.get('701')?.checks.map(({ holds }) => holds)).toEqual([true, true]);
    const wrong = await runCases(environment, ['701'], { isDisabledNow: true });
    expect(wrong.get('701')).toMatchObject({ verdict: 'failed' });
  });
});

function swapped(environment: Environment): Environment {
  const { ours, other, dormant } = environment.mailboxes;
  return { ...environment, mailboxes: { ours: { ...other, password: other.password ?? '' }, other: ours, dormant } };
}
