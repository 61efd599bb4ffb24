import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { readDeployment } from '../../../local/assembly/deployment.ts';
import { synthesize } from '../../../local/assembly/synthesize.ts';
import { estimateCommand } from '../../../ops/estimate/estimate-command.ts';
import { noomCalls } from '../../../ops/estimate/noom.ts';
import { settings } from '../../../ops/estimate/settings.ts';

it('grows with the number of calls, each of them paid for at every station', () => {
  for (const { what, count } of noomCalls(1_000)) {
    const more = noomCalls(3_000).find((line) => line.what === what);
    expect({ what, count: more?.count }).toEqual({ what, count: 3 * count });
  }
  expect(estimateCommand(['--noom-calls', '1000000'])).toContain(
    '| requests of the HTTP API | 1000000 | 0.000001 | 1.00 |',
  );
});

it('counts with the memory that the function has', async () => {
  const { functions } = await readDeployment((await synthesize(join(import.meta.dirname, '../../..'))).directory);
  const { memorySize } = functions.find(({ environment }) => environment.POWERTOOLS_SERVICE_NAME === 'noom')!;
  expect(settings.noomMegabytes).toBe(memorySize);
}, 240_000);

it('refuses a number of calls that is none', () => {
  expect(() => estimateCommand(['--noom-calls', 'many'])).toThrow('--noom-calls');
});
