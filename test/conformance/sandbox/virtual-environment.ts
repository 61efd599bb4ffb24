import { join } from 'node:path';
import type { Children } from './children.ts';

/** NHS England's own stand-in for MESH, as it is published. */
export const sandboxPackage = 'mesh-sandbox==1.0.137';

/** The sandbox cannot be had here: no Python, no virtual environments, or no package. */
export class NotToBeHad extends Error {
  override readonly name = 'NotToBeHad';
}

/** Ways to make a virtual environment; Debian's python3 has no venv unless a package of its own is there. */
const makers = [
  ['python3', '-m', 'venv'],
  ['python3', '-m', 'virtualenv', '--quiet'],
  ['virtualenv', '--quiet'],
] as const;

/**
 * Makes a virtual environment and installs the sandbox into it.
 *
 * @returns its Python
 * @throws NotToBeHad
 */
export async function installSandbox(directory: string, children: Children): Promise<string> {
  const succeeds = succeedsAmong(children);
  const python = join(directory, 'bin', 'python');
  if (!(await succeeds('python3', ['--version']))) throw new NotToBeHad('python3 is not installed');
  for (const [command, ...args] of makers) {
    // A maker may leave half of one behind: its Python is there and has no pip.
    const isMade = await succeeds(command, [...args, directory]);
    if (!isMade || !(await succeeds(python, ['-m', 'pip', '--version']))) continue;
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', sandboxPackage];
    if (await succeeds(python, install)) return python;
    throw new NotToBeHad(
      `pip cannot install ${sandboxPackage}: see whether "pip install ${sandboxPackage}" works here`,
    );
  }
  throw new NotToBeHad('python3 has neither venv nor virtualenv: on Debian and Ubuntu install python3-venv');
}

function succeedsAmong(children: Children): (command: string, args: readonly string[]) => Promise<boolean> {
  return (command, args) =>
    new Promise((resolve) => {
      const child = children.start(command, args, { stdio: 'ignore' });
      child.once('error', () => {
        resolve(false);
      });
      child.once('exit', (code) => {
        resolve(code === 0);
      });
    });
}
