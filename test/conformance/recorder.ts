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
