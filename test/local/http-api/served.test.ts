import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { Client } from 'fhir-kit-client';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { readDeployment } from '../../../local/assembly/deployment.ts';
import { synthesize } from '../../../local/assembly/synthesize.ts';
import { signedCall, signedHeaders } from '../../../local/http-api/signed-call.ts';
import { startRuntime, type Runtime } from '../../../local/runner/runtime.ts';
import { readXml } from '../../../shared/noom/stu3/xml-reader.ts';
import { writeXml } from '../../../shared/noom/stu3/xml-writer.ts';
import { validFrom } from '../../support/nhs-numbers.ts';
import { byAttorney, ndopConsent, people, preference, referenceTo } from '../../support/preferences.ts';
import { faultsOf } from '../../support/stu3-types.ts';

const root = join(import.meta.dirname, '../../..');
const lines: { functionName: string; line: string }[] = [];
let directory: string;
let runtime: Runtime;

beforeAll(async () => {
  const { directory: assembly } = await synthesize(root);
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

/** Typed as one that is not waited for; it is, by the client. */
const sign: (url: string, options: RequestInit) => unknown = async (url, options) => {
  const { method = 'GET', headers, body } = options;
  options.headers = await signedHeaders(runtime.operator, url, {
    method,
    headers: Object.fromEntries(new Headers(headers)),
    ...(typeof body === 'string' ? { body } : {}),
  });
};

describe('fhir-kit-client, which nobody here has written,', () => {
  const client = () =>
    new Client({
      baseUrl: runtime.noomUrl ?? '',
      requestSigner: sign,
    });

  it('registers a preference, finds it, and changes it', async () => {
    const nhsNumber = people.anne;
    const created = await client().create({
      resourceType: 'Consent',
      body: preference(nhsNumber),
      options: { headers: { prefer: 'return=representation' } },
    });
    const found = await client().search({
      resourceType: 'Consent',
      searchParams: { patient: referenceTo(nhsNumber) },
    });
    expect(found).toMatchObject({ total: 1, entry: [{ resource: created }] });
    const { id } = created as unknown as { id: string };
    const changed = { ...created, status: 'inactive' };
    await client().update({
      resourceType: 'Consent',
      id,
      body: changed,
      options: { headers: { 'if-match': 'W/"1"' } },
    });
    expect(await client().read({ resourceType: 'Consent', id })).toMatchObject({ status: 'inactive' });
    expect(await client().vread({ resourceType: 'Consent', id, version: '1' })).toMatchObject({ status: 'active' });
    expect(await client().history({ resourceType: 'Consent', id })).toMatchObject({ type: 'history', total: 2 });
    const posted = {
      resourceType: 'Consent',
      searchParams: { patient: String(nhsNumber) },
      options: { postSearch: true },
    };
    expect(await client().search(posted)).toMatchObject({ total: 1, entry: [{ resource: { id } }] });
  });

  it('reads what the API can do, and why it refuses', async () => {
    expect(await client().capabilityStatement()).toMatchObject({ fhirVersion: '3.0.1' });
    const refused = client().create({ resourceType: 'Consent', body: preference(people.anne) });
    await expect(refused).rejects.toMatchObject({
      response: { status: 422, data: { issue: [{ code: 'duplicate' }] } },
    });
  });
});

/** The guide's examples: a patient online, an attorney on the phone, and the first design. */
describe.each([
  { example: 'a patient opts out of both uses', make: ndopConsent, nhsNumber: 9_990_000_050 },
  { example: 'an attorney opts the patient in again', make: byAttorney, nhsNumber: 9_990_000_107 },
  { example: 'a preference about planning', make: aboutPlanning, nhsNumber: 9_990_000_123 },
])('$example', ({ make, nhsNumber }) => {
  test.each(['json', 'xml'] as const)('goes in and comes out in %s', async (format) => {
    const { noomUrl = '', operator } = runtime;
    const type = `application/fhir+${format}`;
    const written = (resource: object) => (format === 'json' ? JSON.stringify(resource) : writeXml(resource));
    const call = async (method: string, target: string, body?: object, headers: Record<string, string> = {}) => {
      const response = await signedCall(operator, `${noomUrl}/${target}`, {
        method,
        headers: {
          accept: type,
          ...(body ? { 'content-type': type } : {}),
          prefer: 'return=representation',
          ...headers,
        },
        ...(body ? { body: written(body) } : {}),
      });
      expect(response.headers.get('content-type')).toBe(`${type}; charset=UTF-8`);
      const said = await response.text();
      const resource = (format === 'json' ? JSON.parse(said) : readXml(said)) as Registered;
      expect(faultsOf(resource)).toEqual([]);
      return { status: response.status, resource };
    };
    // Another person for each format.
    const sent = make(format === 'json' ? nhsNumber : validFrom(Math.floor(nhsNumber / 10) + 1_000));
    const { status, resource } = await call('POST', 'Consent', sent);
    expect({ status, resource }).toMatchObject({ status: 201, resource: sent });
    const { id } = resource;
    expect((await call('GET', `Consent/${id}`)).resource).toEqual(resource);
    expect((await call('GET', `Consent?_id=${id}`)).resource).toMatchObject({ total: 1, entry: [{ resource }] });
    const changed = { ...resource, status: sent.status === 'active' ? 'inactive' : 'active' };
    expect(await call('PUT', `Consent/${id}`, changed, { 'if-match': 'W/"1"' })).toMatchObject({
      status: 200,
      resource: { id, status: changed.status, meta: { versionId: '2' } },
    });
    expect((await call('GET', `Consent/${id}/_history`)).resource).toMatchObject({ total: 2 });
    expect((await call('GET', `Consent/${id}/_history/1`)).resource).toEqual(resource);
    const again = await call('POST', 'Consent', sent);
    expect(again).toMatchObject({ status: 422, resource: { issue: [{ code: 'duplicate' }] } });
  });
});

function aboutPlanning(nhsNumber: number) {
  return preference(nhsNumber, 'HOPERAT');
}

interface Registered {
  readonly id: string;
  readonly status: string;
}

const isInstalled = (command: string) => spawnSync(command, ['--version']).status === 0;
const runsExamples = isInstalled('bash') && isInstalled('curl') ? it : it.skip;

runsExamples('answers the examples of its page', async () => {
  const page = await readFile(join(root, 'docs/noom.md'), 'utf8');
  const [, script = ''] = /^```bash\n(.*?)^```$/ms.exec(page) ?? [];
  const child = spawn('bash', ['-c', script], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      NOOM: runtime.noomUrl,
      AWS_ACCESS_KEY_ID: runtime.operator.accessKeyId,
      AWS_SECRET_ACCESS_KEY: runtime.operator.secretAccessKey,
    },
  });
  const [said, complaint] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  expect({ complaint, code: child.exitCode }).toEqual({ complaint: '', code: 0 });
  const answers = said.trim().split(/\n(\d{3})\n?/);
  const statuses = answers.filter((part) => /^\d{3}$/.test(part));
  expect(statuses).toEqual(['200', '201', '200', '200', '200', '200', '200', '200', '201', '200']);
  expect(answers[4]).toContain('"total":1');
  expect(answers[6]).toContain('<total value="1"/>');
  expect(answers[10]).toContain('"status":"inactive"');
  expect(answers[12]).toContain('"status":"active"');
  expect(answers[14]).toContain('"total":2');
  expect(answers[18]).toContain('"code":"370856009"');
});

it('is closed to everybody else', async () => {
  expect((await fetch(`${runtime.noomUrl ?? ''}/metadata`)).status).toBe(403);
});

it('leaves a line for each call, without what was asked for', () => {
  const accessed = lines.filter(({ functionName }) => functionName.includes('AccessLog')).map(({ line }) => line);
  const calls = accessed.map((line) => JSON.parse(line) as object);
  expect(calls.length).toBeGreaterThan(8);
  expect(calls[0]).toMatchObject({ method: 'GET', caller: 'arn:aws:iam::000000000000:user/LOCALOPERATOR' });
  expect(calls.at(-1)).toMatchObject({ method: 'GET', status: '403', caller: '-' });
  expect(accessed.join()).not.toMatch(/nothing|patient|metadata|Consent|9000000009|9990000018/);
});

it('names nobody in the function’s log', () => {
  const said = lines.filter(({ functionName }) => functionName.startsWith('Noom')).map(({ line }) => line);
  expect(said.join()).toContain('noom.answered');
  expect(said.join()).not.toMatch(/9000000009|9990000018|9990000026/);
});
