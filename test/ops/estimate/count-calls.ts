/**
 * Loaded before `local/main.ts`: counts what its stand-ins are asked for, and writes that to the file CALLS_FILE as the
 * process ends.
 */
import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { isMainThread } from 'node:worker_threads';

export interface Calls {
  ledgerReads: number;
  ledgerLists: number;
  ledgerWrites: number;
  filePuts: number;
  fileGets: number;
  bundles: number;
}

const calls: Calls = { ledgerReads: 0, ledgerLists: 0, ledgerWrites: 0, filePuts: 0, fileGets: 0, bundles: 0 };

function kindOf({ method, url = '', headers }: IncomingMessage): keyof Calls | undefined {
  const action = /^DynamoDB_\d+\.(.*)$/.exec(String(headers['x-amz-target']))?.[1];
  if (action !== undefined) {
    // The stand-in's front passes each on to the database behind it, without this header.
    if (headers['amz-sdk-request'] === undefined) return undefined;
    if (/^(Put|Update|Delete)Item$/.test(action)) return 'ledgerWrites';
    return action === 'GetItem' ? 'ledgerReads' : action === 'Query' ? 'ledgerLists' : undefined;
  }
  if (/^\/datastore\/[^/]+\/r4\/$/.test(url)) return 'bundles';
  // The files of runs: what HealthLake itself writes and reads is not the steps' own.
  if (!/^\/[^/]+\/(runs|inbox|snapshots|exports|imports)\//.test(url) || url.includes('write_access_check'))
    return undefined;
  const isHealthLakes = method === 'PUT' ? /\/(exports\/|imports\/.*\/output\/)/.test(url) : url.includes('/input/');
  if (isHealthLakes) return undefined;
  return method === 'PUT' ? 'filePuts' : method === 'GET' ? 'fileGets' : undefined;
}

const file = process.env.CALLS_FILE;
if (isMainThread && file !== undefined) {
  subscribe('http.server.request.start', (message) => {
    const kind = kindOf((message as { request: IncomingMessage }).request);
    if (kind) calls[kind] += 1;
  });
  process.on('exit', () => {
    writeFileSync(file, JSON.stringify(calls));
  });
}
