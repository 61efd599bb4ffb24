import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { nodeOptions } from '../../shared/contract.ts';

const run = promisify(execFile);

/**
 * A program that runs in processes of its own, so that its time and memory are its own. It is bundled and started as the
 * functions are: without that, a third of the memory would be what strips the types.
 */
export class Alone {
  readonly #directory: string;
  readonly #program: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#program = join(directory, 'program.mjs');
  }

  static async bundle(entry: string): Promise<Alone> {
    const alone = new Alone(await mkdtemp(join(tmpdir(), 'ndop-alone-')));
    await build({ entryPoints: [entry], outfile: alone.#program, bundle: true, platform: 'node', format: 'esm' });
    return alone;
  }

  /** What the program printed. */
  async run(...args: readonly string[]): Promise<string> {
    return (await run(process.execPath, [...nodeOptions, this.#program, ...args])).stdout;
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}
