import { createHmac } from 'node:crypto';
import { PermanentError } from '../errors.ts';
import { formatNhsNumber } from '../ndop/nhs-number.ts';

/**
 * The logical id of a person's Consent: the first 16 bytes of HMAC-SHA-256 over the NHS number, shaped as a UUID of
 * version 8. The same person has the same id in every run, and nobody without the key can find it: a plain hash of a
 * ten-digit number is undone in minutes.
 *
 * @param key 32 random bytes, one per environment, never rotated in place
 */
export function consentIdOf(nhsNumber: number, key: Uint8Array): string {
  const bytes = createHmac('sha256', key)
    .update(`ndop-consent:v1:${formatNhsNumber(nhsNumber)}`)
    .digest()
    .subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** @throws PermanentError ConfigurationInvalid where the secret is not 32 bytes in hexadecimal */
export function parseIdKey(secret: string): Uint8Array {
  if (!/^[0-9a-f]{64}$/i.test(secret.trim())) {
    throw new PermanentError(
      'ConfigurationInvalid',
      'The id key secret must be 32 random bytes as 64 hexadecimal digits',
    );
  }
  return Buffer.from(secret.trim(), 'hex');
}
