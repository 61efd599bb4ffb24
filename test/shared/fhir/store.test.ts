import { afterEach, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { verifySignature } from '../../../local/signature.ts';
import { readBody, serve, type StandIn } from '../../../local/stand-in.ts';
import { FhirStore, isThrottling, pauseBefore } from '../../../shared/fhir/store.ts';
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
    expect(pauses).toHaveLength(2);
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
    expect(pauses).toHaveLength(7);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(200 * 2 ** 6);
  });

  it('is given up where HealthLake says nothing for too long', async () => {
    answers = [() => undefined];
    await expect(store(20).postBundle(bundle)).rejects.toMatchObject({ name: 'HealthLakeUnavailable' });
    expect(asked).toHaveLength(8);
  });

  test.each([400, 401, 403, 404, 405, 409, 412, 413, 422])('answered %i is refused at once', async (status) => {
    answers = [say(status, { diagnostics: 'Patient 9993395633' }, { 'x-amzn-requestid': 'request-1' })];
    await expect(store().postBundle(bundle)).rejects.toMatchObject({
      name: 'HealthLakeRefused',
      message: `HealthLake answered ${status} (request request-1)`,
    });
    expect(asked).toHaveLength(1);
  });
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
  ])('does not follow a next page at %s', async (next) => {
    answers = [say(200, page([{ id: 'a' }], next.startsWith('https') ? next : base() + next))];
    await expect(search()).rejects.toMatchObject({ name: 'HealthLakeRefused' });
    expect(asked).toHaveLength(1);
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
