import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Rivals that are no dependency of the project. */
const packages = ['@duckdb/node-api@1.5.6-r.1', 'uuid@14.0.3'];

/** Where the rivals are installed, or why they cannot be. */
export type Installed = { readonly directory: string } | { readonly failure: string };

export async function installRivals(directory: string): Promise<Installed> {
  await mkdir(directory, { recursive: true });
  try {
    await run('npm', ['install', '--prefix', directory, '--no-audit', '--no-fund', '--ignore-scripts', ...packages]);
    return { directory };
  } catch (error) {
    const [reason] = /npm error code \S+/.exec(String(error)) ?? ['npm install failed'];
    return { failure: `could not be installed: ${reason}` };
  }
}
