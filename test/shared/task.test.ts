import type { Context } from 'aws-lambda';
import { ConditionalCheckFailedException, DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it, jest, test } from '@jest/globals';
import { z } from 'zod';
import { serve } from '../../local/stand-in.ts';
import { PermanentError, RetryableError } from '../../shared/errors.ts';
import { task } from '../../shared/task.ts';

const context = {
  awsRequestId: 'request-1',
  functionName: 'send-request',
  functionVersion: '1',
  invokedFunctionArn: 'arn:aws:lambda:eu-west-2:123456789012:function:send-request',
  memoryLimitInMB: '256',
} as Context;
const nhsNumber = '9993395633';
const runId = '20260901T020000Z-7f3a';
const input = z.object({ runId: z.string(), part: z.number() });
const event = { runId, part: 1 };

let written: string;
beforeEach(() => {
  written = '';
  const keep = (text: unknown) => {
    written += String(text);
    return true;
  };
  jest.spyOn(process.stdout, 'write').mockImplementation(keep);
  jest.spyOn(process.stderr, 'write').mockImplementation(keep);
});
afterEach(() => {
  jest.restoreAllMocks();
});

interface LogLine {
  readonly message: string;
  readonly [field: string]: unknown;
}
const lines = () =>
  written
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as LogLine);

/** What Lambda would report of a step that ends like this. */
async function failureOf(run: () => Promise<unknown>, given: unknown = event): Promise<unknown> {
  try {
    await task(input, run)(given, context);
  } catch (error) {
    return error;
  }
  throw new Error('The step did not fail');
}
const failing = (error: unknown) =>
  failureOf(() => {
    throw error;
  });

describe('a step that succeeds', () => {
  it('gets its parsed input and gives its output, and both are logged', async () => {
    const step = task(input, ({ runId: run, part }) => Promise.resolve({ runId: run, rows: part * 8 }));
    expect(await step({ ...event, more: 'than needed' }, context)).toEqual({ runId, rows: 8 });
    expect(lines()).toMatchObject([
      { message: 'task.started', input: event, function_request_id: 'request-1' },
      { message: 'task.completed', output: { runId, rows: 8 } },
    ]);
  });
});

describe('input that is not as it should be', () => {
  test.each([
    { given: {}, fields: ['runId', 'part'] },
    { given: { runId, part: nhsNumber }, fields: ['part'] },
    { given: null, fields: ['input'] },
    { given: 'text', fields: ['input'] },
  ])('is StateInputInvalid, naming $fields and no value', async ({ given, fields }) => {
    let hasRun = false;
    const failure = await failureOf(() => {
      hasRun = true;
      return Promise.resolve();
    }, given);
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure).toMatchObject({ name: 'StateInputInvalid' });
    const { message } = failure as Error;
    expect(message.split('; ').map((fault) => fault.split(':')[0])).toEqual(fields);
    expect(message).not.toContain(nhsNumber);
    expect(hasRun).toBe(false);
  });
});

describe('a failure of ours', () => {
  test.each([
    new PermanentError('ReplyHasStrangers', '2 of 8 rows of the answer were never asked about'),
    new RetryableError('MeshThrottled', 'Send: MESH answered 429', { cause: new Error(nhsNumber) }),
  ])('passes as it is: $name', async (error) => {
    expect(await failing(error)).toBe(error);
    expect(lines().at(-1)).toMatchObject({
      message: 'task.failed',
      errorName: error.name,
      reason: error.message,
      frames: expect.arrayContaining([expect.stringMatching(/^at /)]),
    });
    expect(written).not.toContain(nhsNumber);
  });
});

describe('a failure of AWS that may pass', () => {
  test.each([
    { name: 'a server fault', fields: { name: 'InternalServerError', $fault: 'server' } },
    {
      name: 'what the SDK calls retryable',
      fields: { name: 'Odd', $fault: 'client', $retryable: { throttling: true } },
    },
    { name: 'throttling', fields: { name: 'ThrottlingException', $fault: 'client' } },
    { name: 'too little throughput', fields: { name: 'ProvisionedThroughputExceededException', $fault: 'client' } },
    { name: 'a time-out', fields: { name: 'TimeoutError' } },
    { name: 'a reset connection', fields: { code: 'ECONNRESET' } },
    { name: 'a refused connection', fields: { code: 'ECONNREFUSED' } },
  ])('is AwsUnavailable: $name', async ({ fields }) => {
    const failure = await failing(Object.assign(new Error(`item ${nhsNumber}`), fields));
    expect(failure).toBeInstanceOf(RetryableError);
    expect(failure).toMatchObject({ name: 'AwsUnavailable' });
    expect((failure as Error).message + written).not.toContain(nhsNumber);
  });

  test.each([
    { status: 500, body: '{"__type":"InternalServerError"}', name: 'AwsUnavailable' },
    { status: 503, body: '', name: 'AwsUnavailable' },
    { status: 400, body: '{"__type":"ThrottlingException"}', name: 'AwsUnavailable' },
    { status: 400, body: '{"__type":"ValidationException","message":"9993395633"}', name: 'UnexpectedError' },
  ])('a $status of the real SDK with $body is $name', async ({ status, body, name }) => {
    const server = await serve((request, response) => {
      request.resume();
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(body);
      return Promise.resolve();
    });
    const client = new DynamoDBClient({
      endpoint: server.url,
      region: 'eu-west-2',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      maxAttempts: 1,
    });
    const failure = await failureOf(() => client.send(new GetItemCommand({ TableName: 't', Key: { pk: { S: '1' } } })));
    client.destroy();
    await server.close();
    expect(failure).toMatchObject({ name });
    expect((failure as Error).message + written).not.toContain(nhsNumber);
  });
});

describe('a failure that nobody expected', () => {
  class StrangeError extends Error {
    override readonly name = 'StrangeError';
  }

  test.each([
    { name: 'an error of ours with data in it', error: new StrangeError(`line 3: ${nhsNumber}\n${nhsNumber}, again`) },
    { name: 'a TypeError', error: new TypeError(`${nhsNumber} is not iterable`) },
    { name: 'a failed condition', error: new ConditionalCheckFailedException({ message: nhsNumber, $metadata: {} }) },
    { name: 'a cause', error: new Error('outer', { cause: new Error(nhsNumber) }) },
    { name: 'a text', error: nhsNumber },
    { name: 'an object', error: { nhsNumber } },
    { name: 'nothing', error: undefined },
    { name: 'null', error: null },
  ])('is UnexpectedError and leaves no data behind: $name', async ({ error }) => {
    const failure = await failing(error);
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure).toMatchObject({ name: 'UnexpectedError' });
    expect(failure).not.toHaveProperty('cause');
    expect(String(failure) + String((failure as Error).stack)).not.toContain(nhsNumber);
    expect(lines().map(({ message }) => message)).toEqual(['task.started', 'task.failed']);
    expect(written).not.toContain(nhsNumber);
  });

  it('can be found in the log by its origin and its frames', async () => {
    await failing(new StrangeError(nhsNumber));
    expect(lines().at(-1)).toMatchObject({ errorName: 'UnexpectedError', origin: 'StrangeError' });
    expect(JSON.stringify(lines().at(-1))).toContain('task.test.ts');
  });
});
