import type { MeshCall } from '../../shared/mesh/call.ts';
import { type Operation, messageIdOf, operationOf } from './published-form.ts';
import { TokenWatch, type WatchedRequest } from './token-watch.ts';

/** One attempt at a call, and whose it was. */
export interface RecordedCall extends MeshCall {
  readonly mailboxId: string;
  readonly operation?: Operation;
  /** The message that it was about. */
  readonly messageId?: string;
  /** Made to bring a case about, such as waiting for a delivery, and no part of what it judges. */
  readonly isPreparation: boolean;
}

/** Every call of one run of the catalogue, in the order in which they ended. */
export class Recorder {
  readonly calls: RecordedCall[] = [];
  readonly tokens = new TokenWatch();
  #isPreparing = false;

  /** What a mailbox of this run tells about its calls. */
  listenTo(mailboxId: string): (call: MeshCall) => void {
    return (call) => {
      const operation = operationOf(call);
      const messageId = messageIdOf(call);
      this.calls.push({
        ...call,
        mailboxId,
        ...(operation === undefined ? {} : { operation }),
        ...(messageId === undefined ? {} : { messageId }),
        isPreparation: this.#isPreparing,
      });
    };
  }

  async preparing<Result>(prepare: () => Promise<Result>): Promise<Result> {
    const before = this.#isPreparing;
    this.#isPreparing = true;
    try {
      return await prepare();
    } finally {
      this.#isPreparing = before;
    }
  }

  of(mailboxId: string): readonly RecordedCall[] {
    return this.calls.filter((call) => call.mailboxId === mailboxId);
  }

  /** What left this process for a mailbox, by Node's own account. */
  requestsOf(mailboxId: string): readonly WatchedRequest[] {
    return this.tokens.requests.filter((request) => request.mailboxId === mailboxId);
  }
}

/**
 * Calls without the attempts that came to nothing and were made again straight away, as a client should. The first
 * request of a message is none of them: made again, it may well be a second message.
 *
 * @param calls of one mailbox, in the order in which they ended
 */
export function withoutRetries(calls: readonly RecordedCall[]): RecordedCall[] {
  return calls.filter(({ operation, method, path, status }, index) => {
    const next = calls[index + 1];
    const isAgain = next?.method === method && next.path === path && operation !== 'send';
    return !isAgain || !cameToNothing(status);
  });
}

/** No answer, or one by which MESH was busy, slow or not ready. */
function cameToNothing(status: number | undefined): boolean {
  return status === undefined || status === 425 || status === 429 || status >= 500;
}
