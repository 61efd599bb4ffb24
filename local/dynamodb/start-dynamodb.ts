import dynalite from 'dynalite';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { SignatureRefused, verifySignature, type Credentials } from '../signature.ts';
import { readBody, serve, type StandIn } from '../stand-in.ts';

export interface DynamoDbOptions {
  /** Keeps the tables from one start to the next; without it they live in memory. */
  readonly directory?: string;
  readonly credentials: Credentials;
  readonly port?: number;
}

/** What dynalite reads of a request, and what its answers say. */
const requestHeaders = ['content-type', 'x-amz-target', 'authorization', 'x-amz-date'];
const answerHeaders = ['content-type', 'x-amz-crc32', 'x-amzn-requestid'];

/**
 * A stand-in for Amazon DynamoDB: dynalite, behind a front that verifies signatures, which dynalite does not.
 * What dynalite does not know (transactions, setting a time to live, streams) it refuses as UnknownOperationException;
 * it takes ReturnValuesOnConditionCheckFailure but gives no item back, and it never expires one.
 */
export async function startDynamoDb({ directory, credentials, port }: DynamoDbOptions): Promise<StandIn> {
  if (directory !== undefined) await mkdir(directory, { recursive: true });
  const database = dynalite({
    ...(directory === undefined ? {} : { path: directory }),
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
  });
  database.listen(0, '127.0.0.1');
  await once(database, 'listening');
  const databaseUrl = urlOf(database);

  try {
    const front = await serve(async (request, response) => {
      const body = await readBody(request);
      try {
        await verifySignature(request, 'dynamodb', credentials, body);
      } catch (error) {
        if (!(error instanceof SignatureRefused)) throw error;
        refuse(response, error.message);
        return;
      }
      await forward(databaseUrl, request, body, response);
    }, port);
    return {
      url: front.url,
      close: async () => {
        await front.close();
        await close(database);
      },
    };
  } catch (error) {
    await close(database);
    throw error;
  }
}

async function forward(url: string, request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
  const headers = new Headers();
  for (const name of requestHeaders) {
    const value = request.headers[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  const answer = await fetch(url, { method: 'POST', headers, body });
  for (const name of answerHeaders) response.setHeader(name, answer.headers.get(name) ?? '');
  response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
}

function refuse(response: ServerResponse, message: string): void {
  const body = { __type: 'com.amazon.coral.service#InvalidSignatureException', message };
  response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('dynalite did not report its port');
  return `http://127.0.0.1:${address.port}`;
}

function close(database: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    database.close((error) => {
      if (error) reject(error);
      else resolve();
    });
    database.closeAllConnections();
  });
}
