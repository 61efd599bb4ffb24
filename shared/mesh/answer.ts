import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { RetryableError } from '../errors.ts';
import { type Call, type MeshCall, subjectOf } from './call.ts';
import { connectionFailure } from './failures.ts';
import type { Measure } from './measure.ts';
import type { Patience } from './patience.ts';

interface AnswerParts {
  readonly call: Call;
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  readonly patience: Patience;
  readonly measure: Measure | undefined;
  readonly onClosed: (what: Partial<MeshCall>) => void;
}

/** A page of the inbox with as many ids as MESH ever lists is a tenth of this. */
const largestTextBytes = 8 << 20;

/** What MESH answered to one call. Its body is read piece by piece, as it travels; it holds the connection until closed. */
export class Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly #parts: AnswerParts;
  readonly #pieces: AsyncIterator<Buffer>;
  #isClosed = false;

  constructor(parts: AnswerParts) {
    const { response } = parts;
    this.#parts = parts;
    this.status = response.statusCode ?? 0;
    this.headers = textHeaders(response);
    // An answer that breaks off while nobody reads it is no reason to end the process.
    response.on('error', () => undefined);
    const pieces: AsyncIterable<Buffer> = response.iterator({ destroyOnReturn: false });
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  get isGzip(): boolean {
    return this.headers['content-encoding']?.toLowerCase() === 'gzip';
  }

  /**
   * The next piece of the body, or undefined at its end.
   *
   * @throws RetryableError MeshConnectionLost where the body breaks off, MeshTimedOut where it stops coming
   */
  async read(): Promise<Buffer | undefined> {
    const { call, response, patience, measure } = this.#parts;
    try {
      const next = await patience.during(this.#pieces.next(), (error) => response.destroy(error));
      if (next.done === true) return undefined;
      measure?.add(next.value);
      return next.value;
    } catch (error) {
      throw connectionFailure(error, call, true);
    }
  }

  /**
   * The whole body as text, decompressed.
   *
   * @throws RetryableError MeshUnavailable where it is longer than any that MESH means, or damaged
   */
  async text(limitBytes = largestTextBytes): Promise<string> {
    const name = subjectOf(this.#parts.call);
    const pieces: Buffer[] = [];
    let bytes = 0;
    for (let piece = await this.read(); piece !== undefined; piece = await this.read()) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > limitBytes)
        throw new RetryableError('MeshUnavailable', `${name}: MESH answered without end: try again`);
    }
    const body = Buffer.concat(pieces);
    if (!this.isGzip || bytes === 0) return body.toString('utf8');
    try {
      return gunzipSync(body, { maxOutputLength: limitBytes }).toString('utf8');
    } catch (cause) {
      const failure = `${name}: MESH answered with what it calls gzip and is none: try again`;
      throw new RetryableError('MeshUnavailable', failure, { cause });
    }
  }

  /** Gives the connection back, or ends it where the body was not read to its end. Once is enough. */
  async close(error?: unknown): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { request, response, measure, onClosed } = this.#parts;
    if (response.complete && request.writableEnded) {
      // All of it has come: what was not read is thrown away. It would not flow while the iterator still listens.
      await this.#pieces.return?.();
      response.resume();
    } else {
      const isOver = response.closed ? undefined : once(response, 'close');
      response.destroy();
      request.destroy();
      await isOver;
    }
    onClosed({
      status: this.status,
      responseHeaders: this.headers,
      ...(measure ? { responseBody: measure.result() } : {}),
      ...(error instanceof Error ? { error: error.name } : {}),
    });
  }
}

function textHeaders(response: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value = '']) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
}
