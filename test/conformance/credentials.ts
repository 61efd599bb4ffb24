import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../shared/json.ts';
import { UsageError } from '../../shared/command-line.ts';
import type { MailboxAccess, Mailboxes } from './environment.ts';
import type { Options } from './options.ts';

/** Everything that opens the mailboxes, files read. */
export interface Access {
  readonly sharedKey: string;
  readonly mailboxes: Mailboxes;
  readonly caBundle?: string | undefined;
}

const mailboxId = z.string().regex(/^[A-Z0-9]{1,20}$/, 'capitals and digits');
const access = z.strictObject({
  mailboxId,
  password: z.string().min(1).optional(),
  clientCertificate: z.string().optional(),
  clientKey: z.string().optional(),
});
const credentials = z.strictObject({
  sharedKey: z.string().min(1),
  ours: access.extend({ password: z.string().min(1) }),
  other: access,
  dormant: access,
});
type Credentials = z.infer<typeof credentials>;

/** What NHS England's sandbox has been published with, and our stand-in is started with. */
const published: Credentials = {
  sharedKey: 'TestKey',
  ours: { mailboxId: 'X26ABC1', password: 'password' },
  other: { mailboxId: 'X26ABC2', password: 'password' },
  dormant: { mailboxId: 'X26ABC3', password: 'password' },
};

/**
 * Reads what opens the three mailboxes: from a file, or the environment, or for a MESH on this machine the secrets that
 * everybody knows.
 *
 * @throws UsageError naming files and members, never a value
 */
export async function readAccess(
  options: Options & { readonly url: string },
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Access> {
  const found = await readCredentials(options, variables);
  const base = options.credentials === undefined ? '.' : dirname(options.credentials);
  const shared = {
    clientCertificate: await readText('--client-certificate', options.clientCertificate),
    clientKey: await readText('--client-key', options.clientKey),
  };
  const opened = async <Found extends MailboxAccess>(mailbox: Found): Promise<Found> => {
    const own = async (file: string | undefined): Promise<string | undefined> =>
      readText('--credentials', file === undefined ? undefined : resolve(base, file));
    const certificate = await own(mailbox.clientCertificate);
    const key = await own(mailbox.clientKey);
    return certificate === undefined && key === undefined
      ? { ...mailbox, ...shared }
      : { ...mailbox, clientCertificate: certificate, clientKey: key };
  };
  const { ours, other, dormant, sharedKey } = found;
  if (new Set([ours.mailboxId, other.mailboxId, dormant.mailboxId]).size < 3) {
    throw new UsageError('The catalogue needs three mailboxes: ours, other and dormant have to differ');
  }
  return {
    sharedKey,
    mailboxes: { ours: await opened(ours), other: await opened(other), dormant: await opened(dormant) },
    caBundle: await readText('--ca-bundle', options.caBundle),
  };
}

async function readCredentials(
  { credentials: file, url }: Options & { readonly url: string },
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Credentials> {
  if (file !== undefined) {
    return parse(`--credentials ${file}`, parseJson((await readText('--credentials', file)) ?? ''));
  }
  if (variables.MESH_SHARED_KEY !== undefined) {
    const mailbox = (name: string) => ({
      mailboxId: variables[`MESH_${name}_ID`],
      ...(variables[`MESH_${name}_PASSWORD`] === undefined ? {} : { password: variables[`MESH_${name}_PASSWORD`] }),
    });
    const named = { ours: mailbox('OURS'), other: mailbox('OTHER'), dormant: mailbox('DORMANT') };
    return parse('The variables MESH_…', { sharedKey: variables.MESH_SHARED_KEY, ...named });
  }
  if (isThisMachine(url)) return published;
  throw new UsageError('--credentials FILE is needed, or the variables MESH_SHARED_KEY and so on');
}

function parse(where: string, value: unknown): Credentials {
  const parsed = credentials.safeParse(value);
  if (parsed.success) return parsed.data;
  const members = parsed.error.issues.map(({ path }) => path.join('.') || 'the whole').join(', ');
  throw new UsageError(`${where}: not as --help says: ${members}`);
}

export function isThisMachine(url: string): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);
}

async function readText(option: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
    throw new UsageError(`${option} ${file}: cannot be read (${code})`);
  }
}
