import { createWriteStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { LogLine } from '../lambda/lambda-host.ts';
import type { MeshRequest } from '../mesh/request-log.ts';
import { UsageError } from '../../shared/command-line.ts';

/** What a local run leaves behind. */
const names = [
  'summary.json',
  'consents.ndjson',
  'report.html',
  'report.json',
  'history.json',
  'logs.ndjson',
  'mesh.ndjson',
  'notifications.ndjson',
  'ledger.ndjson',
  'noom.json',
  'files.ndjson',
] as const;
export type ResultName = (typeof names)[number];

/** The folder that `--out` names. */
export class Results {
  readonly directory: string;
  readonly #lines: Record<'logs.ndjson' | 'mesh.ndjson' | 'notifications.ndjson', string[]> = {
    'logs.ndjson': [],
    'mesh.ndjson': [],
    'notifications.ndjson': [],
  };

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** @throws UsageError where the folder cannot be made */
  static async open(directory: string): Promise<Results> {
    await mkdir(directory, { recursive: true }).catch(() => {
      throw new UsageError(`--out: ${directory} cannot be made a folder`);
    });
    return new Results(directory);
  }

  /** Removes an earlier run's results and nothing else, once the new run is sure to begin. */
  async clear(): Promise<void> {
    for (const name of names) await rm(join(this.directory, name), { force: true });
  }

  log({ functionName, requestId, at, line }: LogLine): void {
    this.#lines['logs.ndjson'].push(JSON.stringify({ at: at.toISOString(), functionName, requestId, line }));
  }

  meshRequest(request: MeshRequest): void {
    this.#lines['mesh.ndjson'].push(JSON.stringify(request));
  }

  notification(notification: object): void {
    this.#lines['notifications.ndjson'].push(JSON.stringify(notification));
  }

  async writeLines(): Promise<void> {
    for (const [name, lines] of Object.entries(this.#lines)) {
      await writeFile(join(this.directory, name), lines.map((line) => `${line}\n`).join(''));
    }
  }

  async writeText(name: ResultName, text: string | Buffer): Promise<void> {
    await writeFile(join(this.directory, name), text);
  }

  async writeJson(name: ResultName, value: unknown): Promise<void> {
    await this.writeText(name, `${JSON.stringify(value, undefined, 2)}\n`);
  }

  async writeNdjson(name: ResultName, values: Iterable<unknown>): Promise<void> {
    function* lines() {
      for (const value of values) yield `${JSON.stringify(value)}\n`;
    }
    await pipeline(Readable.from(lines()), createWriteStream(join(this.directory, name)));
  }
}
