import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, test } from '@jest/globals';
import { Workplace, type CommandResult } from '../support/local-command.ts';

const root = join(import.meta.dirname, '../..');
const env = { ...process.env, NODE_OPTIONS: '' };

let workplace: Workplace;
let served: ChildProcess;
let ended: Promise<void>;

/** Runs the command behind `npm run ops`. */
function ops(...args: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [join(root, 'ops/main.ts'), ...args],
      { cwd: root, env },
      (_, stdout, stderr) => {
        resolve({ code: child.exitCode ?? -1, stdout, stderr });
      },
    );
  });
}

/** Asks until the answer is as hoped, or gives the last one after three minutes. */
async function until(ask: () => Promise<CommandResult>, hoped: RegExp): Promise<string> {
  const began = Date.now();
  let answer = (await ask()).stdout;
  while (!hoped.test(answer) && Date.now() - began < 180_000) {
    await pause(300);
    answer = (await ask()).stdout;
  }
  return answer;
}

beforeAll(async () => {
  workplace = await Workplace.open();
  served = spawn(
    process.execPath,
    [
      join(root, 'local/main.ts'),
      ...['--serve', '--patients', '600', '--scenario', 'empty-answer', '--out', workplace.path('out')],
    ],
    { cwd: root, env, stdio: 'ignore' },
  );
  ended = new Promise((resolve) =>
    served.once('exit', () => {
      resolve();
    }),
  );
});

afterAll(async () => {
  served.kill('SIGTERM');
  await ended;
  await workplace.close();
});

it('shows a held run with its reasons, lets it be approved, and shows its report', async () => {
  const runs = await until(() => ops('runs'), /held/);
  expect(runs).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]{4} {2}.* console refresh {2}held\n$/);
  const runId = runs.split(' ')[0] ?? '';

  const held = await ops('show', runId);
  expect(held.stdout).toContain('the answer to part 1 (600 people) is empty');
  expect(held.stdout).toContain('part 1   600 people, reconciled');

  expect(await ops('drain')).toMatchObject({ code: 0, stdout: `Stepped aside: run ${runId} has the mailbox\n` });

  const withoutReason = await ops('approve', runId);
  expect(withoutReason).toMatchObject({ code: 2, stderr: expect.stringContaining('Say why with --reason') });

  const approved = await ops('approve', runId, '--reason', 'checked by hand');
  expect(approved).toMatchObject({ code: 0, stdout: `Approved run ${runId}\n` });
  expect(await until(() => ops('show', runId), /closed/)).toContain('closed Completed');

  const report = JSON.parse((await ops('report', runId)).stdout) as { review: { decision: string } };
  expect(report.review.decision).toMatch(/^approved by .*: checked by hand$/);

  const again = await ops('reject', runId, '--reason', 'too late');
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('is not held for review: it is closed') });
});

it('shows and verifies the snapshot that the run left', async () => {
  expect((await ops('snapshot', 'show')).stdout).toMatch(/^Snapshot of run .*\n {2}from .* 600 people, 600 opted out/);
  const verified = await ops('snapshot', 'verify');
  expect(verified.code).toBe(0);
  expect(verified.stdout).toMatch(
    /part-0001\.1\.csv\.gz .* {2}ok\nThe snapshot of run .* is as it was written: 2 files, 600/,
  );
});

it('tells how old the answers are that the Consents rest on', async () => {
  expect(await ops('freshness')).toMatchObject({
    code: 0,
    stdout: [
      'The oldest answer that vouches for somebody was asked for 0.0 days ago.',
      'The last run closed 0.0 days ago.',
      '0 of 1 stretches of the snapshot have expired.',
      '',
    ].join('\n'),
  });
});

it('starts a run of its own', async () => {
  const started = await ops('start', '--dry-run', '--reason', 'what would happen');
  expect(started.stdout).toContain('Started arn:aws:states:');
  expect(await until(() => ops('runs'), /DryRunCompleted/)).toContain('console dry-run  closed DryRunCompleted');
});

it('drains the mailbox once no run has it', async () => {
  expect(await ops('drain')).toMatchObject({ code: 0, stdout: 'Drained: 0 messages taken in\n' });
});

it('finds the served FHIR store fit for use', async () => {
  const checked = await ops('check-store');
  expect(checked.code).toBe(0);
  expect(checked.stdout).toMatch(
    /Consents of ours {2,}ok: 600\n(.*\n)?FHIR store .*Patients.*ok: 600\nThe FHIR store is fit for use/,
  );
});

test.each<{ called: string[]; code: number; says: string }>([
  { called: ['launch'], code: 2, says: 'Unknown command launch' },
  { called: ['snapshot'], code: 2, says: 'Unknown command snapshot' },
  { called: ['show'], code: 2, says: 'Name the run' },
  { called: ['show', '20260101T000000Z-0000'], code: 1, says: 'No run 20260101T000000Z-0000' },
  { called: ['start'], code: 2, says: 'Say why with --reason' },
  { called: ['runs', '--colour'], code: 2, says: "Unknown option '--colour'" },
])('answers $called with exit code $code and a sentence', async ({ called, code, says }) => {
  const answered = await ops(...called);
  expect(answered.stderr).toContain(says);
  expect(answered.code).toBe(code);
});
