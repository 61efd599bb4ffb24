import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Consent } from '../../shared/fhir/consent.ts';
import type { Summary } from '../../local/runner/summary.ts';

const root = join(import.meta.dirname, '../..');

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command behind `npm run local` as a user would, in a process of its own that does not outlive its test. */
export function runLocal(...args: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [join(root, 'local/main.ts'), ...args],
      { cwd: root, env: { ...process.env, NODE_OPTIONS: '' }, maxBuffer: 64 << 20, timeout: 115_000 },
      (_, stdout, stderr) => {
        resolve({ code: child.exitCode ?? -1, stdout, stderr });
      },
    );
  });
}

/** A temporary folder for one test file's runs. */
export class Workplace {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async open(): Promise<Workplace> {
    return new Workplace(await mkdtemp(join(tmpdir(), 'ndop-test-')));
  }

  path(...names: readonly string[]): string {
    return join(this.directory, ...names);
  }

  async write(name: string, text: string): Promise<string> {
    await writeFile(this.path(name), text);
    return this.path(name);
  }

  async copy(from: string, to: string): Promise<string> {
    await cp(this.path(from), this.path(to), { recursive: true });
    return this.path(to);
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

export function summaryIn({ stdout }: CommandResult): Summary {
  return JSON.parse(stdout) as Summary;
}

/** The lines of one of a run's `.ndjson` results. */
export async function linesOf<Line>(directory: string, name: string): Promise<Line[]> {
  const text = await readFile(join(directory, name), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

export type StoredConsent = Omit<Consent, 'meta'> & {
  readonly meta: Consent['meta'] & { readonly versionId: string; readonly lastUpdated: string };
};

export const consentsIn = (directory: string) => linesOf<StoredConsent>(directory, 'consents.ndjson');
