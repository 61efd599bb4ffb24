import { afterAll, afterEach, beforeAll, describe, expect, it, test } from '@jest/globals';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readFaults, readMailboxes, readTls } from '../../../local/mesh/files.ts';
import { readOptions } from '../../../local/mesh/options.ts';
import { authorization, rawMailbox, text } from './raw-mailbox.ts';

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** The program as a user runs it. */
class Program {
  readonly child: Child;
  stdout = '';
  stderr = '';

  constructor(...args: readonly string[]) {
    const main = join(import.meta.dirname, '../../../local/mesh/main.ts');
    const env = { ...process.env, NODE_OPTIONS: '' };
    this.child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout.setEncoding('utf8').on('data', (piece: string) => (this.stdout += piece));
    this.child.stderr.setEncoding('utf8').on('data', (piece: string) => (this.stderr += piece));
    programs.push(this);
  }

  /** Its base URL, once it listens. */
  async url(): Promise<string> {
    await this.#until(() => this.stdout.includes('\n') || this.child.exitCode !== null);
    const [url] = /https?:\/\/[\d.:]+/.exec(this.stdout) ?? [];
    if (url === undefined) throw new Error(`It does not listen: ${this.stderr}`);
    return url;
  }

  async said(part: string): Promise<void> {
    await this.#until(() => this.stdout.includes(part));
  }

  async ended(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode;
  }

  async #until(isSo: () => boolean): Promise<void> {
    for (let waited = 0; !isSo(); waited += 20) {
      if (waited > 20_000) throw new Error(`Waited in vain: ${this.stdout}${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const programs: Program[] = [];
let directory = '';
const path = (name: string) => join(directory, name);
const usual = (mailboxId: string) => ({ mailboxId, password: 'password', sharedKey: 'TestKey' });
const toX26ABC2 = { 'mex-to': 'X26ABC2', 'mex-workflowid': 'W' };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesh-program-'));
  await writeFile(path('mailboxes.jsonl'), '{"mailbox_id":"ours1","password":"p","ods_code":"A00"}\n\n');
  await writeFile(path('bad-mailbox.jsonl'), '{"mailbox_id":"A","password":"p"}\n{"mailbox_id":"B"}\n');
  await writeFile(path('no-json.jsonl'), '{"mailbox_id":"A","password":"secret\n');
  await writeFile(path('twice.jsonl'), '{"mailbox_id":"A","password":"p"}\n{"mailbox_id":"a","password":"p"}\n');
  await writeFile(path('empty.jsonl'), '');
  await writeFile(path('faults.ndjson'), '{"kind":"status","status":503,"operation":"list"}\n');
  await writeFile(path('bad-fault.ndjson'), '{"kind":"status","status":503}\n{"kind":"status"}\n');
  await writeFile(path('refusal.ndjson'), '{"kind":"refuse-certificate"}\n');
  await writeFile(path('opted-out.txt'), '9990000018\n');
});
afterEach(async () => {
  for (const { child } of programs) child.kill();
  await Promise.all(programs.splice(0).map((program) => program.ended()));
});
afterAll(() => rm(directory, { recursive: true }));

describe('options and files that cannot be used are named', () => {
  test.each([
    { args: ['--prot', '1'], why: "Unknown option '--prot'" },
    { args: ['--port', '65536'], why: '--port 65536: must be a whole number from 0 to 65535' },
    { args: ['--delivery-delay', '1s'], why: '--delivery-delay 1s: must be a whole number of at least 0' },
    { args: ['--tls-cert', 'x'], why: '--tls-cert, --tls-key and --tls-ca belong together' },
    { args: ['--tls-dir', 'x', '--tls-ca', 'y'], why: '--tls-dir excludes' },
    { args: ['--tls-cert', 'x', '--tls-key', 'x', '--tls-ca', 'x'], why: '--tls-cert x: cannot be read (ENOENT)' },
    { args: ['--mailboxes', 'nowhere'], why: '--mailboxes nowhere: cannot be read (ENOENT)' },
    { file: 'bad-mailbox.jsonl', args: ['--mailboxes'], why: 'line 2: password: Invalid input' },
    { file: 'no-json.jsonl', args: ['--mailboxes'], why: 'line 1: not a JSON object' },
    { file: 'twice.jsonl', args: ['--mailboxes'], why: 'Mailbox A is given twice' },
    { file: 'empty.jsonl', args: ['--mailboxes'], why: 'names no mailbox' },
    { file: 'bad-fault.ndjson', args: ['--faults'], why: 'line 2: status: Invalid input' },
  ])('$args $file', async ({ args, file, why }) => {
    const read = async () => {
      const options = readOptions([...args, ...(file === undefined ? [] : [path(file)])]);
      if (options === 'help') return;
      const mailboxes = await readMailboxes(options.mailboxes);
      await readFaults(options.faults);
      if (options.tls) await readTls(options.tls, mailboxes);
    };
    const error = await read().catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ name: 'UsageError', message: expect.stringContaining(why) as unknown });
    expect(error?.message).not.toContain('secret');
  });
});

describe('called wrongly, it ends with 2 and says why', () => {
  test.each([
    { args: ['--port', 'x'], why: '--port x: must be a whole number' },
    { file: 'refusal.ndjson', args: ['--faults'], why: 'refuse-certificate needs --tls-dir or --tls-cert' },
    { file: 'opted-out.txt', args: ['--ndop-mailbox', 'NONE', '--opted-out'], why: '--ndop-mailbox NONE: there is no' },
    { args: ['--opted-out', 'nowhere'], why: '--opted-out: there is no file nowhere' },
  ])('$args $file', async ({ args, file, why }) => {
    const program = new Program(...args, ...(file === undefined ? [] : [path(file)]));
    expect(await program.ended()).toBe(2);
    expect(program.stderr).toContain(why);
    expect(program.stderr).toContain('npm run mesh -- --help');
    expect(program.stdout).toBe('');
  });

  it('says that a port is taken', async () => {
    const first = new Program('--port', '0');
    const { port } = new URL(await first.url());
    const second = new Program('--port', port);
    expect(await second.ended()).toBe(2);
    expect(second.stderr).toContain(`Port ${port} on 127.0.0.1 is already in use`);
  });

  it('says that certificates are none', async () => {
    const file = path('empty.jsonl');
    const program = new Program('--port', '0', '--tls-cert', file, '--tls-key', file, '--tls-ca', file);
    expect(await program.ended()).toBe(2);
    expect(program.stderr).toContain('--tls-cert, --tls-key and --tls-ca: no certificates and key that fit');
  });
});

it('tells its options', async () => {
  const program = new Program('--help');
  expect(await program.ended()).toBe(0);
  expect(program.stdout).toContain('--mailboxes FILE');
});

describe('running', () => {
  it('serves the usual mailboxes and tells a line a request, nothing of what was in it', async () => {
    const program = new Program('--port', '0');
    const url = await program.url();
    expect(program.stdout).toBe(`MESH listens on ${url}\n`);
    for (const mailboxId of ['X26ABC1', 'X26ABC2', 'X26ABC3', 'RZZ99OT001', 'X26OT154']) {
      expect((await rawMailbox(url, usual(mailboxId)).call('GET', '/inbox')).status).toBe(200);
    }
    await rawMailbox(url, usual('X26ABC1')).sent({ ...toX26ABC2, 'mex-subject': 'a-subject' }, text);
    await program.said('/outbox 202');
    expect(program.stdout).toMatch(/^POST \/messageexchange\/X26ABC1\/outbox 202 [\d.]+ ms$/m);
    for (const secret of ['NHSMESH', 'a-subject', 'one\ntwo']) expect(program.stdout).not.toContain(secret);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('ends cleanly at %s', async (signal) => {
    const program = new Program('--port', '0');
    await program.url();
    program.child.kill(signal);
    expect(await program.ended()).toBe(0);
    expect(program.stderr).toBe('');
  });

  it('serves mailboxes and faults from files and tells JSON', async () => {
    const files = ['--mailboxes', path('mailboxes.jsonl'), '--faults', path('faults.ndjson')];
    const program = new Program('--port', '0', '--shared-key', 'K', '--json', ...files);
    const url = await program.url();
    const ours = rawMailbox(url, { mailboxId: 'OURS1', password: 'p', sharedKey: 'K' });
    expect((await ours.call('GET', '/inbox')).status).toBe(503);
    expect((await ours.call('GET', '/inbox')).status).toBe(200);
    expect((await ours.call('PATCH', '/inbox')).status).toBe(405);
    await program.said('"status":405');
    const [first, ...rest] = program.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(first).toEqual({ listening: url });
    expect(rest).toMatchObject([
      { method: 'GET', path: '/messageexchange/OURS1/inbox', status: 503, fault: 'status' },
      { method: 'GET', path: '/messageexchange/OURS1/inbox', status: 200 },
      { method: 'PATCH', path: '/messageexchange/OURS1/inbox', status: 405, remark: 'this path takes GET' },
    ]);
    expect(program.stdout.toLowerCase()).not.toContain('authorization');
  });

  it('makes certificates once and asks clients for theirs', async () => {
    const tls = path('tls');
    const list = async (url: string, shown: object): Promise<number | undefined> => {
      const headers = { accept: 'application/vnd.mesh.v2+json', authorization: authorization(usual('X26ABC1')) };
      const sent = httpsRequest(`${url}/messageexchange/X26ABC1/inbox`, { agent: false, headers, ...shown }).end();
      const [response] = (await once(sent, 'response')) as [{ statusCode?: number; resume: () => void }];
      response.resume();
      return response.statusCode;
    };
    const read = (name: string) => readFile(join(tls, name), 'utf8');
    const first = new Program('--port', '0', '--tls-dir', tls);
    const url = await first.url();
    expect(url).toMatch(/^https:/);
    expect((await readdir(tls)).sort()).toEqual(['ca.pem', 'client.key', 'client.pem', 'server.key', 'server.pem']);
    expect((await stat(join(tls, 'client.key'))).mode & 0o077).toBe(0);
    const shown = { ca: await read('ca.pem'), cert: await read('client.pem'), key: await read('client.key') };
    expect(await list(url, shown)).toBe(200);
    await expect(list(url, { ca: shown.ca })).rejects.toThrow('alert');

    const own = ['--tls-cert', join(tls, 'server.pem'), '--tls-key', join(tls, 'server.key'), '--tls-ca'];
    const second = new Program('--port', '0', '--tls-dir', tls);
    const third = new Program('--port', '0', ...own, join(tls, 'ca.pem'));
    expect(await list(await second.url(), shown)).toBe(200);
    expect(await list(await third.url(), shown)).toBe(200);
    expect(await read('ca.pem')).toBe(shown.ca);
  });

  it('keeps messages over restarts', async () => {
    const first = new Program('--port', '0', '--directory', path('kept'));
    const id = await rawMailbox(await first.url(), usual('X26ABC1')).sent(toX26ABC2, text);
    first.child.kill('SIGTERM');
    await first.ended();
    const second = new Program('--port', '0', '--directory', path('kept'));
    expect((await rawMailbox(await second.url(), usual('X26ABC2')).download(id)).body).toEqual(text);
  });

  it('answers as the national service where it is told who is opted out', async () => {
    const program = new Program('--port', '0', '--opted-out', path('opted-out.txt'));
    const ours = rawMailbox(await program.url(), usual('RZZ99OT001'));
    const about = { 'mex-to': 'X26OT154', 'mex-workflowid': 'SPINE_NTT_UPHOLDING' };
    const local = { 'mex-localid': 'LOCAL-1', 'mex-subject': 'SUBJECT-1' };
    await ours.sent({ ...about, ...local }, Buffer.from('9990000018,\r\n9990000026,\r\n'));
    let ids: string[] = [];
    for (let tries = 0; ids.length < 2 && tries < 100; tries += 1) {
      ids = (await ours.list()).messages;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const answer = await ours.download(ids[1] ?? '');
    expect(answer.headers.get('mex-localid')).toBe('LOCAL-1');
    expect(answer.body.toString()).toBe('9990000026,\r\n');
  });
});

describe('a large message', () => {
  const piece = Buffer.alloc(64 * 1024, 'nine nine nine\n');
  const pieces = 2_400; // 150 MiB
  const peakMegabytes = async (pid: number | undefined): Promise<number> => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  };
  const headersFor = (mailboxId: string) => ({
    accept: 'application/vnd.mesh.v2+json',
    authorization: authorization(usual(mailboxId), { nonce: randomUUID() }),
  });

  // How much memory a process has had is told by Linux only.
  (process.platform === 'linux' ? it : it.skip)('passes through with flat memory', async () => {
    const program = new Program('--port', '0', '--max-body-bytes', String(200 << 20));
    const url = await program.url();
    await rawMailbox(url, usual('X26ABC1')).sent(toX26ABC2, text);
    const before = await peakMegabytes(program.child.pid);

    const upload = httpRequest(`${url}/messageexchange/X26ABC1/outbox`, {
      method: 'POST',
      headers: { ...headersFor('X26ABC1'), ...toX26ABC2 },
    });
    const answered = once(upload, 'response');
    await pipeline(Readable.from(Array.from({ length: pieces }, () => piece)), upload);
    const [response] = (await answered) as [Readable & { statusCode?: number }];
    expect(response.statusCode).toBe(202);
    const id = (JSON.parse(String(await response.toArray())) as { message_id: string }).message_id;

    for (const encoding of ['identity', 'gzip']) {
      const download = httpRequest(`${url}/messageexchange/X26ABC2/inbox/${id}`, {
        headers: { ...headersFor('X26ABC2'), 'accept-encoding': encoding },
      }).end();
      const [body] = (await once(download, 'response')) as [Readable & { statusCode?: number }];
      expect(body.statusCode).toBe(200);
      let bytes = 0;
      for await (const part of body as AsyncIterable<Buffer>) bytes += part.length;
      if (encoding === 'identity') expect(bytes).toBe(pieces * piece.length);
      else expect(bytes).toBeGreaterThan(0);
    }
    expect((await peakMegabytes(program.child.pid)) - before).toBeLessThan(90);
  });
});
