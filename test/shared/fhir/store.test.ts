import { afterEach, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { verifySignature } from '../../../local/signature.ts';
import { readBody, serve, type StandIn } from '../../../local/stand-in.ts';
import { isThrottling } from '../../../shared/fhir/failures.ts';
import { pauseBefore } from '../../../shared/fhir/pace.ts';
import { FhirStore } from '../../../shared/fhir/store.ts';
import { listed } from '../../support/bodies.ts';

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly contentType: string | undefined;
  readonly body: string;
}
type Answer = (response: ServerResponse, asked: Asked, request: IncomingMessage) => void;

let server: StandIn;
let asked: Asked[];
let pauses: number[];
/** What the server says, call by call; the last one to all further calls. */
let answers: Answer[];

const say =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
const throttling = { resourceType: 'OperationOutcome', issue: [{ diagnostics: 'ThrottlingException' }] };
const page = (resources: unknown[], next?: string) => ({
  resourceType: 'Bundle',
  type: 'searchset',
  link: [
    { relation: 'self', url: 'https://elsewhere' },
    ...(next === undefined ? [] : [{ relation: 'next', url: next }]),
  ],
  entry: resources.map((resource) => ({ resource })),
});

beforeAll(() => {
  process.env.AWS_ACCESS_KEY_ID = 'AKIDLOCAL';
  process.env.AWS_SECRET_ACCESS_KEY = 'secret';
});
beforeEach(async () => {
  [asked, pauses, answers] = [[], [], []];
  server = await serve(async (request, response) => {
    const body = await readBody(request);
    await verifySignature(request, 'healthlake', new Map([['AKIDLOCAL', 'secret']]), body);
    const { method = '', url = '' } = request;
    const call = { method, url, contentType: request.headers['content-type'], body: body.toString() };
    asked.push(call);
    (answers.length > 1 ? answers.shift()! : answers[0]!)(response, call, request);
  });
});
afterEach(() => server.close());

const base = () => `${server.url}/datastore/abc/r4/`;
const store = (timeoutMilliseconds = 5000) =>
  new FhirStore({
    baseUrl: base(),
    region: 'eu-west-2',
    timeoutMilliseconds,
    sleep: (milliseconds) => Promise.resolve(pauses.push(milliseconds)),
  });

describe('a Bundle', () => {
  const bundle = { resourceType: 'Bundle', type: 'batch', entry: [] };

  it('is posted to the base, signed', async () => {
    answers = [say(200, { entry: [] })];
    expect(await store().postBundle(bundle)).toEqual({ entry: [] });
    expect(asked).toEqual([
      { method: 'POST', url: '/datastore/abc/r4/', contentType: 'application/fhir+json', body: JSON.stringify(bundle) },
    ]);
  });

  test.each<{ name: string; answer: Answer }>([
    { name: '429', answer: say(429, 'slow down') },
    { name: '400 that names throttling', answer: say(400, throttling) },
    { name: '500', answer: say(500, '') },
    { name: '503', answer: say(503, '<html>') },
    { name: 'a broken connection', answer: (response) => response.destroy() },
    { name: '200 without JSON', answer: say(200, '<html>') },
  ])('is posted again after $name', async ({ answer }) => {
    answers = [answer, answer, say(200, { entry: [] })];
    expect(await store().postBundle(bundle)).toEqual({ entry: [] });
    expect(asked).toHaveLength(3);
    expect(pauses.length).toBeGreaterThanOrEqual(2);
  });

  test.each<{ name: string; answer: Answer; failure: string }>([
    { name: '429', answer: say(429, ''), failure: 'HealthLakeThrottled' },
    { name: '400 that names throttling', answer: say(400, throttling), failure: 'HealthLakeThrottled' },
    { name: '503', answer: say(503, ''), failure: 'HealthLakeUnavailable' },
    { name: 'a broken connection', answer: (response) => response.destroy(), failure: 'HealthLakeUnavailable' },
  ])('is given up after eight times $name as $failure', async ({ answer, failure }) => {
    answers = [answer];
    await expect(store().postBundle(bundle)).rejects.toMatchObject({ name: failure });
    expect(asked).toHaveLength(8);
    expect(pauses.length).toBeGreaterThanOrEqual(7);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(20_000);
  });

  it('is given up where HealthLake says nothing for too long', async () => {
    answers = [() => undefined];
    await expect(store(20).postBundle(bundle)).rejects.toMatchObject({ name: 'HealthLakeUnavailable' });
    expect(asked).toHaveLength(8);
  });

  test.each([400, 405, 409, 412, 413, 422])(
    'answered %i is refused at once, with nothing of the body',
    async (status) => {
      answers = [say(status, { diagnostics: 'Patient 9993395633' }, { 'x-amzn-requestid': 'request-1' })];
      await expect(store().postBundle(bundle)).rejects.toMatchObject({
        name: 'HealthLakeRefused',
        message: `HealthLake answered ${status} (request request-1)`,
      });
      expect(asked).toHaveLength(1);
    },
  );

  it('refused with an OperationOutcome says why, as far as that may be shown', async () => {
    const issue = {
      code: 'required',
      expression: ['Consent.patient'],
      diagnostics: 'A required element is missing in "9993395633"',
    };
    answers = [say(400, { resourceType: 'OperationOutcome', issue: [issue] }, { 'x-amzn-requestid': 'request-1' })];
    await expect(store().postBundle(bundle)).rejects.toMatchObject({
      name: 'HealthLakeRefused',
      message:
        'HealthLake answered 400 (request request-1): required at Consent.patient (A required element is missing in …)',
    });
  });
});

describe('a failure is named by what is to be done about it', () => {
  const controlPlane = () => new URL('/', server.url);
  const bundles = () => new URL(base());
  const below = (path: string) => () => new URL(path, base());
  const named = (name: string) => ({ __type: `com.amazonaws.healthlake#${name}`, message: 'Job 9993395633' });

  test.each<{ status: number; body?: unknown; headers?: Record<string, string>; at?: () => URL; name: string }>([
    { status: 401, name: 'HealthLakeForbidden' },
    { status: 403, body: { message: 'User is not authorized' }, name: 'HealthLakeForbidden' },
    { status: 400, body: named('AccessDeniedException'), at: controlPlane, name: 'HealthLakeForbidden' },
    { status: 404, name: 'HealthLakeStoreUnknown' },
    { status: 404, at: below('metadata'), name: 'HealthLakeStoreUnknown' },
    { status: 404, at: below('Consent/_search'), name: 'HealthLakeStoreUnknown' },
    { status: 404, at: below('Consent/$validate'), name: 'HealthLakeStoreUnknown' },
    { status: 404, at: below('AuditEvent'), name: 'HealthLakeStoreUnknown' },
    { status: 400, body: named('ResourceNotFoundException'), at: controlPlane, name: 'HealthLakeStoreUnknown' },
    { status: 404, at: below('export/job-1'), name: 'HealthLakeRefused' },
    { status: 400, body: named('ValidationException'), at: controlPlane, name: 'HealthLakeRefused' },
    { status: 400, body: named('ThrottlingException'), at: controlPlane, name: 'HealthLakeThrottled' },
    { status: 400, headers: { 'x-amzn-errortype': 'ThrottlingException:http://x/' }, name: 'HealthLakeThrottled' },
    { status: 500, body: named('InternalServerException'), at: controlPlane, name: 'HealthLakeUnavailable' },
    { status: 504, name: 'HealthLakeUnavailable' },
  ])('$status $body $headers at $at: $name', async ({ status, body = '', headers = {}, at = bundles, name }) => {
    answers = [say(status, body, { 'x-amzn-requestid': 'request-1', ...headers })];
    const failed = store().call({ url: at(), body: '{}' });
    await expect(failed).rejects.toMatchObject({ name, message: expect.stringMatching(/\(request request-1\)/) });
    await expect(failed).rejects.not.toMatchObject({ message: expect.stringContaining('9993395633') });
  });

  it('a refused signature or missing right names what to check', async () => {
    answers = [say(403, '')];
    await expect(store().postBundle({})).rejects.toThrow(/role may do this HealthLake action.*data store's region/);
  });

  it('an unknown data store names its id and region', async () => {
    answers = [say(404, '')];
    await expect(store().postBundle({})).rejects.toThrow(/check the data store's id and the region in its base URL/);
  });

  it('a host that nobody knows names the region', async () => {
    const lost = new FhirStore({
      baseUrl: 'http://healthlake.invalid/datastore/abc/r4/',
      region: 'eu-west-2',
      sleep: () => Promise.resolve(),
    });
    await expect(lost.postBundle({})).rejects.toMatchObject({
      name: 'HealthLakeUnavailable',
      message: expect.stringMatching(/host of the data store is not known: check the region/),
    });
  });

  test.each([
    'https://healthlake.eu-west-1.amazonaws.com/datastore/abc/r4/',
    'https://healthlake-fips.us-east-1.amazonaws.com/datastore/abc/r4/',
    'https://healthlake.eu-west-1.api.aws/datastore/abc/r4/',
    'https://vpce-1.healthlake.eu-west-1.vpce.amazonaws.com/datastore/abc/r4/',
  ])('a pipeline in London with the base URL %s is configured wrongly', (baseUrl) => {
    expect(() => new FhirStore({ baseUrl, region: 'eu-west-2' })).toThrow(
      expect.objectContaining({ name: 'ConfigurationInvalid' }),
    );
    const inLondon = baseUrl.replace(/(eu|us)-(west|east)-1/, 'eu-west-2');
    expect(() => new FhirStore({ baseUrl: inLondon, region: 'eu-west-2' })).not.toThrow();
  });
});

describe('Retry-After', () => {
  const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString();
  test.each([
    { stated: '3', least: 3_000, most: 3_200 },
    { stated: '3000', least: 20_000, most: 20_000 },
    { stated: inSeconds(10), least: 5_000, most: 10_200 },
    { stated: inSeconds(-10), least: 0, most: 200 },
    { stated: 'soon', least: 0, most: 200 },
  ])('$stated is waited for, twenty seconds at most', async ({ stated, least, most }) => {
    answers = [say(429, '', { 'retry-after': stated }), say(200, {})];
    await store().postBundle({});
    // One is of the call, the other of all that would begin meanwhile.
    expect(pauses).toHaveLength(2);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(most);
  });
});

describe('calls at once', () => {
  /** The most that are under way at once, where so many are wanted at the same time. */
  const mostOf = async (calls: number, narrow: FhirStore): Promise<number> => {
    let [underWay, most] = [0, 0];
    answers = [
      (response) => {
        most = Math.max(most, (underWay += 1));
        setTimeout(() => {
          underWay -= 1;
          response.end('{}');
        }, 30);
      },
    ];
    await Promise.all(Array.from({ length: calls }, () => narrow.postBundle({})));
    return most;
  };
  const wide = (options: { callsAtOnce?: number; sleep?: () => Promise<unknown> } = {}) =>
    new FhirStore({ baseUrl: base(), region: 'eu-west-2', sleep: () => Promise.resolve(), ...options });

  test.each([
    { options: { callsAtOnce: 1 }, most: 1 },
    { options: { callsAtOnce: 3 }, most: 3 },
    { options: {}, most: 8 },
  ])('with $options never come to more than $most', async ({ options, most }) => {
    expect(await mostOf(20, wide(options))).toBe(most);
  });

  it('give up their place while they pause before another try', async () => {
    answers = [say(503, ''), say(200, {})];
    let release: () => void = () => undefined;
    const sleep = () =>
      new Promise<void>((resolve) => {
        release = resolve;
      });
    const narrow = wide({ sleep, callsAtOnce: 1 });
    const first = narrow.postBundle({});
    await narrow.postBundle({});
    release();
    await first;
    expect(asked).toHaveLength(3);
  });

  it('become fewer where a call is throttled', async () => {
    const slowed = wide({ callsAtOnce: 4 });
    answers = [say(429, ''), say(200, {})];
    await slowed.postBundle({});
    expect(await mostOf(3, slowed)).toBe(2);
  });

  it('become fewer where the caller says that entries of a Bundle were throttled', async () => {
    const slowed = wide({ callsAtOnce: 4 });
    answers = [say(200, {})];
    await slowed.postBundle({});
    slowed.throttled();
    expect(await mostOf(3, slowed)).toBe(2);
  });
});

describe('a read by id', () => {
  const outcome = { resourceType: 'OperationOutcome', issue: [{ code: 'not-found' }] };

  it('gives the resource', async () => {
    const consent = { resourceType: 'Consent', id: 'a' };
    answers = [say(503, ''), say(200, consent)];
    expect(await store().read('Consent', 'a')).toEqual(consent);
    expect(asked.at(-1)).toMatchObject({ method: 'GET', url: '/datastore/abc/r4/Consent/a' });
  });

  test.each([404, 410])('answered %i with an OperationOutcome finds nothing', async (status) => {
    answers = [say(status, outcome)];
    expect(await store().read('Consent', 'a')).toBeUndefined();
    expect(asked).toHaveLength(1);
  });

  it('of a data store that there is not finds nobody absent', async () => {
    answers = [say(404, { message: 'There is no such data store' })];
    await expect(store().read('Consent', 'a')).rejects.toMatchObject({ name: 'HealthLakeStoreUnknown' });
  });

  test.each([{ resourceType: 'Consent', id: 'b' }, { resourceType: 'Patient', id: 'a' }, outcome])(
    'answered with %j is refused',
    async (other) => {
      answers = [say(200, other)];
      await expect(store().read('Consent', 'a')).rejects.toMatchObject({ name: 'HealthLakeRefused' });
    },
  );
});

describe('a search', () => {
  const search = (parameters: Record<string, string> = { _count: '100' }) =>
    listed(store().search('Patient', parameters));

  it('is a POST, so that nothing of it stands in a URL', async () => {
    answers = [say(200, page([{ id: 'a' }]))];
    expect(await search({ identifier: 'https://fhir.nhs.uk/Id/nhs-number|9993395633' })).toEqual([{ id: 'a' }]);
    expect(asked).toEqual([
      {
        method: 'POST',
        url: '/datastore/abc/r4/Patient/_search',
        contentType: 'application/x-www-form-urlencoded',
        body: 'identifier=https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C9993395633',
      },
    ]);
  });

  it('follows next links whose tokens end in a raw ==, encoded', async () => {
    answers = [
      say(200, page([{ id: 'a' }], `${base()}Patient?_count=1&page=AAMA-x/y==`)),
      say(503, ''),
      say(200, page([], `${base()}Patient?_count=1&page=b c==`)),
      say(200, page([{ id: 'b' }, { id: 'c' }])),
    ];
    expect(await search()).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
    expect(asked.slice(1).map(({ method, url }) => [method, url])).toEqual([
      ['GET', '/datastore/abc/r4/Patient?_count=1&page=AAMA-x%2Fy%3D%3D'],
      ['GET', '/datastore/abc/r4/Patient?_count=1&page=AAMA-x%2Fy%3D%3D'],
      ['GET', '/datastore/abc/r4/Patient?_count=1&page=b%20c%3D%3D'],
    ]);
  });

  test.each([
    'https://elsewhere.example/datastore/abc/r4/Patient?page=x',
    '/../../other/r4/Patient?page=x',
    '../../other/r4/Patient?page=x',
    '%2e%2e/%2e%2e/other/r4/Patient?page=x',
    'http://',
    'Patient?page=x',
  ])('does not follow a next page at %s', async (next) => {
    const isWhole = next.startsWith('http') || next.startsWith('Patient');
    answers = [say(200, page([{ id: 'a' }], isWhole ? next : base() + next))];
    await expect(search()).rejects.toMatchObject({ name: 'HealthLakeRefused' });
    expect(asked).toHaveLength(1);
  });

  it('signs and sends every value of a parameter that a next link repeats', async () => {
    answers = [say(200, page([], `${base()}Patient?_tag=b&_tag=a&page=x==`)), say(200, page([{ id: 'a' }]))];
    expect(await search()).toEqual([{ id: 'a' }]);
    expect(asked[1]?.url).toBe('/datastore/abc/r4/Patient?_tag=b&_tag=a&page=x%3D%3D');
  });

  it('may find nothing', async () => {
    answers = [say(200, { resourceType: 'Bundle', type: 'searchset', total: 0 })];
    expect(await search()).toEqual([]);
  });

  test.each([{}, [], { resourceType: 'OperationOutcome' }, '"Bundle"'])(
    'answered with %j is no empty result',
    async (body) => {
      answers = [say(200, body)];
      await expect(search()).rejects.toMatchObject({ name: 'HealthLakeRefused' });
    },
  );
});

test.each([
  { status: 429, text: '', is: true },
  { status: 400, text: '{"__type":"ThrottlingException"}', is: true },
  { status: 400, text: 'Rate exceeded', is: true },
  { status: 400, text: '{"issue":[{"code":"throttled"}]}', is: true },
  { status: 400, text: 'Invalid resource', is: false },
  { status: 503, text: 'ThrottlingException', is: false },
])('$status "$text" is throttling: $is', ({ status, text, is }) => {
  expect(isThrottling(status, text)).toBe(is);
});

it('pauses grow up to twenty seconds, with full jitter', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), (attempt) => {
      const pause = pauseBefore(attempt);
      expect(pause >= 0 && pause < Math.min(20_000, 200 * 2 ** (attempt - 1))).toBe(true);
    }),
  );
});
