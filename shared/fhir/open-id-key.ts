import { getSecret } from '@aws-lambda-powertools/parameters/secrets';
import type { KeyObject } from 'node:crypto';
import type { IdKeyMark } from '../ledger/id-key-mark.ts';
import { idKeyMarkOf, parseIdKey } from './consent-id.ts';

const maxAgeSeconds = 86_400;

/**
 * The key of the Consent ids, as the secret holds it.
 *
 * @throws PermanentError ConfigurationInvalid where it is none, or another than before
 */
export async function openIdKey(secretArn: string, mark: Pick<IdKeyMark, 'ensure'>): Promise<KeyObject> {
  const secret = await getSecret(secretArn, { maxAge: maxAgeSeconds });
  const key = parseIdKey(typeof secret === 'string' ? secret : '');
  await mark.ensure(idKeyMarkOf(key));
  return key;
}
