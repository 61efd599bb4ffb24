import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { defineEnvironment, type Environment } from './environments/environment.ts';

/** What lies beside the environments: their form, and what they have in common. */
const others = ['environment.ts', 'defaults.ts'];

const module = z.record(
  z.string(),
  z.custom<Environment>((value) => typeof value === 'object' && value !== null),
);

/**
 * Every environment of a folder: a file `<name>.ts` that exports one makes it known, and nothing else has to.
 *
 * @throws Error naming the file that is at fault
 */
export async function readEnvironments(folder: string): Promise<Environment[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts') && !others.includes(file)).sort();
  const environments = await Promise.all(
    files.map(async (file) => {
      const exported: unknown = await import(pathToFileURL(join(folder, file)).href).catch((error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        // What is wrong with the values names the file already.
        const place = message.startsWith('infra/environments/') ? '' : `infra/environments/${file}: `;
        throw new Error(`${place}${message}`, { cause: error });
      });
      const [environment, ...more] = Object.values(module.safeParse({ ...Object(exported) }).data ?? {});
      if (environment === undefined || more.length > 0) {
        throw new Error(`infra/environments/${file}: must export one environment and nothing else`);
      }
      if (`${environment.name}.ts` !== file) {
        throw new Error(`infra/environments/${file}: name: must be that of the file, and is ${environment.name}`);
      }
      return defineEnvironment(environment);
    }),
  );
  refuseSharedMailboxes(environments.filter(({ name }) => name !== 'local'));
  return environments;
}

/** Two that empty one mailbox would take each other's answers. */
function refuseSharedMailboxes(deployed: readonly Environment[]): void {
  for (const [at, { name, mesh }] of deployed.entries()) {
    const first = deployed.slice(0, at).find((other) => other.mesh.mailbox === mesh.mailbox);
    if (first === undefined) continue;
    throw new Error(`infra/environments/${name}.ts: mesh.mailbox: ${mesh.mailbox} is the one of ${first.name}`);
  }
}
