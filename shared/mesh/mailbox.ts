import { randomUUID } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { MessageHeaders } from '../ndop/reply.ts';
import type { RequestControl } from '../ndop/request.ts';
import { PermanentError, RetryableError } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { MeshCredentials } from './credentials.ts';
import { connectionFailure, mayHaveArrived, refusal } from './failures.ts';
import { authorizationHeader } from './token.ts';

export interface MailboxOptions {
  readonly baseUrl: string;
  readonly mailboxId: string;
  readonly credentials: MeshCredentials;
  /** How long one call may stay without a sign of life. */
  readonly timeoutMilliseconds?: number;
  readonly now?: () => Date;
  readonly nonce?: () => string;
}

/** MESH took the message, or nobody can tell: it must then not be sent again blindly. */
export type SendOutcome =
  | { readonly outcome: 'accepted'; readonly messageId: string }
  | { readonly outcome: 'unknown'; readonly reason: string };

export interface DownloadedMessage {
  readonly headers: MessageHeaders;
  /** All headers as MESH gave them, for the record. */
  readonly rawHeaders: Readonly<Record<string, string>>;
  /** The body with chunks joined and compression undone. */
  readonly body: AsyncIterable<Uint8Array>;
}

interface Call {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Below the mailbox, starting with a slash, or empty. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

interface Chunk {
  readonly response: IncomingMessage;
  readonly bytes: Buffer;
}

const acceptVersion2 = 'application/vnd.mesh.v2+json';
const sent = z.looseObject({ message_id: z.string().min(1) });
const inboxPage = z.looseObject({
  messages: z.array(z.string()),
  links: z.looseObject({ next: z.string().optional() }).optional(),
});

/**
 * One MESH mailbox over the MESH API, version 2. Calls follow one another: the compliance catalogue (801) allows one
 * thread per mailbox. Every call carries a token of its own, since MESH refuses one that it has seen.
 */
export class Mailbox {
  readonly #options: Required<MailboxOptions>;
  #previous: Promise<unknown> = Promise.resolve();

  constructor(options: MailboxOptions) {
    this.#options = { timeoutMilliseconds: 60_000, now: () => new Date(), nonce: randomUUID, ...options };
  }

  /** Proves reach and credentials and marks the mailbox as in use: about once a day, not before each call. */
  async handshake(): Promise<void> {
    await this.#callForText({
      name: 'Handshake',
      method: 'POST',
      path: '',
      headers: { 'mex-clientversion': 'ndop-consent-pipeline==1', 'mex-osname': 'Linux', 'mex-osversion': 'N/A' },
    });
  }

  /** Sends a message, gzipped. An unknown outcome is a result, not an error, so that no retry repeats it. */
  async send(control: RequestControl, body: Buffer): Promise<SendOutcome> {
    const call: Call = {
      name: 'Send',
      method: 'POST',
      path: '/outbox',
      headers: {
        'content-type': 'application/octet-stream',
        'content-encoding': 'gzip',
        'mex-from': control.from,
        'mex-to': control.to,
        'mex-workflowid': control.workflowId,
        'mex-subject': control.subject,
        'mex-localid': control.localId,
        'mex-filename': control.fileName,
        'mex-chunk-range': '1:1',
        'mex-content-compressed': 'Y',
      },
      body: gzipSync(body),
    };
    try {
      const parsed = sent.safeParse(parseJson(await this.#callForText(call)));
      if (parsed.success) return { outcome: 'accepted', messageId: parsed.data.message_id };
      return { outcome: 'unknown', reason: 'MESH accepted the message and gave no message id' };
    } catch (error) {
      if (mayHaveArrived(error) && error instanceof Error) return { outcome: 'unknown', reason: error.message };
      throw error;
    }
  }

  /** The ids of every message that waits, page after page; `links.next` is a path without a host. */
  async *listInbox(): AsyncGenerator<string> {
    let path: string | undefined = '/inbox';
    while (path !== undefined) {
      const text = await this.#callForText({ name: 'List the inbox', method: 'GET', path });
      const page = inboxPage.safeParse(parseJson(text));
      if (!page.success) throw new RetryableError('MeshUnavailable', 'List the inbox: MESH answered with no list');
      yield* page.data.messages;
      const next = page.data.links?.next;
      path = next === undefined ? undefined : this.#belowMailbox(next);
    }
  }

  /** @throws PermanentError MeshMessageGone where the message was acknowledged before or has expired */
  async download(messageId: string): Promise<DownloadedMessage> {
    const path = `/inbox/${encodeURIComponent(messageId)}`;
    const first = await this.#downloadChunk(path);
    const rawHeaders = textHeaders(first.response);
    return { headers: messageHeaders(messageId, rawHeaders), rawHeaders, body: this.#readChunks(path, first) };
  }

  /** Removes a message from the inbox for good; a repeat is harmless. */
  async acknowledge(messageId: string): Promise<void> {
    const path = `/inbox/${encodeURIComponent(messageId)}/status/acknowledged`;
    try {
      await this.#callForText({ name: 'Acknowledge', method: 'PUT', path });
    } catch (error) {
      if (!(error instanceof PermanentError && error.name === 'MeshMessageGone')) throw error;
    }
  }

  /** Each chunk is a gzip stream of its own; 206 says that another follows. */
  async *#readChunks(path: string, first: Chunk): AsyncGenerator<Uint8Array> {
    let chunk = first;
    for (let next = 2; ; next += 1) {
      yield chunk.bytes;
      if (chunk.response.statusCode !== 206) return;
      chunk = await this.#downloadChunk(`${path}/${String(next)}`);
    }
  }

  /** Reads a chunk to its end before another call may begin. */
  #downloadChunk(path: string): Promise<Chunk> {
    return this.#serial(async () => {
      const response = await this.#exchange({ name: 'Download', method: 'GET', path });
      return { response, bytes: await readChunk(response) };
    });
  }

  #belowMailbox(next: string): string {
    const { pathname, search } = new URL(next, this.#options.baseUrl);
    const prefix = `/messageexchange/${this.#options.mailboxId}`;
    if (!pathname.startsWith(`${prefix}/`)) {
      throw new PermanentError('MeshRequestRefused', 'List the inbox: MESH named a next page outside our mailbox');
    }
    return pathname.slice(prefix.length) + search;
  }

  #callForText(call: Call): Promise<string> {
    return this.#serial(async () => readText(await this.#exchange(call)));
  }

  /** Queues behind the call before, whether that one succeeded or not. */
  #serial<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#previous.then(run, run);
    this.#previous = result.catch(() => undefined);
    return result;
  }

  async #exchange({ name, method, path, headers, body }: Call): Promise<IncomingMessage> {
    const { baseUrl, mailboxId, credentials, timeoutMilliseconds, now, nonce } = this.#options;
    const url = new URL(`/messageexchange/${mailboxId}${path}`, baseUrl);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = open(
        url,
        {
          method,
          headers: {
            accept: acceptVersion2,
            'accept-encoding': 'gzip',
            'user-agent': 'ndop-consent-pipeline;1',
            authorization: authorizationHeader({ ...credentials, mailboxId, nonce: nonce(), nonceCount: 0, at: now() }),
            'content-length': String(body?.length ?? 0),
            ...headers,
          },
          timeout: timeoutMilliseconds,
          // A kept connection may be closing just then, and a message lost with it would have an unknown outcome.
          ...(method === 'POST' ? { agent: false } : {}),
          minVersion: 'TLSv1.2',
          ...(credentials.clientCertificate ? { cert: credentials.clientCertificate } : {}),
          ...(credentials.clientKey ? { key: credentials.clientKey } : {}),
          ...(credentials.caBundle ? { ca: credentials.caBundle } : {}),
        },
        resolve,
      );
      request.once('timeout', () => request.destroy(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })));
      request.once('error', (error) => {
        reject(connectionFailure(error, name));
      });
      request.end(body);
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw refusal(status, await readText(response), name);
  }
}

function textHeaders(response: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

function messageHeaders(messageId: string, headers: Readonly<Record<string, string>>): MessageHeaders {
  return {
    messageId,
    messageType: headers['mex-messagetype'] ?? '',
    from: headers['mex-from'],
    workflowId: headers['mex-workflowid'],
    localId: headers['mex-localid'],
    subject: headers['mex-subject'],
    linkedMessageId: headers['mex-linkedmsgid'],
    statusCode: headers['mex-statuscode'],
    statusDescription: headers['mex-statusdescription'],
  };
}

async function readBytes(response: IncomingMessage): Promise<Buffer> {
  const source: AsyncIterable<Buffer> = response;
  const pieces: Buffer[] = [];
  try {
    for await (const piece of source) pieces.push(piece);
  } catch (error) {
    throw connectionFailure(error, 'Read the answer');
  }
  return Buffer.concat(pieces);
}

async function readText(response: IncomingMessage): Promise<string> {
  return (await readBytes(response)).toString('utf8');
}

/** A chunk is cut at 100 MB at most before it is compressed. */
const largestChunkBytes = 128 << 20;

async function readChunk(response: IncomingMessage): Promise<Buffer> {
  const bytes = await readBytes(response);
  if (response.headers['content-encoding'] !== 'gzip' || bytes.length === 0) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: largestChunkBytes });
  } catch {
    // Not what its header says, or a bomb. The bytes are kept as they came: nobody will take them for an answer, and the
    // messages behind it are not kept waiting.
    return bytes;
  }
}
