import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a cloud assembly is made of: a change in any of it makes a new one. */
const ingredients = ['cdk.json', 'package-lock.json', 'functions', 'infra', 'shared'];

/** The app could not be synthesized. */
export class SynthesisFailed extends Error {
  override readonly name = 'SynthesisFailed';
}

export interface Assembly {
  readonly directory: string;
  /** Whether it had to be made; an assembly of the same sources is used again. */
  readonly isNew: boolean;
}

/**
 * The cloud assembly of the local environment, with the bundles of its functions. Assemblies are kept by the hash of
 * their sources, so that a second start does not pay for bundling again.
 *
 * @throws SynthesisFailed with what the CDK said
 */
export async function synthesize(root: string): Promise<Assembly> {
  const kept = join(root, '.local', 'assemblies');
  const directory = join(kept, (await hashOf(root)).slice(0, 16));
  if (await exists(join(directory, 'manifest.json'))) return { directory, isNew: false };

  await mkdir(kept, { recursive: true });
  // Made aside and renamed whole, so that a start that is stopped leaves no half of one.
  const making = join(kept, `making-${process.pid}`);
  try {
    await run(
      process.execPath,
      [
        join(root, 'node_modules/aws-cdk/bin/cdk'),
        'synth',
        'local/**',
        '--strict',
        '--quiet',
        '--no-notices',
        '-o',
        making,
      ],
      { cwd: root, env: { ...process.env, CDK_DISABLE_CLI_TELEMETRY: 'true' }, maxBuffer: 64 << 20 },
    );
    await rename(making, directory).catch(async (error: unknown) => {
      // Another start was faster.
      if (!(await exists(join(directory, 'manifest.json')))) throw error;
    });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    throw new SynthesisFailed(`cdk synth failed:\n${said}`, { cause: error });
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  await forgetOldAssemblies(kept, directory);
  return { directory, isNew: true };
}

const keptAssemblies = 3;

async function forgetOldAssemblies(kept: string, current: string): Promise<void> {
  const directories = await Promise.all(
    (await readdir(kept)).map(async (name) => ({ path: join(kept, name), at: (await stat(join(kept, name))).mtimeMs })),
  );
  directories.sort((a, b) => b.at - a.at);
  for (const { path } of directories.slice(keptAssemblies)) {
    if (path !== current) await rm(path, { recursive: true, force: true });
  }
}

async function hashOf(root: string): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  for (const ingredient of ingredients) {
    const path = join(root, ingredient);
    const isFolder = (await stat(path)).isDirectory();
    const files = isFolder
      ? (await readdir(path, { recursive: true })).filter((name) => name.endsWith('.ts')).sort()
      : [''];
    for (const file of files) hash.update(`${ingredient}/${file}\0`).update(await readFile(join(path, file)));
  }
  return hash.digest('hex');
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
