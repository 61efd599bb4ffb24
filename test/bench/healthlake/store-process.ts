import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';

/** Who writes to the stand-in. */
export const signer = { accessKeyId: 'LOCALBENCH', secretAccessKey: 'bench' } as const;

const storeFigures = z.object({
  /** Versions written. */
  writes: z.number(),
  writeUnits: z.number(),
  throttledEntries: z.number(),
  /** Over all Consents in the store, in the order of their ids, without what a server adds. */
  sha256: z.string(),
});
export type StoreFigures = z.infer<typeof storeFigures>;

/** Starts an empty store, lets somebody write to it, and stops it. */
export async function withStore<Result>(
  quota: number | undefined,
  write: (baseUrl: string) => Promise<Result>,
): Promise<{ readonly result: Result; readonly store: StoreFigures }> {
  const program = join(import.meta.dirname, 'serve-store.ts');
  const child = spawn(process.execPath, ['--no-warnings', program, ...(quota === undefined ? [] : [String(quota)])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error('The HealthLake stand-in ended by itself');
    return JSON.parse(line.value);
  };
  try {
    const { listening } = z.object({ listening: z.string() }).parse(await next());
    const result = await write(listening);
    child.kill('SIGTERM');
    return { result, store: storeFigures.parse(await next()) };
  } finally {
    child.kill('SIGTERM');
    await exited;
  }
}
