import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { log } from '../../../shared/log.ts';
import { Transport } from '../../../shared/mesh/transport.ts';
import { catalogue } from '../catalogue.ts';
import { CatalogueRun, type CaseResult } from '../catalogue-run.ts';
import { credentialsOf } from '../party.ts';
import { makePayload } from '../payload.ts';
import { runSettings } from '../settings.ts';
import { type RunningEnvironment, startStandIn } from '../stand-in.ts';
import { redactionFor } from './redaction.ts';
import { checkEvidenceDirectory, dropBegun, writeEvidence } from './write-evidence.ts';

log.setLogLevel('SILENT');

/** A test number that passes every check of an NHS number. */
const person = '9000000009';
const authorizations: string[] = [];
const listener = (message: unknown): void => {
  const { request } = message as { request: ClientRequest };
  const header = request.getHeader('authorization');
  if (typeof header === 'string') authorizations.push(header);
};

interface CallsShown {
  readonly calls: { readonly responseHeaders?: Readonly<Record<string, string>> }[];
}

/** An order to the stand-in, which shows its certificate to whoever trusts its authority. */
async function order(path: string, json: unknown): Promise<void> {
  const { baseUrl, sharedKey, caBundle, mailboxes } = standIn.environment;
  const transport = new Transport(baseUrl, credentialsOf({ sharedKey, caBundle }, mailboxes.ours));
  const body = Buffer.from(JSON.stringify(json));
  const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
  const request = transport.request(`/messageexchange/admin/${path}`, { method: 'POST', headers }, true).end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  await text(response);
  expect(response.statusCode).toBe(200);
}

let standIn: RunningEnvironment;
let results: readonly CaseResult[];
let parent: string;

beforeAll(async () => {
  standIn = await startStandIn();
  subscribe('http.client.request.created', listener);
  const run = new CatalogueRun(standIn.environment, { settings: runSettings(false) });
  const wanted = ['201', '202', '501', '701', '702', '703', '705', '803', '802'];
  for (const conformanceCase of catalogue.filter(({ number }) => wanted.includes(number)))
    await run.run(conformanceCase);
  // What nobody should put there, and somebody will.
  await run.run({
    ...{ number: '999', title: 'Names a person', asks: '<b>Nothing</b> & more.', passes: 'Nothing.' },
    run: async ({ ours, other, environment, localId, note, checks }) => {
      const to = { to: ours.mailboxId, subject: `Letter about ${person} and 900 000 0009`, localId: localId() };
      const outcome = await other?.send(await makePayload('text', 100), to);
      await ours.checkInbox();
      note('Mistake', `${environment.sharedKey} ${person} ${environment.mailboxes.ours.password}`);
      checks.equal('sent', outcome?.outcome, 'accepted');
    },
  });
  // Sent beside this run: who is in there is nobody's business.
  const stranger = { to: 'X26ABC1', from: 'X26ABC2', workflow_id: 'TEST_WORKFLOW', body: 'a letter' };
  const names = { subject: 'Mrs Stranger', file_name: `NHS${person}.csv`, local_id: 'STRANGER-1' };
  await order('deliver', { ...stranger, ...names });
  await run.run({
    ...{ number: '998', title: 'Takes in a stranger', asks: 'Something.', passes: 'Somehow.' },
    run: async ({ ours, checks }) => {
      const [message] = await ours.checkInbox();
      checks.that('It is taken in', message?.headers.subject === names.subject);
    },
  });
  run.close();
  unsubscribe('http.client.request.created', listener);
  results = run.results;
});
afterAll(() => standIn.close());
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'evidence-'));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

async function written(): Promise<Map<string, string>> {
  const directory = join(parent, 'pack');
  await writeEvidence(directory, standIn.environment, results);
  const names = (await readdir(directory)).sort();
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')] as const)),
  );
}

describe('the evidence pack', () => {
  it('has a file a case, a summary and an index that names them all', async () => {
    const files = await written();
    const cases = results.map(({ number }) => `${number}.json`);
    expect([...files.keys()]).toEqual([...cases, 'README.txt', 'summary.html'].sort());
    for (const name of [...cases, 'summary.html'])
      expect(files.get('README.txt')).toMatch(new RegExp(`^[0-9a-f]{64}  ${name}$`, 'm'));
    for (const { number, title } of results) expect(files.get('summary.html')).toContain(`${number} ${title}`);
  });

  it('shows of every call what an assessor asks for', async () => {
    const record = JSON.parse((await written()).get('201.json') ?? '') as {
      verdict: string;
      checks: unknown[];
      calls: { method: string; requestHeaders: Record<string, string>; requestBody: { sha256: string } }[];
    };
    expect(record.verdict).toBe('passed');
    expect(record.checks.length).toBeGreaterThan(10);
    const send = record.calls.find(({ method, requestHeaders }) => method === 'POST' && 'mex-to' in requestHeaders);
    expect(send).toMatchObject({
      mailbox: 'under test',
      path: '/messageexchange/X26ABC1/outbox',
      status: 202,
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      requestHeaders: { 'mex-from': 'X26ABC1', 'mex-to': 'X26ABC2', 'content-type': 'application/octet-stream' },
      requestBody: { bytes: 20_000, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    const arrived = record.calls.find(({ requestHeaders }) => requestHeaders['mex-to'] === undefined);
    expect(arrived).toBeDefined();
  });

  it('holds no password, shared key, token, key of a certificate or NHS number', async () => {
    const everything = [...(await written()).values()].join('\n');
    const { sharedKey, mailboxes } = standIn.environment;
    const { ours, other, dormant } = mailboxes;
    for (const { password } of [ours, other, dormant]) expect(everything).not.toContain(password);
    expect(everything).not.toContain(sharedKey);
    const keyLines = (ours.clientKey ?? '').split('\n').filter((line) => line.length > 16);
    expect(keyLines.length).toBeGreaterThan(2);
    for (const line of keyLines) expect(everything).not.toContain(line);
    expect(authorizations.length).toBeGreaterThan(20);
    for (const authorization of authorizations) {
      expect(everything).not.toContain(authorization);
      const [, nonce = '', , , hash = ''] = authorization.split(':');
      expect(everything).not.toContain(nonce);
      expect(everything).not.toContain(hash);
    }
    expect(everything).not.toMatch(/NHSMESH|"authorization"/i);
    expect(everything).not.toContain(person);
    expect(everything).not.toContain('900 000 0009');
    expect(everything).toContain('Letter about [ten digits] and [ten digits]');
  });

  it('names nothing that others named', async () => {
    const files = await written();
    expect([...files.values()].join('\n')).not.toMatch(/Mrs Stranger|STRANGER-1|\.csv/);
    const { calls } = JSON.parse(files.get('998.json') ?? '') as CallsShown;
    const shown = calls.find(({ responseHeaders }) => responseHeaders?.['mex-subject'] !== undefined)?.responseHeaders;
    expect(shown).toMatchObject({
      'mex-from': 'X26ABC2',
      'mex-subject': '[given by somebody else]',
      'mex-filename': '[given by somebody else]',
      'mex-localid': '[given by somebody else]',
    });
    const ours = JSON.parse(files.get('501.json') ?? '') as CallsShown;
    const seen = ours.calls.flatMap(({ responseHeaders }) => responseHeaders?.['mex-subject'] ?? []);
    expect(new Set(seen)).toEqual(new Set(['Case 501']));
  });

  it('is one page that needs nothing else and takes no markup from outside', async () => {
    const summary = (await written()).get('summary.html') ?? '';
    expect(summary).toContain('@page { size: A4;');
    expect(summary).not.toMatch(/<script|<link|<img|src=|@import/);
    expect(summary).toContain('&lt;b&gt;Nothing&lt;/b&gt; &amp; more.');
  });

  it('says what to send, by environment', async () => {
    expect((await written()).get('README.txt')).toContain('Nothing by itself: this was the stand-in');
    const failed = results.map((result) => ({ ...result, verdict: 'failed' }) as const);
    await writeEvidence(join(parent, 'failed'), { ...standIn.environment, kind: 'integration' }, failed);
    expect(await readFile(join(parent, 'failed', 'README.txt'), 'utf8')).toContain('Nothing yet: cases failed');
    await writeEvidence(join(parent, 'real'), { ...standIn.environment, kind: 'integration' }, results);
    expect(await readFile(join(parent, 'real', 'README.txt'), 'utf8')).toContain(
      'summary.html, and the file of every case',
    );
  });

  it('is written whole or not at all', async () => {
    const directory = join(parent, 'taken');
    await mkdir(directory);
    await writeFile(join(directory, 'notes.txt'), 'mine');
    const error = await writeEvidence(directory, standIn.environment, results).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'PackElsewhere', message: expect.stringContaining('(ENOTEMPTY)') as unknown });
    expect(await readdir(directory)).toEqual(['notes.txt']);
    const [, elsewhere = ''] = /: it is whole, in (.*)$/.exec((error as Error).message) ?? [];
    expect(await readdir(elsewhere)).toHaveLength(results.length + 2);
    await expect(checkEvidenceDirectory(directory)).rejects.toThrow('is not empty; name a new directory');
    await expect(checkEvidenceDirectory(join(directory, 'notes.txt'))).rejects.toThrow('is no directory');
  });

  it('is known to be writable before the run, and leaves nothing of a run that came to nothing', async () => {
    await symlink(join(parent, 'nowhere', 'at-all'), join(parent, 'link'));
    const check = checkEvidenceDirectory(join(parent, 'link', 'pack'));
    await expect(check).rejects.toThrow(/^--evidence .*: cannot be written \(E[A-Z]+\)$/);
    await expect(check).rejects.toMatchObject({ name: 'UsageError' });
    await checkEvidenceDirectory(join(parent, 'new'));
    expect(await readdir(parent)).toHaveLength(2);
    await dropBegun(join(parent, 'new'));
    expect(await readdir(parent)).toEqual(['link']);
  });
});

const hash = 'a1234567890b'.padEnd(64, 'c');

test.each([
  ['9434765919.csv', '[ten digits].csv'],
  ['NHS9434765919.csv', 'NHS[ten digits].csv'],
  ['p_9434765919_x', 'p_[ten digits]_x'],
  ['9434765919A', '[ten digits]A'],
  ['943 476 5919 and 943-476-5919', '[ten digits] and [ten digits]'],
  ['943.476.5919', '[ten digits]'],
  ['943\u2013476\u20135919', '[ten digits]'],
  ['943\u00a0476\u00a05919', '[ten digits]'],
  ['?a=943%20476%205919', '?a=[ten digits]'],
  ['a%209434765919', 'a%20[ten digits]'],
  ['943%E2%80%93476%E2%80%935919', '[ten digits]'],
  ['20260105143801123456_A1B2C3', '20260105143801123456_A1B2C3'],
  ['20260105143801', '20260105143801'],
  ['1,000,000,000 bytes', '1,000,000,000 bytes'],
  ['2026-01-05T14:37:59.000Z', '2026-01-05T14:37:59.000Z'],
  [`SHA-256 ${hash}, MD5 ${hash.slice(0, 32)}`, `SHA-256 ${hash}, MD5 ${hash.slice(0, 32)}`],
  [hash.slice(0, 32).toUpperCase(), hash.slice(0, 32).toUpperCase()],
  [hash.slice(0, 31), `a[ten digits]${hash.slice(11, 31)}`],
  ['SHA-256 1234567abc', 'SHA-256 1234567abc'],
])('%s is shown as %s', (text, shown) => {
  expect(redactionFor(standIn.environment)(text)).toBe(shown);
});
