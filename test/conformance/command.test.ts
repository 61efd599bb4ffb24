import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MeshStandIn, startMesh } from '../../local/mesh/mesh.ts';
import { eventually } from './checks.ts';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const root = join(import.meta.dirname, '../..');
let mesh: MeshStandIn;
let directory: string;

function run(script: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'test/conformance', script), ...args], { cwd: root, env });
    const [stdout, stderr]: [string[], string[]] = [[], []];
    child.stdout.on('data', (piece: Buffer) => stdout.push(piece.toString('utf8')));
    child.stderr.on('data', (piece: Buffer) => stderr.push(piece.toString('utf8')));
    child.once('close', (code) => {
      resolve({ code, stdout: stdout.join(''), stderr: stderr.join('') });
    });
  });
}

/** Whether a process has ended; one that nobody has asked after yet may stand in the table for a moment. */
async function isGone(pid: number): Promise<boolean | undefined> {
  return eventually({ forSeconds: 5, everyMilliseconds: 20 }, () => {
    try {
      process.kill(pid, 0);
      return Promise.resolve(undefined);
    } catch {
      return Promise.resolve(true);
    }
  });
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'conformance-'));
  const mailboxes = ['X26ABC1', 'X26ABC2', 'X26ABC3'].map((mailboxId) => ({ mailboxId, password: 'password' }));
  mesh = await startMesh({ mailboxes, sharedKey: 'TestKey' });
});
afterAll(async () => {
  await mesh.close();
  await rm(directory, { recursive: true });
});

describe('npm run conformance', () => {
  it('finds out which MESH it is, passes and writes the pack', async () => {
    const evidence = join(directory, 'pack');
    const args = ['--url', mesh.url, '--only', '201,701,703,705', '--evidence', evidence];
    const { code, stdout, stderr } = await run('main.ts', args);
    expect(stdout).toMatch(/^stand-in at http:\/\/127\.0\.0\.1:\d+: ours X26ABC1, other X26ABC2, dormant X26ABC3$/m);
    expect(stdout).toMatch(/^201 +Send a message, uncompressed +passed +15\/15/m);
    expect(stdout).toContain('4 cases: 4 passed');
    expect(stderr).toMatch(/^201 Send a message, uncompressed …$/m);
    expect(code).toBe(0);
    expect(await readdir(evidence)).toContain('summary.html');
    const again = await run('main.ts', args);
    expect(again).toMatchObject({ code: 2, stdout: '' });
    expect(again.stderr).toContain('is not empty; name a new directory');
  });

  it('ends with 4 where nothing failed and a person has to go on', async () => {
    const { code, stdout } = await run('main.ts', ['--url', mesh.url, '--only', '703,704', '--kind', 'integration']);
    expect(stdout).toContain('2 cases: 1 passed, 1 waiting');
    expect(stdout).toMatch(/waiting: Message \S+ waits in mailbox X26ABC3.* --only 703,705,803 --undelivered-message /);
    expect(code).toBe(4);
  });

  it('stops at once where the password is wrong, and ends with 1', async () => {
    const credentials = join(directory, 'wrong.json');
    const mailbox = (mailboxId: string) => ({ mailboxId, password: 'not-the-password' });
    const wrong = { ours: mailbox('X26ABC1'), other: mailbox('X26ABC2'), dormant: mailbox('X26ABC3') };
    await writeFile(credentials, JSON.stringify({ sharedKey: 'TestKey', ...wrong }));
    const { code, stdout, stderr } = await run('main.ts', ['--url', mesh.url, '--credentials', credentials]);
    expect(stdout).toContain('1 case: 0 passed, 1 failed');
    expect(stdout).toContain('MeshAuthenticationRefused: Handshake: MESH answered 403');
    expect(stderr).toContain('Stopped here: MESH does not let this mailbox in');
    expect(stdout + stderr).not.toContain('not-the-password');
    expect(code).toBe(1);
  });

  it('says in a sentence that nobody listens there', async () => {
    const { code, stderr } = await run('main.ts', ['--url', 'http://127.0.0.1:1']);
    expect(stderr).toMatch(/^Find out which MESH this is: MESH cannot be reached \(ECONNREFUSED\)/);
    expect(stderr).not.toContain('    at ');
    expect(code).toBe(1);
  });

  it('ends with 2 where it is called wrongly, and says how it is called', async () => {
    const wrong = await run('main.ts', ['--only', '200']);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toBe('--only 200: there is no case 200\nnpm run conformance -- --help lists the options.\n');
    const help = await run('main.ts', ['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('--undelivered-message ID');
  });
});

describe('npm run conformance:sandbox', () => {
  /** A machine on which these programs are all there is. */
  async function machine(name: string, programs: Readonly<Record<string, string>>): Promise<NodeJS.ProcessEnv> {
    const bin = join(directory, name);
    await mkdir(bin);
    for (const [program, script] of Object.entries(programs)) {
      await writeFile(join(bin, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    return { PATH: bin, TMPDIR: await mkdtemp(join(directory, 'tmp-')) };
  }

  it.each([
    { name: 'no-python', programs: {}, says: 'python3 is not installed' },
    {
      name: 'no-venv',
      programs: { python3: '[ "$1" = --version ]' },
      says: 'python3 has neither venv nor virtualenv: on Debian and Ubuntu install python3-venv',
    },
    {
      // As Debian does: the directory is there, pip is not.
      name: 'no-package',
      programs: {
        python3: '[ "$1" = --version ]',
        virtualenv:
          '/bin/mkdir -p "$2/bin"; printf \'#!/bin/sh\\n[ "$3" != install ]\\n\' > "$2/bin/python"; /bin/chmod +x "$2/bin/python"',
      },
      says: 'pip cannot install mesh-sandbox==1.0.137',
    },
  ])(
    'says that the sandbox is not to be had ($name), ends with 3 and leaves nothing behind',
    async ({ name, programs, says }) => {
      const env = await machine(name, programs);
      const { code, stdout, stderr } = await run('sandbox/main.ts', [], env);
      expect(stderr).toContain(`The sandbox is not to be had here: ${says}`);
      expect(stdout).toBe('');
      expect(code).toBe(3);
      expect(await readdir(env.TMPDIR!)).toEqual([]);
    },
  );

  const makesPython = (behaviour: string): string =>
    `/bin/mkdir -p "$2/bin"; printf '%s\\n' '#!/bin/sh' '${behaviour}' > "$2/bin/python"; /bin/chmod +x "$2/bin/python"`;
  /** Tells who it is, and its own child, and goes on for a minute. */
  const goesOn = 'echo "$$" > "$TMPDIR/started"; /bin/sleep 60 & echo "$!" >> "$TMPDIR/started"; wait';

  it.each([
    { stage: 'installs', behaviour: `case "$3" in install) ${goesOn};; esac` },
    { stage: 'starts', behaviour: `case "$2" in uvicorn) TMPDIR="$PWD/.."; ${goesOn};; esac` },
  ])('ends what it started where it is ended while it $stage', async ({ stage, behaviour }) => {
    const programs = { python3: '[ "$1" = --version ]', virtualenv: makesPython(behaviour) };
    const env = await machine(`ended-as-it-${stage}`, { ...programs });
    const child = spawn(process.execPath, [join(root, 'test/conformance/sandbox/main.ts')], { cwd: root, env });
    const ended = once(child, 'exit');
    const path = join(env.TMPDIR!, 'started');
    const pids = await eventually({ forSeconds: 30, everyMilliseconds: 50 }, async () => {
      const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n');
      return lines.length === 3 ? lines.slice(0, 2).map(Number) : undefined;
    });
    expect(pids).toHaveLength(2);
    child.kill('SIGTERM');
    expect(await ended).toEqual([143, null]);
    for (const pid of pids ?? []) expect(await isGone(pid)).toBe(true);
    expect(await readdir(env.TMPDIR!)).toEqual(['started']);
  });

  it('knows no options', async () => {
    expect(await run('sandbox/main.ts', ['--fast'])).toMatchObject({ code: 2, stdout: '' });
    expect((await run('sandbox/main.ts', ['--help'])).stdout).toContain('3 Python or the');
  });
});
