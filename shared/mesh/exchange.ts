import type { ClientRequest, IncomingMessage } from 'node:http';
import { PermanentError } from '../errors.ts';
import { Answer } from './answer.ts';
import type { Call, MeshCall } from './call.ts';
import type { MeshCredentials } from './credentials.ts';
import { connectionFailure, refusal } from './failures.ts';
import { Measure } from './measure.ts';
import { Patience } from './patience.ts';
import { authorizationHeader } from './token.ts';
import type { Transport } from './transport.ts';

export interface ExchangeOptions {
  readonly mailboxId: string;
  readonly credentials: MeshCredentials;
  /** How long MESH may give no sign of life. */
  readonly timeoutMilliseconds: number;
  readonly now: () => Date;
  readonly nonce: () => string;
  readonly onCall: ((call: MeshCall) => void) | undefined;
}

const acceptVersion2 = 'application/vnd.mesh.v2+json';

/** How much of a body is handed to the connection at once. */
const pieceBytes = 256 << 10;

/** An error answer says what it has to say in less. */
const largestRefusalBytes = 64 << 10;

/** One HTTP call to MESH, made once: with a token of its own, watched for silence, and told of when it is over. */
export class Exchange {
  readonly #transport: Transport;
  readonly #options: ExchangeOptions;

  constructor(transport: Transport, options: ExchangeOptions) {
    this.#transport = transport;
    this.#options = options;
  }

  /**
   * Makes a call and returns its answer with the body still to come; it has to be closed.
   *
   * @param onHandedOver told once the request is out as a whole: from then on it may have arrived
   * @throws RetryableError, PermanentError as failures.ts names them
   */
  async open(call: Call, onHandedOver: () => void = () => undefined): Promise<Answer> {
    const answer = await this.#send(call, onHandedOver);
    if (answer.status >= 200 && answer.status < 300) return answer;
    const said = await answer.text(largestRefusalBytes).catch(() => '');
    const failure = refusal(call, answer.status, said, answer.headers['retry-after']);
    await answer.close(failure);
    throw failure;
  }

  /** Makes a call and reads its answer as text, which no documented answer makes long. */
  async text(call: Call, onHandedOver?: () => void): Promise<string> {
    const answer = await this.open(call, onHandedOver);
    try {
      const text = await answer.text();
      await answer.close();
      return text;
    } catch (error) {
      await answer.close(error);
      throw error;
    }
  }

  async #send(call: Call, onHandedOver: () => void): Promise<Answer> {
    const { mailboxId, credentials, timeoutMilliseconds, now, nonce, onCall } = this.#options;
    const { name, method, path, body = new Uint8Array() } = call;
    const startedAt = now();
    const headers: Record<string, string> = {
      accept: acceptVersion2,
      'accept-encoding': 'gzip',
      'user-agent': 'ndop-consent-pipeline;1',
      'content-length': String(body.length),
      ...call.headers,
    };
    const authorization = authorizationHeader({
      ...credentials,
      mailboxId,
      nonce: nonce(),
      nonceCount: 0,
      at: startedAt,
    });
    const request = this.#open(call, { ...headers, authorization });
    const measures = onCall && { sent: new Measure(), received: new Measure() };
    const tell = (outcome: Partial<MeshCall>): void => {
      if (!measures) return;
      const times = { startedAt: startedAt.toISOString(), endedAt: now().toISOString() };
      const requestBody = measures.sent.result();
      onCall({ name, method, path, ...times, requestHeaders: headers, requestBody, ...outcome });
    };
    const patience = new Patience(timeoutMilliseconds);
    const state = { isConnected: false };
    const onConnected = (): void => {
      state.isConnected = true;
    };
    try {
      const watch = { patience, measure: measures?.sent, onConnected, onHandedOver };
      const response = await carryOut(request, body, watch);
      return new Answer({ call, request, response, patience, measure: measures?.received, onClosed: tell });
    } catch (error) {
      const failure = connectionFailure(error, call, state.isConnected);
      tell({ error: failure.name });
      throw failure;
    }
  }

  #open({ name, method, path, needsOwnConnection = false }: Call, headers: Record<string, string>): ClientRequest {
    try {
      return this.#transport.request(path, { method, headers }, needsOwnConnection);
    } catch (cause) {
      const failure = `${name}: a header of the message holds a character that HTTP cannot carry: correct its fields`;
      throw new PermanentError('MeshRequestRefused', failure, { cause });
    }
  }
}

interface Watch {
  readonly patience: Patience;
  readonly measure: Measure | undefined;
  /** Once TLS, where there is any, is agreed. */
  readonly onConnected: () => void;
  readonly onHandedOver: () => void;
}

/** Hands a request over and waits for its answer, which may come before all of the body was wanted. */
async function carryOut(
  request: ClientRequest,
  body: Uint8Array,
  { patience, measure, onConnected, onHandedOver }: Watch,
): Promise<IncomingMessage> {
  const state = { isAnswered: false };
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', (response) => {
      state.isAnswered = true;
      resolve(response);
    });
    request.on('error', reject);
    // An answer that HTTP makes no response of, such as a change of protocol, ends without an error of its own.
    request.once('close', () => {
      reject(Object.assign(new Error('closed without an answer'), { code: 'ECONNRESET' }));
    });
  });
  answered.catch(() => undefined);
  const isConnected = connected(request);
  void isConnected.then(onConnected);
  const giveUp = (error: Error): void => {
    request.destroy(error);
  };
  // Once its last piece is on its way a request may have arrived, whatever Node has heard of it: its own `finish` may come
  // after the answer to the very request.
  const handOver = (): void => {
    void isConnected.then(onHandedOver);
  };
  if (body.length === 0) handOver();
  for (let at = 0; at < body.length; at += pieceBytes) {
    const piece = body.subarray(at, at + pieceBytes);
    measure?.add(piece);
    if (at + pieceBytes >= body.length) handOver();
    if (request.write(piece)) continue;
    const drained = new Promise((resolve) => request.once('drain', resolve));
    await patience.during(Promise.race([drained, answered]), giveUp);
    if (state.isAnswered) return answered;
  }
  request.end();
  return patience.during(answered, giveUp);
}

/** Settles once bytes can go out; never where the connection fails before. */
function connected(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    request.once('socket', (socket) => {
      if (!socket.connecting) resolve();
      else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', resolve);
    });
  });
}
