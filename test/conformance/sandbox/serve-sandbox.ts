import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { makeCertificates } from '../../../local/mesh/certificates.ts';
import { HttpAdmin, probeKind } from '../admin.ts';
import { eventually } from '../checks.ts';
import type { Environment } from '../environment.ts';
import { credentialsOf } from '../party.ts';
import { atOnce } from '../stand-in.ts';
import type { Children } from './children.ts';

/** Where the sandbox makes mailboxes of directories, each has this password. */
const password = 'password';
const host = '127.0.0.1';

/**
 * Starts NHS England's sandbox on a free port, over HTTPS with client certificates demanded, with full authentication
 * and messages on disk below the directory.
 *
 * @param python that of the virtual environment
 * @param children what it runs among until those are ended
 */
export async function serveSandbox(python: string, directory: string, children: Children): Promise<Environment> {
  const { caBundle, server, client } = await makeCertificates();
  const access = (mailboxId: string) => ({
    ...{ mailboxId, password },
    ...{ clientCertificate: client.certificate, clientKey: client.key },
  });
  const mailboxes = { ours: access('X26HC101'), other: access('X26HC102'), dormant: access('X26HC103') };
  const data = join(directory, 'mailboxes');
  for (const { mailboxId } of Object.values(mailboxes)) await mkdir(join(data, mailboxId, 'in'), { recursive: true });
  const files = {
    certificate: join(directory, 'server.pem'),
    key: join(directory, 'server.key'),
    ca: join(directory, 'ca.pem'),
  };
  await writeFile(files.certificate, server.certificate);
  await writeFile(files.key, server.key, { mode: 0o600 });
  await writeFile(files.ca, caBundle);

  const port = await freePort();
  const baseUrl = `https://${host}:${port}`;
  const sharedKey = randomBytes(12).toString('hex');
  // One worker: each has messages of its own.
  const serving = ['-m', 'uvicorn', 'mesh_sandbox.api:app', '--host', host, '--port', String(port), '--workers', '1'];
  const tls = [
    '--ssl-certfile',
    files.certificate,
    '--ssl-keyfile',
    files.key,
    '--ssl-ca-certs',
    files.ca,
    '--ssl-cert-reqs',
    '2',
  ];
  const child = children.start(python, [...serving, ...tls, '--log-level', 'warning', '--timeout-keep-alive', '60'], {
    cwd: directory,
    env: {
      ...{ PATH: process.env.PATH, ENV: 'local', AUTH_MODE: 'full', SHARED_KEY: sharedKey },
      ...{ STORE_MODE: 'file', MAILBOXES_DATA_DIR: data },
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: string[] = [];
  child.stderr?.on('data', (piece: Buffer) => {
    said.splice(0, said.length - 20);
    said.push(piece.toString('utf8'));
  });

  const credentials = credentialsOf({ sharedKey, caBundle }, mailboxes.ours);
  const isUp = await eventually({ forSeconds: 60, everyMilliseconds: 250 }, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    return (await probeKind(baseUrl, credentials).catch(() => undefined)) === 'sandbox' ? true : undefined;
  });
  if (isUp !== true) {
    throw new Error(`The sandbox did not start: ${said.join('').trim().split('\n').at(-1) ?? ''}`);
  }
  return {
    ...{ kind: 'sandbox', baseUrl, sharedKey, caBundle, mailboxes, workflowId: 'TEST_WORKFLOW' },
    delivery: atOnce,
    admin: new HttpAdmin(baseUrl, credentials, 'sandbox'),
  };
}

/** One that was free a moment ago: uvicorn cannot say which it took. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
