import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDeployment } from '../../../local/assembly/deployment.ts';
import { synthesize } from '../../../local/assembly/synthesize.ts';
import { signedCall } from '../../../local/http-api/signed-call.ts';
import { startRuntime, type Runtime } from '../../../local/runner/runtime.ts';

const lines: { functionName: string; line: string }[] = [];
let directory: string;
let runtime: Runtime;

beforeAll(async () => {
  const { directory: assembly } = await synthesize(join(import.meta.dirname, '../../..'));
  directory = await mkdtemp(join(tmpdir(), 'ndop-noom-'));
  runtime = await startRuntime({
    deployment: await readDeployment(assembly),
    directory,
    settings: {},
    waitScale: 1,
    meshPort: 0,
    isMutualTls: false,
    hasSeparateStore: false,
    onLog: (line) => {
      lines.push(line);
    },
    onMeshRequest: () => undefined,
    onNotification: () => undefined,
  });
}, 300_000);
afterAll(async () => {
  await runtime.close();
  await rm(directory, { recursive: true });
});

it('is answered by the function of the deployment, for the operator', async () => {
  const { noomUrl = '', endpoints, operator } = runtime;
  expect(endpoints.NOOM).toBe(noomUrl);
  const response = await signedCall(operator, `${noomUrl}/nothing/9000000009?patient=9000000009`);
  expect(await response.json()).toMatchObject({ resourceType: 'OperationOutcome' });
  expect(lines.filter(({ functionName }) => functionName.startsWith('Noom')).length).toBeGreaterThan(1);
});

it('is closed to everybody else', async () => {
  expect((await fetch(`${runtime.noomUrl ?? ''}/metadata`)).status).toBe(403);
});

it('leaves a line for each call, without what was asked for', () => {
  const accessed = lines.filter(({ functionName }) => functionName.includes('AccessLog')).map(({ line }) => line);
  expect(accessed.map((line) => JSON.parse(line) as object)).toEqual([
    expect.objectContaining({ method: 'GET', caller: 'arn:aws:iam::000000000000:user/LOCALOPERATOR' }),
    expect.objectContaining({ method: 'GET', status: '403', caller: '-' }),
  ]);
  expect(accessed.join()).not.toMatch(/nothing|patient|metadata|9000000009/);
});
