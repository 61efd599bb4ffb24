import dynalite from 'dynalite';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { z } from 'zod';
import { type Authorize, refusalOf } from '../iam/access.ts';
import type { Asked } from '../iam/evaluate.ts';
import { keyUse } from '../iam/kms.ts';
import { SignatureRefused, verifySignature, type Credentials } from '../signature.ts';
import { readBody, serve, type StandIn } from '../stand-in.ts';

export interface DynamoDbOptions {
  /** Keeps the tables from one start to the next; without it they live in memory. */
  readonly directory?: string;
  readonly credentials: Credentials;
  /** Whoever signs may do everything when left out. */
  readonly guard?: DynamoDbGuard;
  readonly port?: number;
}

/** Who may do what with the tables, and the key that encrypts them. */
export interface DynamoDbGuard {
  readonly authorize: Authorize;
  readonly keyArn: string;
  /** Of a table, up to its name. */
  readonly arnPrefix: string;
}

/** What dynalite reads of a request, and what its answers say. */
const requestHeaders = ['content-type', 'x-amz-target', 'authorization', 'x-amz-date'];
const answerHeaders = ['content-type', 'x-amz-crc32', 'x-amzn-requestid'];

/**
 * A stand-in for Amazon DynamoDB: dynalite, behind a front that verifies signatures, which dynalite does not.
 * What dynalite does not know (transactions, setting a time to live, streams) it refuses as UnknownOperationException;
 * it takes ReturnValuesOnConditionCheckFailure but gives no item back, and it never expires one.
 */
export async function startDynamoDb({ directory, credentials, guard, port }: DynamoDbOptions): Promise<StandIn> {
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
        const caller = await verifySignature(request, 'dynamodb', credentials, body);
        const refused = guard?.authorize(caller, ...askedBy(request, body, guard));
        if (refused) {
          refuse(response, 'AccessDeniedException', refusalOf(refused));
          return;
        }
      } catch (error) {
        if (!(error instanceof SignatureRefused)) throw error;
        refuse(response, 'InvalidSignatureException', error.message);
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

const namesTable = z.looseObject({ TableName: z.string() });

/**
 * DynamoDB decrypts the table's key in the name of whoever calls, and keeps it for some minutes; that a caller needs
 * nothing else of the key is assumed. An operation on more than one table names none here, and so is allowed to nobody
 * but the operator. Source: "DynamoDB encryption at rest usage notes", Amazon DynamoDB Developer Guide.
 */
function askedBy(request: IncomingMessage, body: Buffer, { keyArn, arnPrefix }: DynamoDbGuard): Asked[] {
  const operation = String(request.headers['x-amz-target']).replace(/^DynamoDB_20120810\./, '');
  const { data } = namesTable.safeParse(parseJson(body));
  return [
    { action: `dynamodb:${operation}`, resource: `${arnPrefix}${data?.TableName ?? ''}` },
    keyUse(keyArn, 'Decrypt', 'dynamodb'),
  ];
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function refuse(response: ServerResponse, type: string, message: string): void {
  const body = { __type: `com.amazon.coral.service#${type}`, message };
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
