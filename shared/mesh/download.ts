import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { PermanentError, RetryableError } from '../errors.ts';
import type { Answer } from './answer.ts';
import { attemptRepeatedly, type Pause } from './attempts.ts';
import { subjectOf } from './call.ts';
import type { Exchange } from './exchange.ts';
import { type DownloadedMessage, messageHeaders } from './message.ts';

export interface DownloadDeps {
  readonly exchange: Exchange;
  /** Of the message: `/messageexchange/{mailbox}/inbox/{id}`. */
  readonly path: string;
  readonly messageId: string;
  readonly largestBodyBytes: number;
  /** The bytes as they travelled, whatever the headers say about them. */
  readonly asReceived: boolean;
  readonly pause: Pause;
}

/** Source: terraform-aws-mesh-client, which sends no more. */
const mostChunks = 10_000;

/** An answer of which the first piece was read: until then the call may be made again. */
interface Chunk {
  readonly answer: Answer;
  readonly first: Buffer | undefined;
}

/**
 * Makes sure that an answer is about the message that was asked for, and not a page of some gateway on the way: MESH names
 * the message in whatever it says of one.
 *
 * @throws RetryableError MeshUnavailable
 */
export function expectMessage({ status, headers }: Answer, messageId: string, call: string): void {
  const named = headers['mex-messageid'];
  const isMesh = Object.keys(headers).some((name) => name.startsWith('mex-'));
  const isOurs = named === undefined || named.toLowerCase() === messageId.toLowerCase();
  if ((status === 200 || status === 206) && isMesh && isOurs) return;
  throw notThis(messageId, call, 'something else than this message came');
}

/** A body that is not compressed has no end of its own: where its length is not said either, half of it would pass. */
function expectEnd({ headers, isGzip }: Answer, messageId: string, call: string): void {
  if (isGzip || headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return;
  throw notThis(messageId, call, 'a body came that nothing ends but the connection');
}

function notThis(messageId: string, call: string, what: string): RetryableError {
  return new RetryableError(
    'MeshUnavailable',
    `${subjectOf({ name: call, about: messageId })}: ${what}: try again later`,
  );
}

/** One message on its way to us, chunk by chunk. The answer being read has to be closed before another call begins. */
export class Download {
  readonly #deps: DownloadDeps;
  #answer: Answer | undefined;
  #total: number | undefined;
  #isClosed = false;

  constructor(deps: DownloadDeps) {
    this.#deps = deps;
  }

  /** @throws PermanentError MeshMessageGone, MeshMessageUnknown, and whatever a call can end with */
  async open(): Promise<DownloadedMessage> {
    const chunk = await this.#openChunk(1);
    const { headers } = chunk.answer;
    return { headers: messageHeaders(this.#deps.messageId, headers), rawHeaders: headers, body: this.#body(chunk) };
  }

  async close(error?: unknown): Promise<void> {
    this.#isClosed = true;
    await this.#answer?.close(error);
  }

  /** 206 says that another chunk follows. */
  async *#body(firstChunk: Chunk): AsyncGenerator<Uint8Array> {
    const { largestBodyBytes, asReceived } = this.#deps;
    let bytes = 0;
    let chunk: Chunk | undefined = firstChunk;
    for (let number = 1; chunk !== undefined; number += 1) {
      if (!asReceived) this.#checkRange(chunk.answer, number);
      for await (const piece of asReceived ? travelled(chunk) : this.#decoded(chunk)) {
        bytes += piece.length;
        if (bytes > largestBodyBytes) {
          if (asReceived) return;
          throw this.#damaged(`it is longer than ${largestBodyBytes} bytes`);
        }
        yield piece;
      }
      await chunk.answer.close();
      chunk = chunk.answer.status === 206 ? await this.#nextChunk(number + 1) : undefined;
    }
  }

  /** Gzip by chunk; a report or another empty body may say gzip and hold not even that. */
  async *#decoded(chunk: Chunk): AsyncGenerator<Uint8Array> {
    const { answer, first } = chunk;
    const encoding = answer.headers['content-encoding'] ?? '';
    if (first === undefined) return;
    if (!answer.isGzip) {
      if (encoding !== '' && encoding !== 'identity') throw this.#damaged('its encoding is not gzip');
      yield* travelled(chunk);
      return;
    }
    const gunzip = createGunzip();
    const feeding = pipeline(travelled(chunk), gunzip).catch(() => undefined);
    try {
      const pieces: AsyncIterable<Buffer> = gunzip;
      yield* pieces;
    } catch (error) {
      if (error instanceof RetryableError || error instanceof PermanentError) throw error;
      throw this.#damaged('it is not the gzip that its headers say', error);
    } finally {
      gunzip.destroy();
      await feeding;
    }
  }

  /** `mex-chunk-range` is `n:total`, and 206 comes with every chunk but the last; a report counts `1:0`. */
  #checkRange({ status, headers }: Answer, number: number): void {
    const range = headers['mex-chunk-range'];
    if (range === undefined) {
      if (this.#total !== undefined) throw this.#damaged(`chunk ${number} of ${this.#total} does not say which it is`);
      return;
    }
    const match = /^(\d{1,9}):(\d{1,9})$/.exec(range.trim());
    if (!match) throw this.#damaged('its chunk range is not of the form n:total');
    const total = Number(match[2]);
    if (Number(match[1]) !== number) throw this.#damaged(`chunk ${number} calls itself another`);
    if (this.#total !== undefined && total !== this.#total) throw this.#damaged('the number of its chunks changes');
    this.#total = total;
    if ((status === 206) !== number < total) {
      throw this.#damaged(`chunk ${number} of ${total} came with status ${status}`);
    }
  }

  async #nextChunk(number: number): Promise<Chunk | undefined> {
    try {
      if (number > mostChunks) throw this.#damaged(`it goes on after ${mostChunks} chunks`);
      return await this.#openChunk(number);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      // What there is of the evidence is all of it.
      if (this.#deps.asReceived) return undefined;
      if (error.name !== 'MeshMessageUnknown' && error.name !== 'MeshRequestRefused') throw error;
      throw this.#damaged(`MESH announced a chunk ${number} and has none`, error);
    }
  }

  #openChunk(number: number): Promise<Chunk> {
    const { exchange, path, messageId, pause } = this.#deps;
    const name = number === 1 ? 'Download' : 'Download a chunk';
    const chunkPath = number === 1 ? path : `${path}/${number}`;
    return attemptRepeatedly(pause, async () => {
      if (this.#isClosed) throw new Error('The body of a message was read after the download had ended');
      const answer = await exchange.open({ name, method: 'GET', path: chunkPath, about: messageId });
      this.#answer = answer;
      try {
        expectMessage(answer, messageId, name);
        expectEnd(answer, messageId, name);
        return { answer, first: await answer.read() };
      } catch (error) {
        await answer.close(error);
        throw error;
      }
    });
  }

  #damaged(what: string, cause?: unknown): PermanentError {
    return new PermanentError(
      'MeshBodyDamaged',
      `Download: the body of message ${this.#deps.messageId} is damaged: ${what}: keep it as received and ask its sender`,
      { cause },
    );
  }
}

async function* travelled({ answer, first }: Chunk): AsyncGenerator<Buffer> {
  for (let piece = first; piece !== undefined; piece = await answer.read()) yield piece;
}
