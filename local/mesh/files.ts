import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../../shared/command-line.ts';
import { makeCertificates } from './certificates.ts';
import { type Fault, parseFault } from './faults.ts';
import { type Mailbox, Mailboxes, parseMailbox } from './mailboxes.ts';
import type { TlsFiles } from './options.ts';
import type { Tls } from './secure-server.ts';

/** Those of NHS England's sandbox, one of a practice and the national service's. */
const usualMailboxes: readonly Mailbox[] = [
  { mailboxId: 'X26ABC1', mailboxName: 'TESTMB1', odsCode: 'X26', orgCode: 'X26', password: 'password' },
  { mailboxId: 'X26ABC2', mailboxName: 'TESTMB2', odsCode: 'X26', orgCode: 'X26', password: 'password' },
  { mailboxId: 'X26ABC3', mailboxName: 'TESTMB3', odsCode: 'X27', orgCode: 'X27', password: 'password' },
  { mailboxId: 'RZZ99OT001', mailboxName: 'OURS', odsCode: 'RZZ99', orgCode: 'RZZ99', password: 'password' },
  { mailboxId: 'X26OT154', mailboxName: 'NDOP', odsCode: 'X26', orgCode: 'X26', password: 'password' },
];

/** @throws UsageError naming the file and the line */
export async function readMailboxes(file: string | undefined): Promise<readonly Mailbox[]> {
  if (file === undefined) return usualMailboxes;
  const mailboxes = await readLines('--mailboxes', file, parseMailbox);
  if (mailboxes.length === 0) throw new UsageError(`--mailboxes ${file}: names no mailbox`);
  try {
    return new Mailboxes(mailboxes).all();
  } catch (error) {
    throw new UsageError(`--mailboxes ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** @throws UsageError naming the file and the line */
export async function readFaults(file: string | undefined): Promise<readonly Fault[]> {
  if (file === undefined) return [];
  return readLines('--faults', file, (line) => parseFault(JSON.parse(line)));
}

/**
 * What to serve HTTPS with. In a directory of its own it is made where nothing is there yet, the client's certificate
 * for the first mailbox.
 *
 * @throws UsageError naming the file that cannot be read, or the options whose files do not fit
 */
export async function readTls(files: TlsFiles, mailboxes: readonly Mailbox[]): Promise<Tls> {
  const tls = await readOrMakeTls(files, mailboxes);
  if (!isUsable(tls)) {
    const options = 'directory' in files ? `--tls-dir ${files.directory}` : '--tls-cert, --tls-key and --tls-ca';
    throw new UsageError(`${options}: no certificates and key that fit each other`);
  }
  return tls;
}

function isUsable({ certificate, key, clientCa }: Tls): boolean {
  try {
    return new X509Certificate(clientCa).ca && new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

async function readOrMakeTls(files: TlsFiles, [client]: readonly Mailbox[]): Promise<Tls> {
  if (!('directory' in files)) {
    return {
      certificate: await readText('--tls-cert', files.certificate),
      key: await readText('--tls-key', files.key),
      clientCa: await readText('--tls-ca', files.clientCa),
    };
  }
  const at = (name: string): string => join(files.directory, name);
  const kept = await readFile(at('ca.pem'), 'utf8').catch(() => undefined);
  if (kept !== undefined) {
    return {
      certificate: await readText('--tls-dir', at('server.pem')),
      key: await readText('--tls-dir', at('server.key')),
      clientCa: kept,
    };
  }
  const { mailboxId = 'X26ABC1', odsCode = mailboxId } = client ?? {};
  const made = await makeCertificates({ commonName: `${mailboxId}.${odsCode}.api.mesh-client.nhs.uk` });
  try {
    await mkdir(files.directory, { recursive: true });
    await writeFile(at('server.pem'), made.server.certificate);
    await writeFile(at('server.key'), made.server.key, { mode: 0o600 });
    await writeFile(at('client.pem'), made.client.certificate);
    await writeFile(at('client.key'), made.client.key, { mode: 0o600 });
    // Last, since it says that the others are there.
    await writeFile(at('ca.pem'), made.caBundle);
  } catch (error) {
    throw new UsageError(`--tls-dir ${files.directory}: cannot be written (${codeOf(error)})`);
  }
  return { ...made.server, clientCa: made.caBundle };
}

async function readLines<Item>(option: string, file: string, parse: (line: string) => Item): Promise<Item[]> {
  const lines = (await readText(option, file)).split(/\r?\n/);
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      return [parse(line)];
    } catch (error) {
      throw new UsageError(`${option} ${file}: line ${index + 1}: ${whatIsWrong(error)}`);
    }
  });
}

/** A line of JSON may hold a password: of a syntax error only that it is one is told. */
function whatIsWrong(error: unknown): string {
  if (!(error instanceof z.ZodError)) return 'not a JSON object';
  return error.issues
    .map(({ path, message }) => [path.join('.'), message].filter((part) => part !== '').join(': '))
    .join('; ');
}

async function readText(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${option} ${file}: cannot be read (${codeOf(error)})`);
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}
