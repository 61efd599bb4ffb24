import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type TransferOrder, type TransferResult, transferResult } from './transfer-client.ts';

/**
 * Sends or receives one message in a process of its own, so that the client's time and memory are its own. It is bundled
 * as the functions are: without that, a third of the memory would be what strips the types.
 */
export async function transferAlone(order: TransferOrder): Promise<TransferResult> {
  const directory = await mkdtemp(join(tmpdir(), 'transfer-'));
  try {
    const outfile = join(directory, 'transfer.mjs');
    const entry = fileURLToPath(new URL('transfer-client.ts', import.meta.url));
    await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm' });
    const { stdout } = await promisify(execFile)(process.execPath, [outfile, JSON.stringify(order)]);
    return transferResult.parse(JSON.parse(stdout));
  } finally {
    await rm(directory, { recursive: true });
  }
}
