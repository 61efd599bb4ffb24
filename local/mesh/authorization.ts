import { createHmac } from 'node:crypto';
import type { Mailboxes } from './mailboxes.ts';
import { refusal } from './refusal.ts';

/** What an Authorization token is made from; `timestamp` is `yyyyMMddHHmm` in UTC. */
export interface TokenParts {
  readonly mailboxId: string;
  readonly nonce: string;
  readonly nonceCount: string;
  readonly timestamp: string;
}

/**
 * The hash in the fifth place of the header: lower-case hex of HMAC-SHA256. The password is the fourth field of what
 * is hashed, whereas the header itself has the timestamp there and no password.
 */
export function tokenHash(parts: TokenParts, password: string, sharedKey: string): string {
  const { mailboxId, nonce, nonceCount, timestamp } = parts;
  return createHmac('sha256', sharedKey)
    .update([mailboxId, nonce, nonceCount, password, timestamp].join(':'))
    .digest('hex');
}

const headerForm = /^NHSMESH ([^\s:]+):([^\s:]+):(\d+):(\d{12}):(\S+)$/;

/** Checks the Authorization header of each call, and that no token is used twice. */
export class TokenCheck {
  readonly #mailboxes: Mailboxes;
  readonly #sharedKey: string;
  readonly #toleranceMs: number;
  /** Nonce and count of each token seen, with the time from which the timestamp check alone would refuse it. */
  readonly #seen = new Map<string, number>();

  /** @param toleranceMs how far a timestamp may lie from the present, either way */
  constructor(mailboxes: Mailboxes, sharedKey: string, toleranceMs: number) {
    this.#mailboxes = mailboxes;
    this.#sharedKey = sharedKey;
    this.#toleranceMs = toleranceMs;
  }

  /** @throws MeshRefusal with status 403 */
  verify(mailboxId: string, header: string | undefined): void {
    const match = headerForm.exec(header ?? '');
    if (!match) throw refusal('unreadableToken');
    const [, tokenMailbox = '', nonce = '', nonceCount = '', timestamp = '', hash = ''] = match;
    if (tokenMailbox !== mailboxId) throw refusal('otherMailbox');
    const mailbox = this.#mailboxes.get(mailboxId);
    if (!mailbox) throw refusal('unknownMailbox');
    const expected = tokenHash({ mailboxId, nonce, nonceCount, timestamp }, mailbox.password, this.#sharedKey);
    // The case of the hash does not matter: so it is in NHS England's sandbox, though its clients send lower case.
    if (hash.toLowerCase() !== expected) throw refusal('wrongToken');

    const now = Date.now();
    const stamped = minutesUtc(timestamp);
    if (!(Math.abs(now - stamped) <= this.#toleranceMs)) throw refusal('staleToken');
    this.#forgetExpired(now);
    const token = `${mailboxId}:${nonce}:${nonceCount}`;
    if (this.#seen.has(token)) throw refusal('duplicateToken');
    this.#seen.set(token, now + 2 * this.#toleranceMs);
    if (this.#mailboxes.isDisabled(mailboxId)) throw refusal('inactiveMailbox');
  }

  #forgetExpired(now: number): void {
    for (const [token, expiresAt] of this.#seen) {
      if (expiresAt > now) return;
      this.#seen.delete(token);
    }
  }
}

/** `yyyyMMddHHmm` as epoch milliseconds; NaN where it names no moment. */
function minutesUtc(timestamp: string): number {
  const [, year, month, day, hour, minute] = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})$/.exec(timestamp) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
}
