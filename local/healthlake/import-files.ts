import { setImmediate } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { readLines } from '../../shared/lines.ts';
import { GrowingObject, logLine, type ImportWording } from './import-log.ts';
import type { Answer } from './interactions.ts';
import type { S3Location } from './job-request.ts';

/** What import jobs need of S3, as the role that HealthLake takes on. */
export interface ImportRights {
  /** The one role that HealthLake may take on here. */
  readonly roleArn: string;
  /** The keys that begin with a prefix. */
  /** Whether it may look at bucket and key, as HealthLake does before it accepts a job; it may where nothing is said. */
  readonly mayLookAt?: (bucket: string, kmsKeyId: string) => boolean;
  readonly list: (bucket: string, prefix: string) => AsyncIterable<string>;
  readonly get: (bucket: string, key: string) => Promise<AsyncIterable<Uint8Array>>;
  readonly put: (bucket: string, key: string, body: Buffer | Readable) => Promise<unknown>;
}

/** What import jobs need of the data store. */
export interface ImportTarget {
  /** Stores what a line says, or answers why not. */
  readonly load: (line: string) => Answer;
  /** Does synchronous work as one. */
  readonly transaction: (work: () => void) => void;
}

export interface ImportProgress {
  scannedFiles: number;
  importedFiles: number;
  scannedBytes: number;
  importedBytes: number;
  scannedResources: number;
  importedResources: number;
}

export interface ImportWork {
  readonly rights: ImportRights;
  readonly target: ImportTarget;
  readonly input: S3Location;
  /** Where the job's own output goes; its prefix ends in a slash. */
  readonly output: S3Location;
  readonly wording: ImportWording;
  readonly progress: ImportProgress;
  /** It fails where there are more lines. */
  readonly mostLines: number;
}

const linesPerTransaction = 2_000;

/**
 * Imports every `.ndjson` object whose key begins with the input prefix, and leaves a log of what became of each line.
 * Memory does not grow with the files.
 */
export async function importFiles(work: ImportWork): Promise<void> {
  const { rights, input, progress } = work;
  for await (const key of rights.list(input.bucket, input.prefix)) {
    if (!key.endsWith('.ndjson')) continue;
    progress.scannedFiles += 1;
    await importFile(key, work);
    progress.importedFiles += 1;
  }
}

async function importFile(key: string, { rights, target, input, output, wording, progress, mostLines }: ImportWork) {
  const name = key.slice(input.prefix.lastIndexOf('/') + 1);
  const log = (folder: string) =>
    new GrowingObject((body) => rights.put(output.bucket, `${output.prefix}${folder}/${name}`, body));
  const successes = log('SUCCESS');
  const failures = log('FAILURE');
  let lines: { readonly lineId: number; readonly text: string }[] = [];

  const load = async () => {
    let succeeded = '';
    let failed = '';
    target.transaction(() => {
      for (const { lineId, text } of lines) {
        const answer = target.load(text);
        const bytes = Buffer.byteLength(text) + 1;
        progress.scannedResources += 1;
        progress.scannedBytes += bytes;
        if (answer.status >= 400) {
          failed += logLine(lineId, answer, wording.failureLines);
          continue;
        }
        progress.importedResources += 1;
        progress.importedBytes += bytes;
        succeeded += logLine(lineId, answer, 'json');
      }
    });
    lines = [];
    await successes.write(succeeded);
    await failures.write(failed);
    // Other requests are answered meanwhile.
    await setImmediate();
  };

  try {
    let lineId: number = wording.firstLineId;
    for await (const text of readLines(await rights.get(input.bucket, key))) {
      if (progress.scannedResources + lines.length === mostLines) {
        await load();
        throw new Error('asked for by a test');
      }
      if (text.trim() !== '') lines.push({ lineId, text });
      lineId += 1;
      if (lines.length === linesPerTransaction) await load();
    }
    await load();
    await successes.end();
    await failures.end();
  } catch (error) {
    successes.abandon();
    failures.abandon();
    throw error;
  }
}
