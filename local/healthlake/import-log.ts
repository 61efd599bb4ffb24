import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import type { Answer } from './interactions.ts';

/** How an import job words what it leaves. AWS's documentation and what has been seen of it differ. */
export interface ImportWording {
  /** `manifest.json` in the documentation; with a capital where somebody looked. */
  readonly manifest: 'Manifest.json' | 'manifest.json';
  /** As JSON, or as the documentation prints a line, where not every key is quoted. */
  readonly failureLines: 'as-printed' | 'json';
  /** Of a file's first line. The documentation does not say; the line of its example is 9, in a job of 9 resources. */
  readonly firstLineId: 0 | 1;
}

export const usualWording: ImportWording = { manifest: 'Manifest.json', failureLines: 'json', firstLineId: 1 };

/**
 * One line of a log below `FAILURE/`, as AWS HealthLake's Developer Guide shows it ("Troubleshooting"), or below
 * `SUCCESS/`, of which no example is known: the same is assumed.
 */
export function logLine(lineId: number, { status, body }: Answer, form: ImportWording['failureLines']): string {
  const name = form === 'json' ? '"UpdateResourceResponse"' : 'UpdateResourceResponse';
  return `{"lineId":${lineId},${name}:{"jsonBlob":${JSON.stringify(body)},"statusCode":${status}}}\n`;
}

/** An object that is written as it grows, and does not come to exist where nothing is written to it. */
export class GrowingObject {
  readonly #put: (body: Readable) => Promise<unknown>;
  #body: PassThrough | undefined;
  #written: Promise<unknown> = Promise.resolve();

  /** @param put writes an object to its end */
  constructor(put: (body: Readable) => Promise<unknown>) {
    this.#put = put;
  }

  async write(text: string): Promise<void> {
    if (text === '') return;
    if (!this.#body) {
      this.#body = new PassThrough();
      this.#written = this.#put(this.#body);
      // Its failure is seen by whoever writes on or ends.
      this.#written.catch(() => undefined);
    }
    if (!this.#body.write(text)) await Promise.race([once(this.#body, 'drain'), this.#written]);
  }

  async end(): Promise<void> {
    this.#body?.end();
    await this.#written;
  }

  /** Leaves no object. */
  abandon(): void {
    this.#body?.destroy();
  }
}
