import { getSecret } from '@aws-lambda-powertools/parameters/secrets';
import { z } from 'zod';
import { parseJson } from '../json.ts';
import { parseMeshCredentials } from './credentials.ts';
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

/** Opens our mailbox with what the MESH secret holds; the secret is kept for five minutes, then read again. */
export async function openMailbox(settings: MeshSettings): Promise<Mailbox> {
  const { MAILBOX, MESH_BASE_URL, MESH_NETWORK, MESH_SECRET } = settings;
  const secret = await getSecret(MESH_SECRET, { maxAge: 300 });
  const credentials = parseMeshCredentials(parseJson(typeof secret === 'string' ? secret : ''), MESH_BASE_URL);
  return new Mailbox({ baseUrl: MESH_BASE_URL, mailboxId: MAILBOX, credentials, chunkBytes: chunkBytes[MESH_NETWORK] });
}
