import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { constants, createGunzip, createGzip, gunzipSync, gzipSync } from 'node:zlib';
import { type Answer, jsonAnswer, type StoredBody } from './answer.ts';
import type { FaultAtWork } from './faults.ts';

type Pieces = AsyncIterable<Buffer> | Iterable<Buffer>;

/**
 * Writes an answer, its body streamed, and any fault worked into it. A client that goes away ends it without an error.
 *
 * @param count told of the bytes of each piece of the body before it goes out, and with which nothing is left
 */
export async function writeAnswer(
  response: ServerResponse,
  given: Answer,
  fault: FaultAtWork | undefined,
  count: (bytes: number, isLast: boolean) => void,
): Promise<void> {
  const { status, headers, body: found } = distorted(given, fault);
  const body = Buffer.isBuffer(found) || found.decodedBytes > smallBytes ? found : await loaded(found);
  const bytes = Buffer.isBuffer(body) ? body.length : body.bytes;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  // Even an answer without a body can be cut short, by announcing one.
  const isCut = fault?.kind === 'cut-body';
  if (bytes !== undefined) response.setHeader('content-length', isCut && bytes === 0 ? 1 : bytes);
  response.writeHead(status);
  if (fault === undefined && Buffer.isBuffer(body)) {
    count(body.length, true);
    response.end(body);
    return;
  }
  response.flushHeaders();
  let pieces = Buffer.isBuffer(body) ? [body] : storedPieces(body);
  if (isCut) pieces = firstHalf(pieces, bytes);
  if (fault?.kind === 'slow-body') pieces = slowly(pieces, fault.millisecondsPerPiece);
  try {
    await pipeline(counted(pieces, count), response, { end: !isCut });
  } catch (error) {
    if (!response.destroyed) throw error;
  }
  if (isCut) response.destroy();
}

/** An answer that MESH did not mean to give. */
export function faultAnswer(fault: FaultAtWork & { readonly kind: 'status' }): Answer {
  const { status, body, retryAfterSeconds } = fault;
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  switch (body) {
    case 'json': {
      const answer = jsonAnswer(status, { message: 'An internal error occurred.\n\nPlease contact support.' });
      return { ...answer, headers: { ...answer.headers, ...headers } };
    }
    case 'xml':
      return { status, headers: { 'content-type': 'text/xml', ...headers }, body: Buffer.from(soapFault) };
    case 'none':
      return { status, headers, body: Buffer.alloc(0) };
  }
}

const soapFault = `<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/">
  <SOAP-ENV:Body>
    <SOAP-ENV:Fault>
      <faultcode>SOAP-ENV:Server</faultcode>
      <faultstring>Internal error</faultstring>
    </SOAP-ENV:Fault>
  </SOAP-ENV:Body>
</SOAP-ENV:Envelope>
`;

/** Up to here a body is sent in one go. */
const smallBytes = 1 << 20;

async function loaded({ file, coding }: StoredBody): Promise<Buffer> {
  const stored = await readFile(file);
  if (coding === 'as stored') return stored;
  return coding === 'gunzip' ? gunzipSync(stored) : gzipSync(stored);
}

function storedPieces({ file, coding }: StoredBody): Pieces {
  const stored = createReadStream(file, { highWaterMark: 256 * 1024 });
  if (coding === 'as stored') return stored;
  const coder = coding === 'gunzip' ? createGunzip() : createGzip({ level: constants.Z_BEST_SPEED });
  stored.once('error', (error) => coder.destroy(error)).pipe(coder);
  coder.once('close', () => stored.destroy());
  return coder;
}

function distorted(answer: Answer, fault: FaultAtWork | undefined): Answer {
  if (fault?.kind === 'wrong-chunk-range' && answer.status < 300) {
    const [number = 1, total = 1] = (answer.headers['mex-chunk-range'] ?? '').split(':').map(Number);
    return { ...answer, headers: { ...answer.headers, 'mex-chunk-range': `${number + 1}:${total + 2}` } };
  }
  if (fault?.kind === 'corrupt-gzip' && answer.status < 300) {
    // A right beginning, so that only reading on finds it out.
    const damaged = gzipSync('a body that was damaged on its way').fill(0xff, 10);
    return { ...answer, headers: { ...answer.headers, 'content-encoding': 'gzip' }, body: damaged };
  }
  return answer;
}

/** Half of a body of known size; of any other, half of its first piece. */
async function* firstHalf(pieces: Pieces, bytes: number | undefined): AsyncGenerator<Buffer> {
  let left = bytes === undefined ? undefined : Math.floor(bytes / 2);
  for await (const piece of pieces) {
    const part = piece.subarray(0, left ?? Math.floor(piece.length / 2));
    if (part.length > 0) yield part;
    if (left === undefined || left <= piece.length) return;
    left -= piece.length;
  }
}

async function* slowly(pieces: Pieces, millisecondsPerPiece: number): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    for (let start = 0; start < piece.length; start += 1024) {
      await pause(millisecondsPerPiece);
      yield piece.subarray(start, start + 1024);
    }
  }
}

/** Holds each piece until the next one is there, to know the last. */
async function* counted(pieces: Pieces, count: (bytes: number, isLast: boolean) => void): AsyncGenerator<Buffer> {
  let held: Buffer | undefined;
  for await (const piece of pieces) {
    if (held) {
      count(held.length, false);
      yield held;
    }
    held = piece;
  }
  count(held?.length ?? 0, true);
  if (held) yield held;
}
