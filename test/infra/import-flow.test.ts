import { join } from 'node:path';
import { beforeAll, describe, expect, it, test } from '@jest/globals';
import { readDeployment } from '../../local/assembly/deployment.ts';
import { synthesize } from '../../local/assembly/synthesize.ts';
import { openMachine, type Payload } from '../local/step-functions/machine.ts';

interface Definition {
  readonly States: Readonly<Record<string, object>>;
}

type Steps = Readonly<Record<string, (payload: Payload, call: number) => object>>;

const begin = 'Too many for batches?';
const end = 'Was all of it taken?';
let definition: Definition;
let functions: readonly { readonly name: string; readonly arn: string }[];

beforeAll(async () => {
  const deployment = await readDeployment((await synthesize(join(import.meta.dirname, '../..'))).directory);
  definition = deployment.stateMachine.definition as Definition;
  functions = deployment.functions.map(({ name, arn, environment }) => ({
    name: environment.POWERTOOLS_SERVICE_NAME ?? name,
    arn,
  }));
}, 120_000);

const files = {
  activations: [{ part: 1, file: 1 }],
  others: Array.from({ length: 12 }, (_, at) => ({ part: 1, file: at + 1 })),
};
const failing = (name: string) => ({ errorType: name, errorMessage: 'a test asked for it' });

/** What has been weighed of the changes. */
interface Verdict {
  readonly needsBulkImport: boolean;
  readonly isFirst: boolean;
  readonly isImporting: boolean;
}

/** The stretch of the run between the verdict on the changes and the writing's end, with answers in place of its steps. */
async function write(about: Partial<Verdict>, answers: Steps) {
  const calls: string[] = [];
  const assigned = {
    ...{ runId: 'run-1', files, mayImport: false, importWaitedSeconds: 0, written: 0, incomplete: [] },
    ...{ needsBulkImport: false, isFirst: false, isImporting: false },
    ...about,
  };
  const machine = await openMachine(
    {
      StartAt: 'Begin',
      States: {
        ...definition.States,
        Begin: { Type: 'Pass', Assign: assigned, Next: begin },
        [end]: { Type: 'Succeed', Output: { written: '{% $written %}' } },
      },
    },
    (payload, _, arn) => {
      const step = functions.find((each) => arn.startsWith(`${each.arn}:`))?.name ?? arn;
      calls.push(step);
      const nth = calls.filter((each) => each === step).length;
      const usual = step === 'write-consents' ? { part: 1, written: 1, setAside: 0 } : {};
      const answered = answers[step]?.(payload, nth) ?? usual;
      return 'errorType' in answered ? (answered as ReturnType<typeof failing>) : { payload: answered };
    },
  );
  const ending = await machine.run();
  await machine.close();
  return { calls, ending };
}

const steps = (calls: readonly string[]) => calls.filter((call, index) => call !== calls[index - 1]);

const importing: Steps = {
  'count-consents': () => ({ consents: 0, areAllOurs: true }),
  'write-import-files': () => ({ consents: 7 }),
  'start-import': () => ({ isStarted: true }),
  'check-import': (_, call) => ({ isImported: call === 3, waitSeconds: 30 }),
  'find-unimported': () => ({ imported: 7, left: 0 }),
};

describe('changes that are too many for batches', () => {
  it('are imported, after whoever is to be withheld and before batches mop up', async () => {
    const { calls, ending } = await write({ needsBulkImport: true }, importing);
    expect(ending).toMatchObject({ status: 'SUCCEEDED', value: { written: 13 } });
    expect(steps(calls)).toEqual([
      ...['count-consents', 'write-consents', 'write-import-files', 'start-import', 'check-import'],
      ...['find-unimported', 'write-consents'],
    ]);
    const times = (step: string) => calls.filter((call) => call === step).length;
    expect(times('check-import')).toBe(3);
    // Ten files a step: an execution has room for 25,000 events.
    expect({ written: times('write-import-files'), looked: times('find-unimported') }).toEqual({
      written: 2,
      looked: 2,
    });
  });

  test.each<{ says: string; answers: Steps }>([
    {
      says: 'the store holds a Consent of others',
      answers: { 'count-consents': () => ({ consents: 5, areAllOurs: false }) },
    },
    { says: 'the store cannot count', answers: { 'count-consents': () => failing('HealthLakeRefused') } },
  ])('are left to batches where $says', async ({ answers }) => {
    const { calls, ending } = await write({ needsBulkImport: true }, { ...importing, ...answers });
    expect(ending.status).toBe('SUCCEEDED');
    expect(steps(calls)).toEqual(['count-consents', 'write-consents']);
  });

  it('go straight to batches where nothing is left to import', async () => {
    const { calls } = await write(
      { needsBulkImport: true },
      { ...importing, 'start-import': () => ({ isStarted: false }) },
    );
    expect(steps(calls).slice(-2)).toEqual(['start-import', 'write-consents']);
  });

  test.each(['start-import', 'check-import', 'write-import-files', 'find-unimported'])(
    'end the run where %s fails, and no batch writes after it',
    async (step) => {
      const { calls, ending } = await write(
        { needsBulkImport: true },
        {
          ...importing,
          [step]: () => failing('HealthLakeForbidden'),
        },
      );
      expect(ending).toMatchObject({ status: 'FAILED' });
      expect(steps(calls).slice(-2)).toEqual([step, 'record-failure']);
    },
  );
});

it('changes that are few are written by batches, and nothing is counted', async () => {
  const { calls, ending } = await write({}, importing);
  expect(ending.status).toBe('SUCCEEDED');
  expect(steps(calls)).toEqual(['write-consents']);
});

it('an import that an earlier opening has begun is gone on with, whatever the limits say now', async () => {
  const { calls, ending } = await write({ isImporting: true }, importing);
  expect(ending.status).toBe('SUCCEEDED');
  expect(steps(calls)).toEqual([
    ...['write-consents', 'write-import-files', 'start-import', 'check-import', 'find-unimported', 'write-consents'],
  ]);
});

describe('a first run', () => {
  it('writes into a store that holds no Consent of ours', async () => {
    const { calls, ending } = await write({ isFirst: true }, importing);
    expect(ending.status).toBe('SUCCEEDED');
    expect(steps(calls)).toEqual(['count-consents', 'write-consents']);
  });

  test.each<{ says: string; answer: object }>([
    { says: 'holds some already', answer: { consents: 1, areAllOurs: true } },
    { says: 'cannot count them', answer: failing('HealthLakeRefused') },
  ])('writes nothing where the store $says: a snapshot is missing', async ({ answer }) => {
    const { calls, ending } = await write({ isFirst: true }, { ...importing, 'count-consents': () => answer });
    expect(ending).toMatchObject({ status: 'FAILED', error: 'SnapshotMissing' });
    expect(steps(calls)).toEqual(['count-consents', 'record-failure']);
  });
});
