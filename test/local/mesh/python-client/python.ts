import { execFile } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../../..');
const packageVersion = 'mesh-client==5.0.2';

/** A Python that has NHS England's client, or why there is none. */
export type Python = { readonly python: string } | { readonly reason: string };

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(command: string, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { cwd: root, timeout: 100_000 }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

/** Installs the client into a virtual environment under `.local`, once; MESH_CLIENT_PYTHON names one that has it. */
export async function pythonWithMeshClient(): Promise<Python> {
  const given = process.env.MESH_CLIENT_PYTHON;
  if (given !== undefined) return { python: given };
  const directory = join(root, '.local', packageVersion);
  const python = join(directory, 'bin', 'python');
  const isThere = await access(join(directory, 'complete')).then(
    () => true,
    () => false,
  );
  if (isThere) return { python };
  await mkdir(join(root, '.local'), { recursive: true });
  const made = await run('python3', '-m', 'venv', directory);
  if (made.code !== 0) return { reason: 'python3 with venv is not to be had here' };
  const installed = await run(python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', packageVersion);
  if (installed.code !== 0) return { reason: `${packageVersion} cannot be installed here` };
  await mkdir(join(directory, 'complete'), { recursive: true });
  return { python };
}
