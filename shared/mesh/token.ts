import { createHmac } from 'node:crypto';

export interface TokenParts {
  readonly mailboxId: string;
  readonly password: string;
  /** The environment's shared key, the HMAC key. */
  readonly sharedKey: string;
  /** Used once, with its count: the same pair again is refused as a duplicated token. */
  readonly nonce: string;
  readonly nonceCount: number;
  readonly at: Date;
}

/**
 * The Authorization header of one MESH API call. The signed text has the password where the header has the time.
 * Source: NHS England MESH API, "Authorization header"; github.com/NHSDigital/mesh-client `generate_token`.
 */
export function authorizationHeader({ mailboxId, password, sharedKey, nonce, nonceCount, at }: TokenParts): string {
  const timestamp = at.toISOString().slice(0, 16).replace(/[-:T]/g, '');
  const hash = createHmac('sha256', sharedKey)
    .update([mailboxId, nonce, nonceCount, password, timestamp].join(':'))
    .digest('hex');
  return `NHSMESH ${[mailboxId, nonce, nonceCount, timestamp, hash].join(':')}`;
}
