import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import type { APIGatewayProxyEventV2WithIAMAuthorizer as Event } from 'aws-lambda';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { DeployedHttpApi } from '../../../local/assembly/http-api.ts';
import { startHttpApi } from '../../../local/http-api/start-http-api.ts';
import { signedCall, type SignedCall } from '../../../local/http-api/signed-call.ts';
import { Access } from '../../../local/iam/access.ts';
import { parsePolicy } from '../../../local/iam/policy.ts';
import type { LambdaHost } from '../../../local/lambda/lambda-host.ts';
import type { StandIn } from '../../../local/stand-in.ts';

const operator = { accessKeyId: 'AKIDOPERATOR', secretAccessKey: 'operator-secret' };
const reader = { accessKeyId: 'AKIDREADER', secretAccessKey: 'reader-secret' };
const credentials = new Map([operator, reader].map((each) => [each.accessKeyId, each.secretAccessKey]));
const api: DeployedHttpApi = {
  id: 'api1',
  arn: 'arn:aws:execute-api:eu-west-2:111122223333:api1',
  functionArn: 'arn:aws:lambda:eu-west-2:111122223333:function:noom:live',
  timeoutMilliseconds: 29_000,
  ratePerSecond: 1_000,
  burst: 1_000,
  accessLog: {
    group: 'access',
    format: '{"id":"$context.requestId","status":"$context.status","error":"$context.integrationErrorMessage"}',
  },
};
const { authorize } = new Access(
  new Map([
    [
      reader.accessKeyId,
      {
        name: 'reader',
        arn: 'arn',
        statements: parsePolicy({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: 'execute-api:Invoke', Resource: `${api.arn}/$default/GET/*` }],
        }),
      },
    ],
  ]),
  operator.accessKeyId,
);

type Outcome = Awaited<ReturnType<LambdaHost['invoke']>>;
let answer: (event: Event, signal: AbortSignal) => Promise<Outcome>;
const events: Event[] = [];
const invoked: string[] = [];
const lines: string[] = [];
const open: StandIn[] = [];
let url: string;

async function start(changes: Partial<DeployedHttpApi> = {}): Promise<string> {
  const standIn = await startHttpApi({
    api: { ...api, ...changes },
    credentials,
    authorize,
    invokeLambda: (functionArn, payload, { signal }) => {
      // As Lambda gets it.
      const event = JSON.parse(JSON.stringify(payload)) as Event;
      invoked.push(functionArn);
      events.push(event);
      return answer(event, signal);
    },
    onLog: ({ functionName, line }) => {
      lines.push(`${functionName} ${line}`);
    },
  });
  open.push(standIn);
  return standIn.url;
}

beforeAll(async () => {
  url = await start();
});
beforeEach(() => {
  for (const list of [events, invoked, lines]) list.length = 0;
  answer = () => Promise.resolve({ payload: { statusCode: 200, body: 'ok' } });
});
afterAll(() => Promise.all(open.map((standIn) => standIn.close())));

const call = (path: string, options?: SignedCall, identity = operator) => signedCall(identity, url + path, options);
const eventOf = async (path: string, options?: SignedCall) => {
  await call(path, options);
  return events.at(-1)!;
};

describe('a call', () => {
  it('reaches the function by its alias, in payload format 2.0', async () => {
    const event = await eventOf('/Consent?patient=Patient%2F1&patient=b%20c&_format=json', {
      headers: { 'X-Trace': 'a', 'user-agent': 'the tests' },
    });
    expect(invoked).toEqual([api.functionArn]);
    expect(event).toMatchObject({
      version: '2.0',
      routeKey: '$default',
      rawPath: '/Consent',
      queryStringParameters: { patient: 'Patient/1,b c', _format: 'json' },
      headers: { host: new URL(url).host, 'x-trace': 'a', 'x-forwarded-proto': 'http' },
      isBase64Encoded: false,
      requestContext: {
        accountId: '111122223333',
        apiId: 'api1',
        domainName: '127.0.0.1',
        stage: '$default',
        routeKey: '$default',
        http: { method: 'GET', path: '/Consent', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'the tests' },
        authorizer: {
          iam: {
            accessKey: operator.accessKeyId,
            accountId: '111122223333',
            userArn: 'arn:aws:iam::111122223333:user/AKIDOPERATOR',
          },
        },
      },
    });
    expect(event.rawQueryString).toBe('patient=Patient%2F1&patient=b%20c&_format=json');
    expect(event.requestContext.time).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
    expect(Math.abs(event.requestContext.timeEpoch - Date.now())).toBeLessThan(10_000);
    for (const absent of ['body', 'cookies', 'pathParameters']) expect(event).not.toHaveProperty(absent);
  });

  it('has neither parameters nor cookies where none were sent', async () => {
    const event = await eventOf('/metadata');
    expect(event.rawQueryString).toBe('');
    expect(event).not.toHaveProperty('queryStringParameters');
  });

  it('has its cookies apart from its headers, and headers of one name joined', async () => {
    const { headers } = await signedHeaders('/');
    await raw(['GET / HTTP/1.1', ...headers, 'cookie: a=1; b=2', 'X-Many: 1', 'x-many: 2', 'connection: close']);
    expect(events.at(-1)!.cookies).toEqual(['a=1', 'b=2']);
    expect(events.at(-1)!.headers['x-many']).toBe('1,2');
    expect(events.at(-1)!.headers).not.toHaveProperty('cookie');
  });

  test.each([
    { sent: '/Consent/a%20b', path: '/Consent/a b' },
    { sent: '/Consent/a%2Fb', path: '/Consent/a/b' },
    { sent: '/Consent/a%3Fb', path: '/Consent/a' },
    { sent: '/consent/%C3%BC', path: '/consent/ü' },
  ])('to $sent has the path $path', async ({ sent, path }) => {
    expect(await eventOf(sent)).toMatchObject({ rawPath: path, requestContext: { http: { path } } });
  });

  test.each([
    { type: 'application/json', isText: true },
    { type: 'application/json; charset=utf-8', isText: true },
    { type: 'Application/XML', isText: true },
    { type: 'text/plain', isText: true },
    { type: 'application/fhir+json', isText: false },
    { type: 'application/fhir+xml; charset=utf-8', isText: false },
    { type: 'application/x-www-form-urlencoded', isText: false },
    { type: 'application/octet-stream', isText: false },
  ])('with a body of $type is handed on as text: $isText', async ({ type, isText }) => {
    const body = '{"ü":1}';
    const event = await eventOf('/Consent', { method: 'POST', headers: { 'content-type': type }, body });
    expect(event.isBase64Encoded).toBe(!isText);
    expect(event.body).toBe(isText ? body : Buffer.from(body).toString('base64'));
  });
});

describe('an answer', () => {
  test.each<{ what: string; payload: unknown; status: number; type: string; body: string }>([
    {
      what: 'with a status',
      payload: { statusCode: 201, headers: { 'Content-Type': 'application/fhir+json', ETag: 'W/"1"' }, body: '{}' },
      ...{ status: 201, type: 'application/fhir+json', body: '{}' },
    },
    {
      what: 'in base64',
      payload: { statusCode: 200, headers: { 'content-type': 'text/x' }, body: 'w7w=', isBase64Encoded: true },
      ...{ status: 200, type: 'text/x', body: 'ü' },
    },
    { what: 'without a type', payload: { statusCode: 404 }, status: 404, type: 'text/plain;charset=UTF-8', body: '' },
    { what: 'that is an object', payload: { a: 1 }, status: 200, type: 'application/json', body: '{"a":1}' },
    { what: 'that is a text', payload: 'Hello', status: 200, type: 'application/json', body: 'Hello' },
    { what: 'that is nothing', payload: null, status: 200, type: 'application/json', body: 'null' },
    {
      what: 'whose body is no text',
      payload: { statusCode: 200, body: {} },
      ...{ status: 500, type: 'application/json', body: '{"message":"Internal Server Error"}' },
    },
    {
      what: 'whose status is none',
      payload: { statusCode: 'fine' },
      ...{ status: 500, type: 'application/json', body: '{"message":"Internal Server Error"}' },
    },
  ])('$what is $status, $type, $body', async ({ payload, status, type, body }) => {
    answer = () => Promise.resolve({ payload });
    const response = await call('/Consent');
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      status,
      type,
      body,
    ]);
    expect(response.headers.get('apigw-requestid')).toBe(events.at(-1)!.requestContext.requestId);
  });

  it('may be without a body, have headers and set cookies', async () => {
    answer = () =>
      Promise.resolve({ payload: { statusCode: 204, headers: { etag: 'W/"2"' }, cookies: ['a=1', 'b=2; Secure'] } });
    const response = await call('/Consent/1', { method: 'PUT', body: '' });
    expect([response.status, response.headers.get('etag')]).toEqual([204, 'W/"2"']);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2; Secure']);
  });
});

describe('what API Gateway answers itself', () => {
  const refused = async (response: Response, status: number, message: string) => {
    expect([response.status, response.headers.get('content-type'), await response.json()]).toEqual([
      status,
      'application/json',
      { message },
    ]);
    expect(response.headers.get('apigw-requestid')).toMatch(/=$/);
  };

  it('is 403 to whoever does not sign, signs for another service or with another secret, or is not known', async () => {
    await refused(await fetch(`${url}/Consent`), 403, 'Forbidden');
    await refused(await call('/Consent', {}, { ...operator, secretAccessKey: 'wrong' }), 403, 'Forbidden');
    await refused(await call('/Consent', {}, { ...operator, accessKeyId: 'AKIDNOBODY' }), 403, 'Forbidden');
    const { headers } = await signedHeaders('/Consent');
    const elsewhere = headers.map((line) => line.replace('/execute-api/', '/healthlake/'));
    expect(await raw(['GET /Consent HTTP/1.1', ...elsewhere, 'connection: close'])).toMatch(/^HTTP\/1.1 403 /);
    expect(events).toEqual([]);
  });

  it('is 403 to whoever may not, by method and path', async () => {
    expect((await call('/Consent/1', {}, reader)).status).toBe(200);
    await refused(await call('/Consent', { method: 'POST', body: '{}' }, reader), 403, 'Forbidden');
    expect(events).toHaveLength(1);
  });

  it('is 413 to a body of more than 10 MB', async () => {
    const body = (bytes: number) => ({ method: 'POST', body: 'a'.repeat(bytes) });
    expect((await call('/Consent', body(10 * 2 ** 20))).status).toBe(200);
    await refused(await call('/Consent', body(10 * 2 ** 20 + 1)), 413, 'Request Entity Too Large');
    answer = () => Promise.resolve({ errorType: 'Lambda.RequestTooLargeException', errorMessage: '' });
    await refused(await call('/Consent', body(7 * 2 ** 20)), 413, 'Request Entity Too Large');
  });

  it('is 429 to more calls than are let through', async () => {
    const throttled = await start({ ratePerSecond: 0.001, burst: 2 });
    const statuses = [];
    for (let calls = 0; calls < 2; calls += 1) statuses.push((await signedCall(operator, throttled)).status);
    expect(statuses).toEqual([200, 200]);
    await refused(await signedCall(operator, throttled), 429, 'Too Many Requests');
  });

  it('is 500 where the function fails, and says nothing of why', async () => {
    answer = () => Promise.resolve({ errorType: 'UnexpectedError', errorMessage: 'about 9000000009' });
    await refused(await call('/Consent'), 500, 'Internal Server Error');
    expect(lines.at(-1)).toMatch(/"status":"500","error":"The function has failed"/);
  });

  it('is 503 where the function takes too long', async () => {
    const impatient = await start({ timeoutMilliseconds: 50 });
    answer = (_event, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      });
    await refused(await signedCall(operator, impatient), 503, 'Service Unavailable');
  });
});

describe('the access log', () => {
  it('has a line for each call, in the format of the stage', async () => {
    const answered = await call('/Consent?patient=9000000009');
    const refused = await fetch(`${url}/Consent?patient=9000000009`);
    const idOf = (response: Response) => String(response.headers.get('apigw-requestid'));
    expect(lines).toEqual([
      `access {"id":"${idOf(answered)}","status":"200","error":"-"}`,
      `access {"id":"${idOf(refused)}","status":"403","error":"-"}`,
    ]);
  });

  it('is refused where its format asks for what is not known', async () => {
    const accessLog = { group: 'access', format: '$context.requestId $context.path $context.authorizer.claims.sub' };
    await expect(start({ accessLog })).rejects.toThrow('knows no path, authorizer.claims.sub');
  });
});

/** Headers of a call that is signed, as lines. */
async function signedHeaders(path: string): Promise<{ headers: string[] }> {
  const { headers } = await eventOf(path);
  events.length = 0;
  const signed = ['host', 'authorization', 'x-amz-date', 'x-amz-content-sha256'];
  return { headers: signed.map((name) => `${name}: ${String(headers[name])}`) };
}

/** What is answered to a request that no client would send so. */
async function raw(lines: readonly string[]): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return text(socket);
}
