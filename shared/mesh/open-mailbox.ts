import { getSecret } from '@aws-lambda-powertools/parameters/secrets';
import { z } from 'zod';
import { parseJson } from '../json.ts';
import { clientCertificateDaysLeft, parseMeshCredentials } from './credentials.ts';
import { Mailbox } from './mailbox.ts';
import { chunkBytes } from './outgoing-chunks.ts';

/** Settings of every function that uses the mailbox. */
export const meshSettings = {
  MAILBOX: z.string(),
  MESH_BASE_URL: z.url(),
  MESH_NETWORK: z.enum(['internet', 'hscn']),
  MESH_SECRET: z.string(),
} as const;

export type MeshSettings = z.infer<z.ZodObject<typeof meshSettings>>;

let opened: { readonly from: string; readonly mailbox: Mailbox } | undefined;

/**
 * Opens our mailbox with what the MESH secret holds; the secret is kept for five minutes, then read again. While nothing
 * changes it is the same mailbox, with the connection that it keeps.
 *
 * @throws PermanentError ConfigurationInvalid
 */
export async function openMailbox(settings: MeshSettings): Promise<Mailbox> {
  const { MAILBOX, MESH_BASE_URL, MESH_NETWORK, MESH_SECRET } = settings;
  const text = await readSecret(MESH_SECRET);
  const from = JSON.stringify([MAILBOX, MESH_BASE_URL, MESH_NETWORK, text]);
  if (opened?.from !== from) {
    const credentials = parseMeshCredentials(parseJson(text), MESH_BASE_URL);
    const options = { baseUrl: MESH_BASE_URL, mailboxId: MAILBOX, credentials, chunkBytes: chunkBytes[MESH_NETWORK] };
    opened = { from, mailbox: new Mailbox(options) };
  }
  return opened.mailbox;
}

/**
 * Whole days until the certificate in the MESH secret runs out; undefined where it holds none.
 *
 * @throws PermanentError ConfigurationInvalid
 */
export async function certificateDaysLeft({ MESH_BASE_URL, MESH_SECRET }: MeshSettings): Promise<number | undefined> {
  const credentials = parseMeshCredentials(parseJson(await readSecret(MESH_SECRET)), MESH_BASE_URL);
  return clientCertificateDaysLeft(credentials, new Date());
}

async function readSecret(id: string): Promise<string> {
  const secret = await getSecret(id, { maxAge: 300 });
  return typeof secret === 'string' ? secret : '';
}
