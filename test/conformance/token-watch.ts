import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { ClientRequest } from 'node:http';
import { tokenHash } from '../../local/mesh/authorization.ts';

/** What opens a mailbox, to judge its tokens by. */
export interface TokenSecrets {
  readonly password: string;
  readonly sharedKey: string;
}

/** One request as it left this process, without the token itself. */
export interface WatchedRequest {
  readonly mailboxId: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** In what its Authorization header departs from the published form, a sentence each. */
  readonly faults: readonly string[];
}

/** Told by Node once a request has its headers and before it is sent. */
const channel = 'http.client.request.created';

const headerForm = /^NHSMESH ([A-Z0-9]+):([^:\s]+):(\d+):(\d{12}):([0-9a-f]{64})$/;
const mostMinutesOff = 2;

/**
 * Looks at the Authorization header of every MESH call that leaves this process, whoever makes it: the form, the time,
 * the hash by a computation that is not the client's own, and that no token is used twice.
 */
export class TokenWatch {
  readonly requests: WatchedRequest[] = [];
  readonly #secrets = new Map<string, TokenSecrets>();
  readonly #seen = new Set<string>();
  readonly #listener = (message: unknown): void => {
    this.#look(message);
  };

  /** @param mailboxId calls of other mailboxes are left alone */
  add(mailboxId: string, secrets: TokenSecrets): void {
    this.#secrets.set(mailboxId, secrets);
  }

  start(): void {
    subscribe(channel, this.#listener);
  }

  stop(): void {
    unsubscribe(channel, this.#listener);
  }

  #look(message: unknown): void {
    const request =
      typeof message === 'object' && message !== null && 'request' in message ? message.request : undefined;
    if (!(request instanceof ClientRequest)) return;
    const { method, path } = request;
    const mailboxId = /^\/messageexchange\/([^/?]+)/.exec(path)?.[1] ?? '';
    const secrets = this.#secrets.get(mailboxId);
    if (!secrets) return;
    this.requests.push({ mailboxId, method, path, faults: this.#faults(request, mailboxId, secrets) });
  }

  #faults(request: ClientRequest, mailboxId: string, { password, sharedKey }: TokenSecrets): string[] {
    const header = request.getHeader('authorization');
    const match = headerForm.exec(typeof header === 'string' ? header : '');
    if (!match) return ['Authorization has another form'];
    const [, named = '', nonce = '', nonceCount = '', timestamp = '', hash = ''] = match;
    const token = `${named}:${nonce}:${nonceCount}`;
    const isUsed = this.#seen.has(token);
    this.#seen.add(token);
    const parts = { mailboxId, nonce, nonceCount, timestamp };
    return [
      ...(named === mailboxId ? [] : ['the token is of another mailbox than the path']),
      ...(isUsed ? ['the token was used before'] : []),
      ...(minutesOff(timestamp) <= mostMinutesOff ? [] : ['the token was made at another time, or not in UTC']),
      ...(hash === tokenHash(parts, password, sharedKey) ? [] : ['the hash is not that of the token']),
    ];
  }
}

function minutesOff(timestamp: string): number {
  const iso = timestamp.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)$/, '$1-$2-$3T$4:$5:00Z');
  return Math.abs(Date.now() - Date.parse(iso)) / 60_000;
}
