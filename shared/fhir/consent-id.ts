import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { PermanentError } from '../errors.ts';
import { formatNhsNumber } from '../ndop/nhs-number.ts';
import { shapedAsUuid } from './uuid.ts';

/**
 * The logical id of a person's Consent: the first 16 bytes of HMAC-SHA-256 over the NHS number, shaped as a UUID of
 * version 8. The same person has the same id in every run, and nobody without the key can find it: a plain hash of a
 * ten-digit number is undone in minutes.
 *
 * @param key 32 random bytes, one per environment, never rotated in place
 */
export function consentIdOf(nhsNumber: number, key: KeyObject): string {
  const hex = createHmac('sha256', key)
    .update(`ndop-consent:v1:${formatNhsNumber(nhsNumber)}`)
    .digest('hex');
  return shapedAsUuid(hex, 8);
}

/** Tells one key from another, and nothing of either. */
export function idKeyMarkOf(key: KeyObject): string {
  return createHmac('sha256', key).update('ndop-consent:key-mark').digest('hex').slice(0, 16);
}

/** @throws PermanentError ConfigurationInvalid where the secret is not 32 bytes in hexadecimal */
export function parseIdKey(secret: string): KeyObject {
  if (!/^[0-9a-f]{64}$/i.test(secret.trim())) {
    throw new PermanentError(
      'ConfigurationInvalid',
      'The id key secret must be 32 random bytes as 64 hexadecimal digits',
    );
  }
  return createSecretKey(secret.trim(), 'hex');
}
