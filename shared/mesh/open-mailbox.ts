import { getSecret } from '@aws-lambda-powertools/parameters/secrets';
import { parseJson } from '../json.ts';
import { parseMeshCredentials } from './credentials.ts';
import { Mailbox } from './mailbox.ts';

export interface MeshAccess {
  readonly baseUrl: string;
  readonly mailboxId: string;
  readonly secretName: string;
}

/** Opens our mailbox with what the MESH secret holds; the secret is kept for five minutes, then read again. */
export async function openMailbox({ baseUrl, mailboxId, secretName }: MeshAccess): Promise<Mailbox> {
  const secret = await getSecret(secretName, { maxAge: 300 });
  const credentials = parseMeshCredentials(parseJson(typeof secret === 'string' ? secret : ''), baseUrl);
  return new Mailbox({ baseUrl, mailboxId, credentials });
}
