import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import type { Fault } from '../../local/mesh/faults.ts';
import { type MeshStandIn, startMesh } from '../../local/mesh/mesh.ts';
import { log } from '../../shared/log.ts';
import { HttpAdmin } from './admin.ts';
import type { RunSettings } from './case.ts';
import { catalogue } from './catalogue.ts';
import { CatalogueRun, type CaseResult } from './catalogue-run.ts';
import type { Environment } from './environment.ts';
import { credentialsOf } from './party.ts';
import { type RecordedCall, withoutRetries } from './recorder.ts';
import { runSettings } from './settings.ts';
import { atOnce } from './stand-in.ts';

log.setLogLevel('SILENT');

const sharedKey = 'TestKey';
const access = (mailboxId: string) => ({ mailboxId, password: 'password' });
const mailboxes = { ours: access('X26ABC1'), other: access('X26ABC2'), dormant: access('X26ABC3') };
let mesh: MeshStandIn;
let environment: Environment;

beforeAll(async () => {
  mesh = await startMesh({ mailboxes: Object.values(mailboxes), sharedKey });
  const admin = new HttpAdmin(mesh.url, credentialsOf({ sharedKey }, mailboxes.ours), 'stand-in');
  const about = { kind: 'stand-in', baseUrl: mesh.url, workflowId: 'TEST_WORKFLOW' } as const;
  environment = { ...about, sharedKey, mailboxes, delivery: atOnce, admin };
});
afterAll(() => mesh.close());
beforeEach(() => {
  mesh.faults.clear();
});

async function runWith(faults: readonly Fault[], numbers: readonly string[], more: Partial<RunSettings> = {}) {
  for (const fault of faults) mesh.faults.add({ mailboxId: 'X26ABC1', ...fault } as Fault);
  const run = new CatalogueRun(environment, { settings: { ...runSettings(false), ...more } });
  for (const one of catalogue.filter(({ number }) => numbers.includes(number))) await run.run(one);
  run.close();
  return run.results;
}

/** What does not hold, and what a case ended with. */
function oddities(results: readonly CaseResult[]): string[] {
  return results.flatMap(({ number, checks, remark }) => [
    ...checks.filter(({ holds }) => !holds).map(({ claim, found }) => `${number} ${claim}: ${found ?? ''}`),
    ...(remark === undefined ? [] : [`${number} ${remark}`]),
  ]);
}

describe('a client that tries again as it should passes', () => {
  it.each<{ when: string; faults: Fault[]; numbers: string[] }>([
    {
      when: 'a handshake is answered 503',
      faults: [{ kind: 'status', status: 503, operation: 'handshake' }],
      numbers: ['201', '401', '802'],
    },
    {
      when: 'a list breaks off and a download is answered 429',
      faults: [
        { kind: 'reset-before', operation: 'list' },
        { kind: 'status', status: 429, operation: 'download' },
      ],
      numbers: ['401', '402'],
    },
    {
      when: 'the answer to an acknowledgement is lost',
      faults: [{ kind: 'reset-after', operation: 'acknowledge' }],
      numbers: ['401', '703'],
    },
    {
      when: 'a chunk is answered 502',
      faults: [{ kind: 'status', status: 502, operation: 'sendChunk' }],
      numbers: ['502'],
    },
    {
      when: 'one of 1,200 calls is answered 503, and another not at all',
      faults: [
        { kind: 'status', status: 503, operation: 'acknowledge', after: 120 },
        { kind: 'reset-before', operation: 'download', after: 540 },
      ],
      numbers: ['601'],
    },
  ])('$numbers where $when', async ({ faults, numbers }) => {
    const results = await runWith(faults, numbers);
    expect(oddities(results)).toEqual([]);
    expect(results.map(({ verdict }) => verdict)).toEqual(numbers.map(() => 'passed'));
    const failed = results.flatMap(({ calls }) => calls).filter(({ status = 0 }) => status === 0 || status > 400);
    expect(failed).toHaveLength(faults.length);
  });
});

const call = (operation: RecordedCall['operation'], path: string, status?: number): RecordedCall => ({
  ...{
    name: 'A call',
    method: operation === 'send' ? 'POST' : 'GET',
    path,
    mailboxId: 'X26ABC1',
    isPreparation: false,
  },
  ...{ startedAt: '', endedAt: '', requestHeaders: {}, requestBody: { bytes: 0, sha256: '' } },
  ...(operation === undefined ? {} : { operation }),
  ...(status === undefined ? {} : { status }),
});

test.each<{ what: string; calls: RecordedCall[]; left: (number | undefined)[] }>([
  { what: 'drops 503 before the same call', calls: [call('list', '/a', 503), call('list', '/a', 200)], left: [200] },
  {
    what: 'drops as many as there are',
    calls: [call('list', '/a'), call('list', '/a', 425), call('list', '/a', 200)],
    left: [200],
  },
  { what: 'keeps the last', calls: [call('list', '/a', 200), call('list', '/a', 503)], left: [200, 503] },
  {
    what: 'keeps 503 before another call',
    calls: [call('list', '/a', 503), call('download', '/b', 200)],
    left: [503, 200],
  },
  {
    what: 'keeps what was refused and made again',
    calls: [call('list', '/a', 403), call('list', '/a', 403)],
    left: [403, 403],
  },
  {
    what: 'keeps a success made again',
    calls: [call('download', '/a', 200), call('download', '/a', 200)],
    left: [200, 200],
  },
  { what: 'keeps a message sent again', calls: [call('send', '/o', 503), call('send', '/o', 202)], left: [503, 202] },
])('leaving out retries $what', ({ calls, left }) => {
  expect(withoutRetries(calls).map(({ status }) => status)).toEqual(left);
});

it('fails 502 where the message fits into one chunk', async () => {
  const results = await runWith([], ['502'], { chunkedBytes: 1_000_000 });
  expect(oddities(results)).toEqual(['502 It travels in several chunks: 1']);
});

it('lets 802 wait where the run was too short to judge', async () => {
  const [result] = await runWith([], ['802']);
  expect(result).toMatchObject({ verdict: 'waiting' });
  expect(result?.remark).toMatch(
    /^This run made no call to send, download, acknowledge: .* together with 201 and 401$/,
  );
  const results = await runWith([], ['201', '401', '802']);
  expect(results.at(-1)).toMatchObject({ number: '802', verdict: 'passed' });
});
