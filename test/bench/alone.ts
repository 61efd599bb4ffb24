import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
  readonly #options: readonly string[];

  private constructor(directory: string, options: readonly string[]) {
    this.#directory = directory;
    this.#program = join(directory, 'program.mjs');
    this.#options = options;
  }

  /** @param options of Node; the functions' own by themselves, and `gc` for `endPart` */
  static async bundle(entry: string, options: readonly string[] = [...nodeOptions, '--expose-gc']): Promise<Alone> {
    const { outputFiles } = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      mainFields: ['module', 'main'],
      banner: {
        js: "import * as nodeModule from 'node:module';const require = nodeModule.createRequire(import.meta.url);",
      },
    });
    const alone = new Alone(await mkdtemp(join(tmpdir(), 'ndop-alone-')), options);
    for (const { contents } of outputFiles) await writeFile(alone.#program, contents);
    return alone;
  }

  /** What the program printed. */
  async run(...args: readonly string[]): Promise<string> {
    return (await run(process.execPath, [...this.#options, this.#program, ...args])).stdout;
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}
