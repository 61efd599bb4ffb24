import { expect, it, test } from '@jest/globals';
import { checkDryRun, type DryRunCloud } from './check-dry-run.ts';

/** A deployed environment whose execution runs for two looks and then ends as given. */
function endingAs(ending: Awaited<ReturnType<DryRunCloud['describe']>>) {
  const written = new Map<string, string>();
  const started: unknown[] = [];
  let looks = 0;
  const cloud: DryRunCloud = {
    stateMachineArn: 'the machine',
    write: (key, body) => {
      written.set(key, body);
      return Promise.resolve();
    },
    start: ({ input }) => {
      started.push(JSON.parse(input!));
      return Promise.resolve({ executionArn: 'the execution' });
    },
    describe: () => Promise.resolve((looks += 1) < 3 ? { status: 'RUNNING' } : ending),
    pause: () => Promise.resolve(),
  };
  return { cloud, written, started };
}

it('starts a dry run over a cohort of three, and waits until it has ended', async () => {
  const { cloud, written, started } = endingAs({ status: 'SUCCEEDED', output: '{"outcome":"DryRunCompleted"}' });
  expect(await checkDryRun(cloud)).toContain('went well');
  const [key] = [...written.keys()];
  expect(started).toEqual([
    { trigger: 'console', mode: 'dry-run', reason: 'npm run test:cloud', cohort: { source: 's3', key } },
  ]);
  expect(written.get(key!)).toMatch(/^nhsNumber\r\n(?:9\d{9}\r\n){3}$/);
});

test.each([
  { ending: { status: 'FAILED', error: 'CohortMissing' } as const, says: 'FAILED: CohortMissing' },
  { ending: { status: 'SUCCEEDED', output: '{"outcome":"AlreadyRunning"}' } as const, says: 'AlreadyRunning' },
])('an execution that ends as $ending is no dry run that went well', async ({ ending, says }) => {
  await expect(checkDryRun(endingAs(ending).cloud)).rejects.toThrow(says);
});
