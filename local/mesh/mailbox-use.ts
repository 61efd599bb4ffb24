import type { IncomingMessage, ServerResponse } from 'node:http';

/** A rule of MESH that a client broke although each of its requests was well formed. */
export interface Violation {
  readonly at: string;
  readonly mailboxId: string;
  readonly rule: 'one call at a time for one mailbox';
  /** Method and path of the call that came too early. */
  readonly call: string;
  /** Method and path of the call that was still being answered. */
  readonly during: string;
}

/** Watches case 801 of the MESH API compliance test: at most one call at a time for one mailbox. */
export class MailboxUse {
  readonly #inUse = new Map<string, string>();
  readonly #violations: Violation[] = [];

  get violations(): readonly Violation[] {
    return this.#violations;
  }

  /**
   * Takes the mailbox until what is returned is called or the response is over; undefined, and a violation, where it is
   * taken already.
   */
  enter(mailboxId: string, request: IncomingMessage, response: ServerResponse): (() => void) | undefined {
    const call = `${request.method ?? ''} ${request.url ?? ''}`;
    const during = this.#inUse.get(mailboxId);
    if (during !== undefined) {
      const at = new Date().toISOString();
      this.#violations.push({ at, mailboxId, rule: 'one call at a time for one mailbox', call, during });
      return undefined;
    }
    this.#inUse.set(mailboxId, call);
    let isHeld = true;
    const leave = (): void => {
      if (isHeld) this.#inUse.delete(mailboxId);
      isHeld = false;
    };
    response.once('finish', leave).once('close', leave);
    return leave;
  }
}
