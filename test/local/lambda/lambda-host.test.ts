import { afterAll, afterEach, beforeAll, describe, expect, it, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createLambdaHost, type LambdaHost, type LogLine } from '../../../local/lambda/lambda-host.ts';

const region = 'eu-west-2';
const never = new AbortController().signal;
let folder: string;
let host: LambdaHost | undefined;
let logs: LogLine[];

interface Bundle {
  readonly name?: string;
  readonly file?: string;
  readonly handler?: string;
  readonly environment?: Record<string, string>;
  readonly memorySize?: number;
  readonly timeoutSeconds?: number;
}

const arnOf = (name: string) => `arn:aws:lambda:${region}:123456789012:function:${name}`;

async function deploy(code: string, bundle: Bundle = {}) {
  const { name = 'step', file = 'index.mjs', handler = 'index.handler', environment = {} } = bundle;
  const codeDirectory = await mkdtemp(join(folder, `${name}-`));
  await writeFile(join(codeDirectory, file), code);
  logs = [];
  const { memorySize = 128, timeoutSeconds = 5 } = bundle;
  const arn = arnOf(name);
  host = createLambdaHost({
    functions: [{ name, arn, codeDirectory, handler, environment, memorySize, timeoutSeconds }],
    onLog: (entry) => logs.push(entry),
  });
  return { call: (payload?: unknown, signal = never) => host!.invoke(arn, payload, { signal }), codeDirectory, arn };
}

const lines = () => logs.map(({ line }) => line);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lambda-host-'));
});

afterEach(async () => {
  await host?.close();
  host = undefined;
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('answers', () => {
  it('gives the event to the handler and its answer back, as JSON both ways', async () => {
    const { call } = await deploy(
      `export const handler = async (event) => ({ event, at: new Date(0), none: undefined });`,
    );
    expect(await call({ a: [1, null], when: new Date(1), gone: undefined })).toEqual({
      payload: { event: { a: [1, null], when: '1970-01-01T00:00:00.001Z' }, at: '1970-01-01T00:00:00.000Z' },
    });
  });

  it('answers null where the handler answers nothing', async () => {
    const { call } = await deploy(`export const handler = async () => {};`);
    expect(await call({})).toEqual({ payload: null });
  });

  it('runs index.js and other export names too', async () => {
    const { call } = await deploy(`export const run = () => 'sync';`, { file: 'index.js', handler: 'index.run' });
    expect(await call()).toEqual({ payload: 'sync' });
  });

  it('gives the context Lambda gives', async () => {
    const { call, arn } = await deploy(
      `export const handler = async (event, { getRemainingTimeInMillis, ...context }) =>
         ({ ...context, remaining: getRemainingTimeInMillis() });`,
    );
    const answer = (await host!.invoke(`${arn}:live`, {}, { signal: never })) as { payload: Record<string, unknown> };
    expect(answer.payload).toMatchObject({
      functionName: 'step',
      functionVersion: '$LATEST',
      invokedFunctionArn: `${arn}:live`,
      memoryLimitInMB: '128',
      logGroupName: '/aws/lambda/step',
      awsRequestId: logs[0]?.requestId,
      logStreamName: expect.stringMatching(/^\d{4}\/\d{2}\/\d{2}\/\[\$LATEST\][0-9a-f]{32}$/),
    });
    expect(answer.payload.remaining).toBeGreaterThan(4000);
    expect(answer.payload.remaining).toBeLessThanOrEqual(5000);
    expect(await call()).toHaveProperty('payload.invokedFunctionArn', arn);
  });

  it('has only the environment variables that Lambda and the deployment set', async () => {
    process.env.HOST_SECRET = 'kept';
    process.env.NODE_COMPILE_CACHE = join(folder, 'compile-cache');
    const { call, codeDirectory } = await deploy(`export const handler = async () => process.env;`, {
      environment: { STAGING_BUCKET: 'staging', NODE_OPTIONS: '--enable-source-maps' },
    });
    const { payload } = (await call()) as { payload: Record<string, string> };
    delete process.env.HOST_SECRET;
    delete process.env.NODE_COMPILE_CACHE;
    expect(payload).toEqual({
      _HANDLER: 'index.handler',
      AWS_DEFAULT_REGION: region,
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
      AWS_LAMBDA_FUNCTION_NAME: 'step',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/step',
      AWS_LAMBDA_LOG_STREAM_NAME: expect.any(String),
      AWS_REGION: region,
      LAMBDA_TASK_ROOT: codeDirectory,
      LANG: 'en_US.UTF-8',
      NODE_OPTIONS: '--enable-source-maps',
      STAGING_BUCKET: 'staging',
      TZ: ':UTC',
    });
  });
});

describe('warm and cold', () => {
  const counting = `let calls = 0;
    export const handler = async ({ ms = 0 } = {}) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return { calls: ++calls };
    };`;

  it('keeps a worker for the next call, and loads the function once', async () => {
    const { call } = await deploy(counting);
    expect(await call()).toEqual({ payload: { calls: 1 } });
    expect(await call()).toEqual({ payload: { calls: 2 } });
    expect(lines().filter((line) => line.includes('Init Duration'))).toHaveLength(1);
  });

  it('starts another worker for a call at the same time', async () => {
    const { call } = await deploy(counting);
    const both = await Promise.all([call({ ms: 50 }), call({ ms: 50 })]);
    expect(both).toEqual([{ payload: { calls: 1 } }, { payload: { calls: 1 } }]);
  });

  it('replaces a worker that broke while it waited', async () => {
    const { call } = await deploy(
      `let calls = 0;
       export const handler = async () => { setTimeout(() => process.exit(3), 5); return ++calls; };`,
    );
    expect(await call()).toEqual({ payload: 1 });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(await call()).toEqual({ payload: 1 });
  });

  it('lets the process end while workers wait', async () => {
    const { codeDirectory } = await deploy(`export const handler = async () => 'done';`);
    const script = join(codeDirectory, 'use.ts');
    const hostFile = fileURLToPath(new URL('../../../local/lambda/lambda-host.ts', import.meta.url));
    await writeFile(
      script,
      `import { createLambdaHost } from ${JSON.stringify(hostFile)};
       const host = createLambdaHost({ onLog: () => {}, functions: [{ name: 'step', arn: '${arnOf('step')}',
         codeDirectory: ${JSON.stringify(codeDirectory)}, handler: 'index.handler', environment: {}, memorySize: 128,
         timeoutSeconds: 5 }] });
       console.log(await host.invoke('${arnOf('step')}', {}, { signal: new AbortController().signal }));`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 8000 });
    expect(stdout.trim()).toBe(`{ payload: 'done' }`);
  });
});

describe('errors', () => {
  it('reports a thrown error by its name, message and trace', async () => {
    const { call } = await deploy(
      `class MeshUnavailable extends Error { name = 'MeshUnavailable'; }
       export const handler = async () => { throw new MeshUnavailable('busy'); };`,
    );
    expect(await call()).toEqual({
      errorType: 'MeshUnavailable',
      errorMessage: 'busy',
      trace: expect.arrayContaining(['MeshUnavailable: busy']),
    });
    expect(lines()[1]).toMatch(
      /\tERROR\tInvoke Error \t\{"errorType":"MeshUnavailable","errorMessage":"busy","stack":\[/,
    );
    expect(await call()).toHaveProperty('errorType', 'MeshUnavailable');
    expect(lines().filter((line) => line.includes('Init Duration'))).toHaveLength(1);
  });

  test.each([
    { says: 'a thrown string', code: `export const handler = async () => { throw 'text'; };`, errorType: 'string' },
    { says: 'a broken module', code: `export const handler = ;`, errorType: 'Runtime.UserCodeSyntaxError' },
    { says: 'a missing package', code: `import 'not-installed';`, errorType: 'Runtime.ImportModuleError' },
    { says: 'a module that throws', code: `throw new RangeError('no');`, errorType: 'RangeError' },
    { says: 'a missing export', code: `export const other = 1;`, errorType: 'Runtime.HandlerNotFound' },
    {
      says: 'a callback handler',
      code: `export const handler = (event, context, callback) => callback(null, 1);`,
      errorType: 'Runtime.CallbackHandlerDeprecated',
    },
    {
      says: 'an unhandled rejection',
      code: `export const handler = () => { Promise.reject(new Error('lost')); return new Promise(() => {}); };`,
      errorType: 'Runtime.UnhandledPromiseRejection',
    },
    {
      says: 'an uncaught exception',
      code: `export const handler = () => new Promise(() => { setTimeout(() => { throw new TypeError('late'); }); });`,
      errorType: 'TypeError',
    },
    { says: 'an exit', code: `export const handler = () => process.exit(1);`, errorType: 'Runtime.ExitError' },
  ])('reports $says as $errorType', async ({ code, errorType }) => {
    const { call } = await deploy(code);
    expect(await call()).toHaveProperty('errorType', errorType);
    expect(lines().at(-1)).toMatch(/^REPORT RequestId: /);
  });

  it('reports a missing bundle, an unknown function and too long payloads', async () => {
    const missing = await deploy('', { file: 'other.mjs' });
    expect(await missing.call()).toHaveProperty('errorType', 'Runtime.ImportModuleError');
    await host?.close();
    const { call } = await deploy(`export const handler = async ({ size }) => 'x'.repeat(size);`);
    expect(await host!.invoke(arnOf('other'), {}, { signal: never })).toHaveProperty(
      'errorType',
      'Lambda.ResourceNotFoundException',
    );
    const sixMegabytes = 6 * 2 ** 20;
    expect(await call({ text: 'x'.repeat(sixMegabytes) })).toHaveProperty(
      'errorType',
      'Lambda.RequestTooLargeException',
    );
    expect(await call({ size: sixMegabytes - 1 })).toHaveProperty('errorType', 'Function.ResponseSizeTooLarge');
    expect(await call({ size: sixMegabytes - 2 })).toHaveProperty('payload');
  });

  test.each([
    { says: 'waits', code: `export const handler = () => new Promise(() => {});` },
    { says: 'computes', code: `export const handler = () => { for (;;); };` },
  ])('cuts off a function that $says beyond its time limit', async ({ code }) => {
    const { call } = await deploy(code, { timeoutSeconds: 0.1 });
    expect(await call()).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${logs[0]!.requestId} Error: Task timed out after 0.10 seconds`,
    });
    expect(lines().at(-1)).toMatch(/\tStatus: timeout$/);
  });

  test.each([
    { says: 'heap', code: `const all = []; export const handler = () => { for (;;) all.push({ n: all.length }); };` },
    {
      says: 'buffers',
      code: `const all = []; export const handler = async () => {
        for (;;) { all.push(Buffer.alloc(4e6, 1)); await new Promise((resolve) => setTimeout(resolve, 1)); }
      };`,
    },
  ])('ends a function whose $says outgrow its memory', async ({ code }) => {
    const { call } = await deploy(code, { memorySize: 64, timeoutSeconds: 5 });
    expect(await call()).toHaveProperty('errorType', 'Runtime.OutOfMemory');
    expect(host!.memoryUsed().get('step')).toBeGreaterThanOrEqual(64);
  });

  it('ends the worker and rejects when the caller gives up', async () => {
    const { call } = await deploy(`export const handler = () => new Promise(() => {});`);
    await expect(call({}, AbortSignal.timeout(30))).rejects.toThrow('aborted due to timeout');
  });
});

describe('logs and measures', () => {
  it('hands on everything written, in order, before the answer', async () => {
    const { call } = await deploy(
      `import { Console } from 'node:console';
       const own = new Console(process.stdout, process.stderr);
       console.log('loaded');
       export const handler = async () => {
         console.log('one', { two: 2 });
         process.stderr.write('th');
         process.stderr.write(Buffer.from('ree\\nfour'));
         own.info('five\\nsix');
         console.error('!');
         return 'answer';
       };`,
    );
    await call();
    const { requestId } = logs[0]!;
    expect(lines()).toEqual([
      'loaded',
      `START RequestId: ${requestId} Version: $LATEST`,
      'one { two: 2 }',
      'three',
      'five',
      'six',
      'four!',
      `END RequestId: ${requestId}`,
      expect.stringMatching(
        /^REPORT RequestId: [0-9a-f-]{36}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms$/,
      ),
    ]);
    expect(logs.every((entry) => entry.functionName === 'step' && entry.requestId === requestId)).toBe(true);
    expect(logs.every(({ at }, index) => index === 0 || at >= logs[index - 1]!.at)).toBe(true);
  });

  it('keeps what was written before a time limit', async () => {
    const { call } = await deploy(`export const handler = () => { console.log('begun'); for (;;); };`, {
      timeoutSeconds: 0.1,
    });
    await call();
    expect(lines()).toContain('begun');
  });

  it('measures the peak of heap and buffers, also in one uninterrupted computation', async () => {
    const { call } = await deploy(
      `export const handler = async ({ megabytes }) => {
         let held = Buffer.alloc(megabytes * 2 ** 20, 1);
         const until = Date.now() + 600;
         while (Date.now() < until);
         return held.length;
       };`,
      { memorySize: 256 },
    );
    await call({ megabytes: 0 });
    const idle = host!.memoryUsed().get('step')!;
    await call({ megabytes: 100 });
    const used = host!.memoryUsed().get('step')!;
    expect(idle).toBeGreaterThan(3);
    expect(idle).toBeLessThan(60);
    expect(used - idle).toBeGreaterThanOrEqual(95);
    expect(used - idle).toBeLessThan(130);
  });
});

it('refuses to invoke once closed, and ends what runs', async () => {
  const { call } = await deploy(`export const handler = () => new Promise(() => {});`);
  const running = call();
  await host!.close();
  expect(await running).toHaveProperty('errorType', 'Runtime.ExitError');
  await expect(call()).rejects.toThrow('closed');
});
