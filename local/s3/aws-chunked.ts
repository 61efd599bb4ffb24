import { S3Error } from './s3-error.ts';

/** Longer than any chunk size or checksum line, short enough that a body without line ends is refused at once. */
const longestLine = 1024;

/**
 * Takes the `aws-chunked` framing off a body, passing data on as it arrives, and collects the trailers behind it.
 * Source: "Signature calculations for trailing headers", Amazon S3 API Reference (chunks without signatures).
 *
 * @param trailers receives the trailing headers, by lower-case name
 * @throws S3Error IncompleteBody, MalformedTrailerError
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Buffer>,
  trailers: Map<string, string>,
): AsyncGenerator<Buffer> {
  const reader = new ByteReader(source);
  for (;;) {
    const size = chunkSize(await reader.line());
    if (size === 0) break;
    for (let left = size; left > 0;) {
      const piece = await reader.atMost(left);
      left -= piece.length;
      yield piece;
    }
    if ((await reader.line()) !== '') throw new S3Error('IncompleteBody', 'A chunk is longer than its stated size');
  }
  for (let line = await reader.line(); line !== ''; line = await reader.line()) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new S3Error('MalformedTrailerError', 'A trailing header has no name');
    trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
}

function chunkSize(line: string): number {
  if (/^[0-9a-f]{1,12}$/i.test(line)) return Number.parseInt(line, 16);
  throw new S3Error('IncompleteBody', 'A chunk does not begin with its size');
}

class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #buffered: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next bytes, at least one and at most `limit`. */
  async atMost(limit: number): Promise<Buffer> {
    if (this.#buffered.length === 0) this.#buffered = await this.#more();
    const piece = this.#buffered.subarray(0, limit);
    this.#buffered = this.#buffered.subarray(piece.length);
    return piece;
  }

  /** The bytes up to the next CR LF, as text without it. */
  async line(): Promise<string> {
    let end = this.#buffered.indexOf('\r\n');
    while (end < 0) {
      if (this.#buffered.length > longestLine) throw new S3Error('IncompleteBody', 'A line in the body has no end');
      this.#buffered = Buffer.concat([this.#buffered, await this.#more()]);
      end = this.#buffered.indexOf('\r\n');
    }
    const line = this.#buffered.toString('latin1', 0, end);
    this.#buffered = this.#buffered.subarray(end + 2);
    return line;
  }

  async #more(): Promise<Buffer> {
    const next = await this.#source.next();
    if (next.done) throw new S3Error('IncompleteBody', 'The body ends before its last chunk');
    return next.value;
  }
}
